"""Addresses that stand where Asterisk never sees them: in comments, and in files that nothing includes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.files.comments import Comments

MOST_WITHOUT_EFFECT = 4
_OPTION = re.compile(rb"\s*(?:match|remote_hosts|identify/match|host)\s*\+?=>?\s*", re.IGNORECASE)


def places_without_effect(config: Config, ip: str) -> list[str]:
    """Sentences on the places of an address that no loaded identify has."""
    read = {section.where.file for section in config.sections}
    commented = _in_comments({name: text for name, text in config.texts.items() if name in read}, ip)
    return [
        *islice(commented, MOST_WITHOUT_EFFECT),
        *islice(_not_included(config.not_included(), ip), MOST_WITHOUT_EFFECT),
    ]


def _in_comments(texts: Mapping[str, bytes], ip: str) -> Iterator[str]:
    address = _as_word(ip)
    for name, text in texts.items():
        if address.search(text) is None:
            continue
        comments = Comments()
        for number, line in enumerate(text.split(b"\n"), 1):
            try:
                left = comments.strip(line, number)
            except ValueError:
                break
            if address.search(line) is not None and (left is None or address.search(left) is None):
                of_lines = f", which begins on line {comments.opened_at}" if left is None and comments.depth else ""
                yield f"{name}:{number} has {ip} in a comment{of_lines}: Asterisk does not read it"


def _not_included(texts: Mapping[str, bytes], ip: str) -> Iterator[str]:
    address = _as_word(ip)
    for name, text in texts.items():
        for number, line in enumerate(text.split(b"\n") if address.search(text) else (), 1):
            found = _OPTION.match(line)
            if found is not None and address.search(line.partition(b";")[0], found.end()) is not None:
                yield f"{name}:{number} has {ip}, and no file includes {name}: Asterisk does not read it"


def _as_word(ip: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![\w.:])" + re.escape(ip).encode() + rb"(?![\w:]|\.\d)", re.IGNORECASE)
