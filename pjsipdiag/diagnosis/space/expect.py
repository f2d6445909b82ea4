"""A file that says who gets where, held against every request that could come.

Each line is `WHO [from USER] [over TRANSPORT] -> WHERE`; `#` begins a comment. WHO is an address, a network,
`anonymous` (who says From anonymous, from an address that no rule names) or `anybody`. WHERE is an endpoint, which asks
for a password or not, or `refused` or `nobody`: whatever the caller says, no call gets in without a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from pjsipdiag.asterisk.addresses.address_rule import holds
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.compare import describe
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.space.axes import (
    ANONYMOUS,
    STRANGER,
    AddressRange,
    Saying,
    Space,
    address_rules,
    invite,
    saying_of,
    space,
)
from pjsipdiag.errors import ConfigError, visible
from pjsipdiag.inputs import read_text
from pjsipdiag.sip import Network, SipMessage

_LINE = (
    r"(?i)(?P<who>\S+)(?:\s+from\s+(?P<user>\S+))?"
    r"(?:\s+over\s+(?P<transport>udp|tcp|tls|ws|wss))?\s*->\s*(?P<where>\S+)"
)
_REFUSED = frozenset({"refused", "nobody"})


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of the file. `networks` are empty for everybody; `who` is as it is written."""

    where: Where
    text: str
    who: str
    networks: tuple[Network, ...]
    user: str
    transport: str
    endpoint: str
    """Empty: nobody is to get in."""


@dataclass(frozen=True, slots=True)
class CheckedExpectation:
    """An expectation, and a request for which it does not hold: what becomes of it, and why (empty: it holds)."""

    expectation: Expectation
    failure: str = ""


def read_expectations(path: str) -> tuple[Expectation, ...]:
    """The lines of a file.

    :raises ConfigError: it cannot be read, or a line says nothing that is understood.
    """
    text = read_text(path)
    lines = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.split("\n"), 1))
    return tuple(_expectation(Where(path, number), line) for number, line in lines if line)


def _expectation(where: Where, text: str) -> Expectation:
    found = re.fullmatch(_LINE, text)
    if found is None:
        raise ConfigError(f"{where}: {visible(text)!r}: write 'WHO -> ENDPOINT' or 'WHO -> refused'")
    who = found["who"].lower()
    networks: tuple[Network, ...] = ()
    if who not in ("anonymous", "anybody"):
        try:
            networks = (ipaddress.ip_network(found["who"], strict=False),)
        except ValueError:
            raise ConfigError(
                f"{where}: {visible(found['who'])}: write an address, a network, anonymous or anybody"
            ) from None
    endpoint = "" if found["where"].lower() in _REFUSED else found["where"]
    return Expectation(where, text, who, networks, found["user"] or "", (found["transport"] or "").upper(), endpoint)


def check_expectations(config: Config, expectations: tuple[Expectation, ...]) -> tuple[CheckedExpectation, ...]:
    """Whether each of them holds for every request that it speaks of."""
    whole, replay = space([config]), Replay(config)
    return tuple(CheckedExpectation(one, _broken(one, whole, replay)) for one in expectations)


def findings(held: tuple[CheckedExpectation, ...]) -> tuple[Finding, ...]:
    """A finding for each expectation that does not hold."""
    return tuple(
        Finding(
            Severity.ERROR,
            f"{one.expectation.text}: it is not so",
            one.expectation.where,
            evidence=(one.failure,),
            advice="Mend the configuration, or the line of the file if this is meant.",
            rule="expectation-failed",
        )
        for one in held
        if one.failure
    )


def _broken(one: Expectation, whole: Space, replay: Replay) -> str:
    if one.endpoint and one.endpoint not in replay.config.endpoints:
        return f"there is no endpoint '{one.endpoint}'"
    asked = False
    for saying, message in _requests(one, whole, replay.config):
        asked, verdict = True, replay.verdict(message)
        if not _as_expected(one, verdict):
            says = f", {saying.label}," if saying.label else ""
            return f"{message.source}{says} over {message.transport} is {describe(verdict)}{_reason(verdict)}"
    return "" if asked else "no transport of the configuration listens for that"


def _requests(one: Expectation, whole: Space, config: Config) -> Iterator[tuple[Saying, SipMessage]]:
    sayings = _sayings(one, whole)
    for socket in whole.sockets:
        if one.transport in ("", socket.transport):
            for span in _spans(one, whole, config, 6 if ":" in socket.address.ip else 4):
                for port, saying in product(whole.ports, sayings):
                    yield saying, invite(span, port, saying, socket)


def _reason(verdict: Verdict) -> str:
    unknown = verdict.outcome is Outcome.UNKNOWN
    return f": {next(check.reason for check in verdict.trace if check.match == 'unknown')}" if unknown else ""


def _as_expected(one: Expectation, verdict: Verdict) -> bool:
    if not one.endpoint:
        return verdict.outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN)
    return verdict.endpoint == one.endpoint and verdict.outcome in (Outcome.ACCEPTED, Outcome.CHALLENGED)


def _sayings(one: Expectation, whole: Space) -> tuple[Saying, ...]:
    if one.user:
        user, _, host = one.user.partition("@")
        return (saying_of(user, host),)
    if one.who == "anonymous":
        return (ANONYMOUS,)
    return (Saying("", STRANGER),) if one.endpoint else whole.sayings


def _spans(one: Expectation, whole: Space, config: Config, version: int) -> Iterator[AddressRange]:
    """A range of each class of addresses that the expectation speaks of, cut to its network."""
    for spans in whole.spans:
        for span in spans:
            cut = _cut(one, span) if span.version == version else None
            if cut is not None and (one.who != "anonymous" or not _is_named(cut, config)):
                yield cut
                break


def _cut(one: Expectation, span: AddressRange) -> AddressRange | None:
    if not one.networks:
        return span
    (network,) = one.networks
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version != span.version or last < span.first or span.last < first:
        return None
    return replace(span, first=max(first, span.first), last=min(last, span.last))


def _is_named(span: AddressRange, config: Config) -> bool:
    return any(holds(rule, span.version, span.first) for rule in address_rules(config))
