"""Which options hold a secret: their values are in no output, well-formed or not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pjsipdiag.asterisk.section import Variable

_names_one = re.compile(
    "api_?key|cred|digest|pas+w|passphrase|(?<![^_-])(?:db|my|sql|user)?pass(?![^_=-])|pwd|secret|token"
).search
"""Whether a text in lower case holds what names of secrets hold."""
_SPELT = ("password", "secret")
HIDDEN = "(hidden)"


def is_secret(option: str) -> bool:
    """Whether an option, spelt right or nearly so, holds a secret."""
    name = option.strip().lower().rpartition("/")[2]
    return _names_one(name) is not None or any(_is_one_slip(name, word) for word in _SPELT)


def _is_one_slip(name: str, word: str) -> bool:
    """Whether one letter is missing, too many or another one, or two have changed their places."""
    if name == word or abs(len(name) - len(word)) > 1:
        return False
    at = next((at for at, (one, other) in enumerate(zip(name, word, strict=False)) if one != other), len(word))
    left, rest = name[at:], word[at:]
    return rest in (left[1:], left[1:2] + left[:1] + left[2:]) or left[1:] == rest[1:] or left == rest[1:]


def shown_value(variable: Variable) -> str:
    """The value as it may be shown."""
    return HIDDEN if is_secret(variable.name) else hide_secrets(variable.value)


def hide_value(variable: Variable, text: str) -> str:
    """A text about the variable, without any part of its value where that is a secret."""
    if is_secret(variable.name):
        for part in sorted({variable.value, *re.split(r"[\s,:]+", variable.value)} - {""}, key=len, reverse=True):
            text = text.replace(part, HIDDEN)
    return hide_secrets(text)


# Each begins only where a word does, and looks at it once: a hostile line may be one word of 64 KB.
_ASSIGNED = re.compile(r"(?<![\w/#-])([\w/#-]+)[ \t]*\+?=>?[ \t]*(?=\S)")
_VALUE = re.compile(r"\S+")
_BEFORE_AT = re.compile(r"(?<![^\s@])[^\s@]+(?=@)")
_IN_URI = re.compile(r"((?:\bsips?:[^:]+|\w://[^:/]*):).+", re.IGNORECASE)


def hide_secrets(text: str) -> str:
    """A text that quotes a URI, or a piece of a file that is no variable (a directive, a header, a program's
    arguments), without the secrets that are set there."""
    assigns = "=" in text and text.count("=") > text.count(";tag=")
    in_uri = text.count(":") > 1 and text.rpartition("@")[0].count(":") > 1
    if not in_uri and not (assigns and _names_one(text.lower())):
        return text  # as mostly: each call of a report has a URI
    # Both searches may find one place, or parts of it: what lies between two finds is kept once, and where they overlap
    # the farthest end counts.
    pieces, at = list[str](), 0
    for start, end in sorted((*_find_assigned(text), *_in_uris(text))):
        if start > at or not pieces:
            pieces += [text[at:start], HIDDEN]
        at = max(at, end)
    return "".join((*pieces, text[at:])) if pieces else text


def _find_assigned(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while found := _ASSIGNED.search(text, at):
        at = found.end()
        if _names_one(found[1].lower()) and (value := _VALUE.match(text, at)):
            yield value.span()
            at = value.end()


def _in_uris(text: str) -> Iterator[tuple[int, int]]:
    """A password before an @ may itself look like an assignment."""
    for piece in _BEFORE_AT.finditer(text):
        if found := _IN_URI.search(piece[0]):
            yield piece.start() + found.end(1), piece.start() + found.end()
