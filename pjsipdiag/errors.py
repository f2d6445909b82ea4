"""Errors for the user: one line with what is wrong, where, and what to do.

Every error that input can cause is one of these; the command line prints it and exits with status 2.
"""

from __future__ import annotations


class PjsipdiagError(Exception):
    """The input or the request cannot be used; the text is one line for the user."""


class CaptureError(PjsipdiagError):
    """A capture cannot be read at all (what can be read in part is read, and said)."""


class ConfigError(PjsipdiagError):
    """The configuration cannot be read at all: a missing directory, no pjsip.conf, a file without permission."""


LONGEST_REASON = 200
"""Characters of a reason in the words of others: a server chooses its own."""
NO_HOST = "no host can be called so"
"""The fault of a name that no question to the DNS can hold: too long, with an empty part, or with odd signs."""
UNPACKED = "/pjsipdiag-unpacked/"
"""The part of the path of a file out of an archive that stands before the archive's name."""


def shown_name(path: str) -> str:
    """A file as it is named to the user: without the folder that it was unpacked to."""
    return path.rpartition(UNPACKED)[2]


def visible(text: str) -> str:
    """`text` with everything that is not printable as a visible escape: control characters and ANSI sequences,
    bidirectional marks, zero-width and private characters, line separators.

    A byte that was not UTF-8 (a lone surrogate of `surrogateescape`) becomes `\\xNN`, as do control characters.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else escape_character(char) for char in text)


def escape_character(char: str) -> str:
    """A visible escape for one character."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
