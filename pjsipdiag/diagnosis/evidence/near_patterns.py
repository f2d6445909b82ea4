"""Patterns of identifies that a message has but for case, in which Asterisk tells them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from pjsipdiag.asterisk.config import Config, Identify
from pjsipdiag.asterisk.loading.identify import expression_in
from pjsipdiag.diagnosis.evidence.lookup import SameConfig
from pjsipdiag.sip import SipMessage


def nearly_fitting(config: Config, message: SipMessage) -> Iterator[tuple[str, str]]:
    """(endpoint, words) of the identifies whose header or request URI differs from that of the message in case only."""
    for header, literals in _literals(SameConfig(config)).items():
        values = message.values(header) if header else (message.request_uri,)
        for value in values:
            for identify, wanted in literals.get(value.casefold(), ()):
                if value == wanted:
                    continue
                option = "match_header" if header else "match_request_uri"
                where = identify.line_of(option)
                line = f"{option}={f'{header}: ' if header else ''}{wanted} ({where})"
                yield (
                    identify.endpoint,
                    f"its {header or 'request URI'} is that of {line} but for case: write it as it is sent",
                )


@lru_cache(maxsize=2)
def _literals(same: SameConfig) -> dict[str, dict[str, list[tuple[Identify, str]]]]:
    """Header (none for the request URI) -> text without its case -> each identify that compares it as it stands, and
    the text as it has it: files may have a thousand, and callers are as many."""
    found: dict[str, dict[str, list[tuple[Identify, str]]]] = defaultdict(lambda: defaultdict(list))
    for identify in same.config.identifies:
        header, _, value = map(str.strip, identify.match_header.partition(":"))
        for name, text in ((header, value), ("", identify.match_request_uri)):
            if text and not expression_in(text):
                found[name][text.casefold()].append((identify, text))
    return found
