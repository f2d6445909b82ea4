"""Names that people take for one another, and Asterisk tells apart: 1O0 and 100, SALES and sales, +49 30 and 4930."""

from __future__ import annotations

import unicodedata

_ALIKE = str.maketrans(
    "oil|sbzаверкмнстхуіӏоοι",
    "0111582a8epkmhctxy11001",
)
"""Letters as digits, and Cyrillic and Greek ones as Latin ones, where they look the same."""
_OVERLOOKED = str.maketrans("", "", " \t+-_.()\u200b\u200c\u200d\ufeff\u00ad")
"""Signs that are easily overlooked, or are not seen at all."""


def appearance(name: str) -> str:
    """The looks of a name: the same for all that are taken for one another."""
    return unicodedata.normalize("NFKC", name).translate(_OVERLOOKED).casefold().translate(_ALIKE)


def tell_apart(name: str, written: str) -> str:
    """How a name differs from the one in the files that it looks like, as a clause."""
    if name.casefold() == written.casefold():
        return "but for case, which Asterisk tells apart"
    pairs = zip(name, written, strict=False) if len(name) == len(written) else ()
    pair = next(((one, other) for one, other in pairs if one.casefold() != other.casefold()), None)
    if pair is None:
        return "but for signs like + - . and blanks, which count"
    one, other = (unicodedata.name(letter, "another sign") for letter in pair)
    return f"but for {one} in the place of {other}"
