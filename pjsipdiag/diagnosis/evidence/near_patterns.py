"""Patterns of identifies that a message has but for case, in which Asterisk tells them apart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pjsipdiag.asterisk.config import Config, Identify
from pjsipdiag.asterisk.loading.identify import expression_in
from pjsipdiag.diagnosis.evidence.lookup import SameConfig
from pjsipdiag.sip import SipMessage


def nearly_fitting(config: Config, message: SipMessage) -> Iterator[tuple[str, str]]:
    """(endpoint, words) of the identifies whose header or request URI differs from that of the message in case only."""
    for identify, header, wanted in _literals(SameConfig(config)):
        for value in message.values(header) if header else (message.request_uri,):
            if value != wanted and value.casefold() == wanted.casefold():
                option = "match_header" if header else "match_request_uri"
                where = identify.line_of(option)
                line = f"{option}={f'{header}: ' if header else ''}{wanted} ({where})"
                yield (
                    identify.endpoint,
                    f"its {header or 'request URI'} is that of {line} but for case: write it as it is sent",
                )


@lru_cache(maxsize=2)
def _literals(same: SameConfig) -> list[tuple[Identify, str, str]]:
    """Each identify with a text that is compared as it stands: the header that has it (none for the request URI)."""
    found = []
    for identify in same.config.identifies:
        header, _, value = map(str.strip, identify.match_header.partition(":"))
        found += [(identify, name, text) for name, text in ((header, value), ("", identify.match_request_uri)) if text]
    return [one for one in found if not expression_in(one[2])]
