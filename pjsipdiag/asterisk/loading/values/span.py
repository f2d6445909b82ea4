"""Which releases have something: an option, a word that an option takes, a check."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pjsipdiag.asterisk.releases import Release

_TWINS = {"17": ("16", 6), "19": ("18", 8)}
"""Lines that no span names: each release came out with one of another line and has its options (16.6.0 and 17.0.0,
18.8.0 and 19.0.0, 18.16.0 and 19.8.0)."""


@dataclass(frozen=True, slots=True)
class Span:
    """All releases, but in the lines of `since` only from that release on, in those of `until` only before that
    release, and in those of `never` none."""

    since: dict[str, str] = field(default_factory=dict)
    until: dict[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()

    def covers(self, release: Release) -> bool:
        line, number = release.line, release.number
        if line in _TWINS:
            line, ahead = _TWINS[line]
            number = (int(line), number[1] + ahead, *number[2:])
        since, until = self.since.get(line), self.until.get(line)
        return (
            line not in self.never
            and (since is None or number >= _number(since))
            and (until is None or number < _number(until))
        )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


_16 = ("16", "certified-16.3", "certified-16.8")
_BEFORE_20 = (*_16, "18", "certified-18.9")

FROM_18 = Span(never=_16)
PEER_SUPPORTED = Span(since={"16": "16.30.0", "18": "18.16.0", "20": "20.1.0"}, never=(*_16[1:], "certified-18.9"))
"""`100rel=peer_supported`."""
STIR_SHAKEN_WORDS = Span(
    since={"16": "16.23.0", "18": "18.9.0"},
    until={"18": "18.22.0", "20": "20.7.0", "21": "21.2.0"},
    never=(*_16[1:], "22", "23", "certified-20.7", "certified-22.8"),
)
"""`stir_shaken` takes off, attest, verify or on; before it was a boolean."""
STIR_SHAKEN_GONE = Span(since={"18": "18.22.0", "20": "20.7.0", "21": "21.2.0"}, never=(*_16, "certified-18.9"))
"""`stir_shaken` takes anything and only warns."""
DIGESTS = Span(since={"20": "20.12.0", "21": "21.7.0", "22": "22.2.0"}, never=(*_BEFORE_20, "certified-20.7"))
"""Digest algorithms beyond MD5: `auth_type=digest`, `password_digest`, and a password checked for each algorithm."""
RTP_PORTS = Span(
    since={"20": "20.20.0", "22": "22.10.0", "23": "23.4.0"},
    never=(*_BEFORE_20, "21", "certified-20.7", "certified-22.8"),
)
"""The port range of one endpoint."""
REQUEST_URI = Span(
    since={"18": "18.23.0", "20": "20.8.0", "21": "21.3.0"}, never=(*_16, "certified-18.9", "certified-20.7")
)
"""`identify_by=request_uri`."""
TLS_1_3 = Span(since={"18": "18.20.0", "20": "20.5.0"}, never=(*_16, "certified-18.9"))
"""`method=tlsv1_3` of a transport."""
PROXY_URI = Span(
    until={"16": "16.30.0", "18": "18.16.0", "20": "20.1.0"},
    never=("21", "22", "23", "certified-20.7", "certified-22.8"),
)
"""`outbound_proxy` of a registration must be a URI and nothing more."""
TESTLAW = Span(never=("20", "21", "22", "23", "certified-20.7", "certified-22.8"))
H265 = Span(since={"16": "16.7.0"}, never=("certified-16.3",))
