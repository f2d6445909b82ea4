"""Hostile text made visible: nothing that came from a packet or a file leaves the program as a control character.

Every renderer shows text through `visible` (or `clip`); the format's own quoting (HTML, JSON, XML, Markdown, CSV)
comes on top of it. Printable text is never changed.
"""

from __future__ import annotations

from pjsipdiag.errors import escape_character, visible

__all__ = ["clip", "escape_surrogates", "visible", "well_formed"]

LONGEST_VALUE = 300
"""Characters of one value that a person is shown; a header may have 64 KiB."""


def clip(text: str, longest: int = LONGEST_VALUE) -> str:
    """`visible` text, cut after `longest` characters with the length of the whole."""
    shown = visible(text[: longest + 1])
    if len(shown) <= longest:
        return shown
    return f"{shown[:longest]}... ({len(text):,} characters)"


def escape_surrogates(text: str) -> str:
    """`text` with lone surrogates as visible escapes, for formats that can carry everything else themselves."""
    if text.isascii():
        return text
    return "".join(escape_character(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def well_formed(value: object) -> object:
    """Data for JSON, each text of it without lone surrogates."""
    if isinstance(value, str):
        return escape_surrogates(value)
    if isinstance(value, dict):
        return {key: well_formed(item) for key, item in value.items()}
    return [well_formed(item) for item in value] if isinstance(value, list | tuple) else value
