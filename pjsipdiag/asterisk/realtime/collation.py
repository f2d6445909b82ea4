"""Objects by name where the database compares names: MariaDB finds `Trunk` and `trunk ` for the row `trunk`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pjsipdiag.dataclass import NamedTuple

_T = TypeVar("_T")

PROBES = (("a", "A"), ("a", "á"), ("a", "a "), ("é", "É"), ("ss", "ß"))
"""Pairs of texts that a column may take to be equal: the answers are the first fields of a `Folding`."""

_NUMBER = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_NUMBERS = {"whole": r"\s*([+-]?\d+)\s*\Z", "number": _NUMBER + r"\s*\Z", "beginning": _NUMBER}
"""The part of a text that a column of numbers is compared with; "beginning" takes what the text begins with, or 0."""


class Folding(NamedTuple):
    """The differences between two names that a database passes over when it compares them: `letters` is case beyond
    ASCII too, `expands` that one letter may equal two. A column of numbers takes names as numbers: `numbers` says which
    part of them. A column of bytes of PostgreSQL takes them as it reads bytes (`is_bytea`)."""

    case: bool = False
    accents: bool = False
    blanks: bool = False
    letters: bool = False
    expands: bool = False
    numbers: str = ""
    is_bytea: bool = False

    def fold(self, name: str) -> str:
        """A text that is the same for all names that the database takes to be equal."""
        if self.numbers:
            return _number(name, self.numbers)
        if self.is_bytea:
            return _bytea(name)
        if self.blanks:
            name = name.rstrip(" ")
        if self.accents and not name.isascii():
            name = _without_accents(name) if self.expands else "".join(map(_base, name))
        if not self.case:
            return name
        if self.expands:
            return name.casefold().upper()
        return "".join(_upper(letter) if self.letters or letter.isascii() else letter for letter in name)

    def sort_key(self, name: str) -> tuple[object, bytes]:
        """The place of a name among those of its column: numbers by their size, texts by their bytes."""
        folded = self.fold(name)
        return _size(folded) if self.numbers else 0, folded.encode("utf-8", "surrogateescape")


EXACT = Folding()


def read_probes(answers: Iterable[tuple[object, ...]]) -> Folding:
    """The folding that a table of answers tells: a row for each text, and for each of PROBES whether it is equal.

    A column of bytes gives the texts back as bytes, and passes nothing over.
    """
    equal = {text.strip(): row for text, *row in answers if isinstance(text, str)}
    if len(equal) < len({text for text, _ in PROBES}):
        return EXACT
    case, accents, blanks, letters, expands = (bool(equal[text][at]) for at, (text, _) in enumerate(PROBES))
    return Folding(case, accents, blanks, letters, expands)


def probing(key: str, table: str) -> str:
    """The question to a database that `read_probes` reads: PROBES are held against texts as values of a column."""
    texts = "".join(f" UNION ALL SELECT '{text}'" for text in dict.fromkeys(text for text, _ in PROBES))
    asked = ", ".join(f"probed = '{probe}'" for _, probe in PROBES)
    return f"SELECT probed, {asked} FROM (SELECT {key} AS probed FROM {table} WHERE 1 = 0{texts}) AS probes"


def _number(text: str, kind: str) -> str:
    import re
    from decimal import Decimal

    found = re.match(_NUMBERS[kind], text, re.ASCII)
    if found is None and kind != "beginning":
        return text
    try:
        return f"= {Decimal(found[1] if found else 0).normalize() + 0}"
    except ArithmeticError:
        return text


def _bytea(text: str) -> str:
    """The text of the bytes that `byteain` of PostgreSQL reads, in either of its forms; none where it fails."""
    import re

    if text.startswith("\\x"):
        try:
            return bytes.fromhex(text[2:]).decode("utf-8", "surrogateescape")
        except ValueError:
            return ""
    if re.fullmatch(r"(?:[^\\]|\\\\|\\[0-3][0-7]{2})*", text, re.DOTALL) is None:
        return ""
    written = text.encode("utf-8", "surrogateescape")
    read = re.sub(rb"\\(\\|[0-7]{3})", lambda found: bytes([int(found[1], 8)]) if found[1] != b"\\" else b"\\", written)
    return read.decode("utf-8", "surrogateescape")


def _size(folded: str) -> object:
    from decimal import Decimal

    return Decimal(folded[2:]) if folded.startswith("= ") else Decimal(0)


def _without_accents(text: str) -> str:
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _base(letter: str) -> str:
    """A letter without its accents: one that is not written as a letter and accents stays."""
    import unicodedata

    decomposed = unicodedata.normalize("NFD", letter)
    return decomposed[0] if len(decomposed) > 1 else letter


def _upper(letter: str) -> str:
    """One letter for one, as utf8mb4_general_ci has it."""
    if letter == "ß":
        return "S"
    upper = letter.upper()
    return upper if len(upper) == 1 else letter


class CaselessNames(dict[str, _T]):
    """A dictionary in which some of the objects are found by all names that their database takes to be equal.

    `renamed` are objects by their own names, where they are looked for by others: only indexing finds those.
    """

    def __init__(
        self, objects: dict[str, _T], folded: Iterable[tuple[Folding, str]], renamed: Mapping[str, _T] | None = None
    ) -> None:
        super().__init__(objects)
        self._renamed = renamed or {}
        self._folded: dict[Folding, dict[str, _T]] = {}
        for folding, name in folded:
            self._folded.setdefault(folding, {}).setdefault(folding.fold(name), objects[name])

    def __missing__(self, name: str) -> _T:
        found = self._equal(name)
        return self._renamed[name] if found is None else found

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and self._equal(name) is not None)

    def get(self, name: str, default: _T | None = None) -> _T | None:  # type: ignore[override]  # one type of default
        found = super().get(name)
        if found is None:
            found = self._equal(name)
        return default if found is None else found

    def _equal(self, name: str) -> _T | None:
        for folding, found in self._folded.items():
            folded = folding.fold(name)
            if folded in found:
                return found[folded]
        return None
