"""Headers whose value tells several trunks behind one address apart."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from pjsipdiag.diagnosis.evidence.owners import samples
from pjsipdiag.diagnosis.rules.cause import counted
from pjsipdiag.diagnosis.situation import CallGroup
from pjsipdiag.sip import SipMessage, parse_uri

_PER_CALL = frozenset(
    (
        *("via", "call-id", "cseq", "from", "to", "contact", "max-forwards", "record-route", "timestamp", "date"),
        *("content-length", "content-type", "allow", "supported", "user-agent", "expires", "session-expires", "min-se"),
        *("accept", "authorization"),
    )
)
"""Headers that differ from call to call, or that say what a device can do: no ground to match on."""

FILL_IN = "ENDPOINT"
"""The word in place of a name that a person has to fill in."""
MOST_VALUES = 6
"""More different values than this do not tell trunks apart, they tell calls apart."""


def identifies_by_header(groups: Sequence[CallGroup]) -> list[str]:
    """Identifies by header, one for each value that stands for a part of the calls; empty when no header does."""
    messages = [message for group in groups for message in samples(group)]
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for message in messages:
        for name, value in _candidates(message):
            values[name][value] += 1
    for name, found in sorted(values.items(), key=lambda item: (item[0] == "From", len(item[1]))):
        if 2 <= len(found) <= MOST_VALUES and sum(found.values()) == len(messages):
            return [
                line
                for number, (value, count) in enumerate(found.items(), 1)
                for line in (
                    f"[by-header-{number}] ; {counted(count, 'call')} seen",
                    "type=identify",
                    f"endpoint={FILL_IN}",
                    f"match_header={name}: {_escape(value)}",
                )
            ]
    return []


def _escape(value: str) -> str:
    """The value as a file has it, where a semicolon begins a comment."""
    return value.replace(";", "\\;")


def _candidates(message: SipMessage) -> list[tuple[str, str]]:
    found = [(name, value) for name, value in message.headers if name.lower() not in _PER_CALL and value]
    uri = parse_uri(message.header("From"))
    own = message.destination.ip  # scanners call themselves by the address that they try
    if uri and uri.host and uri.host != own and re.fullmatch(r"[\w.:-]+", uri.host):
        found.append(("From", f"/@{re.escape(uri.host)}[^a-z0-9.-]/"))
    return found
