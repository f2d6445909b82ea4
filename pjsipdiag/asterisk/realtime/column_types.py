"""How a database compares a column of a type with a name, where the type alone decides it.

Asterisk gives every name as a text: a column of numbers takes it as a number, one of another kind exactly or not at
all. How texts are compared hangs on their collation, which a server tells and a dump mostly names.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.realtime.collation import EXACT, Folding

_WHOLE = ("tinyint", "smallint", "mediumint", "int", "integer", "bigint")
_NUMBERS = ("decimal", "numeric", "float", "double", "real", "double precision")
_TEXTS = (
    "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "character", "character varying",
    "citext",
)  # fmt: skip
_OF_CHARACTERS = ("char", "clob", "text", "blob")
_CONSTRAINT = re.compile(r"\b(?:not|null|unique|primary|default|collate|check|constraint|references|generated)\b")
_DECLARED = re.compile(r"(?:public\.)?(double precision|character varying|\w+)")


def folding(dialect: str, kind: str) -> Folding | None:
    """How a type of that name compares, None where that hangs on the collation of the texts that it holds."""
    if dialect == "sqlite":  # https://sqlite.org/datatype3.html
        is_text = not kind or ("int" not in kind and any(word in kind for word in _OF_CHARACTERS))
        return None if is_text else Folding(numbers="number")
    if kind in (*_WHOLE, *_NUMBERS):
        return Folding(numbers="beginning" if dialect == "mysql" else "whole" if kind in _WHOLE else "number")
    return None if kind in _TEXTS else Folding(case=kind == "uuid", is_bytea=kind == "bytea")


def takes_patterns(dialect: str, kind: str) -> bool:
    """Whether LIKE may ask for a column of that type: PostgreSQL refuses it for what is no text."""
    return dialect != "postgresql" or kind in (*_TEXTS, "name")


def read_type(dialect: str, definition: str) -> tuple[str, Folding]:
    """The type that a definition in CREATE TABLE names, in small letters, and how it compares as far as that says."""
    words = definition.lower()
    found = _DECLARED.match(words)
    kind = _CONSTRAINT.split(words)[0].strip() if dialect == "sqlite" else found[1] if found else ""
    of_type = folding(dialect, kind)
    if of_type is not None:
        return kind, of_type
    if dialect == "sqlite":
        return kind, Folding(case="collate nocase" in words, blanks="collate rtrim" in words)
    if kind == "citext":
        return kind, Folding(case=True, letters=True)
    return kind, Folding(blanks=True) if kind == "character" else EXACT
