"""The OPTIONS by which Asterisk asks whether its contacts are there: what it makes of answers, and which ones turned.

Replays qualify_contact_cb of res_pjsip/pjsip_options.c.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from pjsipdiag.asterisk.config import Aor
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import listed
from pjsipdiag.diagnosis.rules.methods.turned_answers import Turn, say_turn, turn_of
from pjsipdiag.diagnosis.rules.wire.pauses import MOST_EXCHANGES
from pjsipdiag.diagnosis.situation import Exchange, Situation
from pjsipdiag.sip import parse_uri

LOOK_AT_THE_WAY = (
    "look at the way there (firewall, DNS, port and transport of the contact); `pjsip show contacts` shows"
    " what Asterisk knows of it"
)
NOBODY = "nobody answers the PBX's own OPTIONS any more"
LOOK_AT_OWN_WAY = "look at the PBX's own way out (network, firewall, NAT) and at Asterisk (`systemctl status asterisk`)"
ASK_WHY = (
    "ask there what changed (account, permitted address, maintenance): who refuses OPTIONS may refuse calls as well"
)


@lru_cache(maxsize=2)
def _aors(situation: Situation) -> Mapping[str, Aor]:
    """The AOR whose contact is at a host, the first for each."""
    found: dict[str, Aor] = {}
    for aor in situation.config.aors.values():
        for uri in filter(None, map(parse_uri, aor.contacts)):
            found.setdefault(uri.host.strip("[]"), aor)
    return found


def aor_line(situation: Situation, host: str) -> Where | None:
    """The AOR whose contact is at a host."""
    aor = _aors(situation).get(host)
    return aor.where if aor else None


def wants_success(situation: Situation, exchange: Exchange) -> Where | None:
    """The line by which only a 2xx counts as a sign of life there."""
    aor = _aors(situation).get(exchange.server) if exchange.method == "OPTIONS" else None
    return aor.line_of("qualify_2xx_only") if aor and parse_bool(aor.value("qualify_2xx_only")) else None


def meaning(servers: Collection[str], strict: Where | None, *, answered: bool) -> str:
    """Says what Asterisk makes of refusals, or of silence."""
    if answered and strict is None:
        return ": Asterisk takes any answer as a sign of life"
    held = "those contacts" if len(servers) > 1 else "that contact"
    why = f" because of qualify_2xx_only ({strict})" if answered else ""
    return f": Asterisk holds {held} for unreachable{why}, and calls nobody there"


def advice(strict: Where | None) -> str:
    """The advice about refusals."""
    if strict:
        return "ask there what that answer means, or leave qualify_2xx_only out: then any answer counts"
    return "nothing while calls get through; qualify_frequency=0 ends the OPTIONS"


def changed(situation: Situation, through: Collection[str]) -> Iterator[Finding]:
    """A finding on all contacts whose answers turned alike; with the hosts of `through` calls get through."""
    alike: dict[tuple[Turn, bool, Where | None], list[Exchange]] = defaultdict(list)
    for one in situation.own_exchanges:
        turn = turn_of(one, situation.end) if one.method == "OPTIONS" else None
        if turn is not None:
            matters = aor_line(situation, one.server) is not None and one.server not in through
            alike[turn, matters, wants_success(situation, one)].append(one)
    stopped = {one.server for (turn, *_), ones in alike.items() if turn is Turn.STOPPED for one in ones}
    answering = {one.server for one in situation.own_exchanges if one.method == "OPTIONS" and one.successes}
    # One host that falls silent is its own matter; all of them show that the PBX hears nobody any more.
    all_stopped = len(stopped) > 1 and stopped == answering
    for (turn, matters, strict), ones in alike.items():
        servers, said = tuple(dict.fromkeys(one.server for one in ones)), [say_turn(one, turn) for one in ones]
        rest = f"; so it is with {listed(servers[1:])}" if servers[1:] else ""
        silent, over = turn is Turn.STOPPED, turn is Turn.ACCEPTED
        everybody = silent and all_stopped
        counts = everybody or (strict and not over) or (matters and turn in {Turn.STOPPED, Turn.REFUSED})
        yield Finding(
            Severity.WARNING if counts else Severity.NOTE,
            f"{said[0]}{rest}{'' if over else meaning(servers, strict, answered=not silent)}",
            where=strict or next(filter(None, (aor_line(situation, server) for server in servers)), None),
            sources=servers,
            evidence=(*([NOBODY] if everybody else ()), *said[1:MOST_EXCHANGES]),
            advice=LOOK_AT_OWN_WAY if everybody else _advice_on(turn, strict),
        )


def _advice_on(turn: Turn, strict: Where | None) -> str:
    """The advice about the contacts whose answers turned so."""
    if turn is Turn.ACCEPTED:
        return ""
    if turn is Turn.STOPPED:
        return LOOK_AT_THE_WAY
    return advice(strict) if strict else ASK_WHY
