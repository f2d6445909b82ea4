"""Calls that arrive where nothing listens, and files by which nothing listens at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.config import Config, Transport
from pjsipdiag.asterisk.replay.arrival import check_listening
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import Cause, counted, finding_for, is_silent, listed, who
from pjsipdiag.diagnosis.rules.wire import bounces
from pjsipdiag.diagnosis.situation import CallGroup, Exchange, Situation

MOST_ASKING = 16
"""Hosts that a finding names as its sources: anybody can ask where nothing listens."""
ADD_TRANSPORT = (
    "add a transport for that protocol, address and port (a reload starts it; one that runs keeps its bind= until a"
    " restart), or have the sender use one that listens"
)


def of_transport(situation: Situation, group: CallGroup) -> Cause | None:
    """No transport of the configuration listens where the calls arrive, and nobody answered."""
    return _where_nothing_listens(situation, group) if is_silent(group) else None


def _where_nothing_listens(situation: Situation, group: CallGroup) -> Cause | None:
    config, destination = situation.config, group.sample.destination
    if not check_listening(group.transport, destination, config):
        return None
    if "transport" in config.elsewhere or any(dropped.type == "transport" for dropped in config.dropped):
        return None
    first = next(iter(config.transports.values()), None)
    return Cause(group.transport, first.where if first else None, str(destination))


def wrong_transport(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups, 'calls', 'call')} {cause.detail} over {cause.name}, where nothing listens:"
        f" {_why(situation, cause)}",
        cause.where,
        *_listening(situation),
        *bounces.sentences([word for group in groups for word in bounces.of_group(situation, group)]),
        advice=ADD_TRANSPORT,
    )


def besides(situation: Situation, _blamed: Blamed) -> Iterator[Finding]:
    """Requests outside of calls that nobody answered, and that go where nothing listens."""
    found: dict[tuple[Cause, bool], list[Exchange]] = defaultdict(list)
    for exchange in situation.exchanges if situation.config.transports else ():
        group = exchange.group if exchange.is_silent else None
        cause = _where_nothing_listens(situation, group) if group else None
        if group and cause:
            named = {uri.user for one in exchange.samples if (uri := one.from_uri)}
            is_meant = not named.isdisjoint(situation.config.endpoints) or bool(best(situation, group))
            found[cause, is_meant].append(exchange)
    for (cause, is_meant), ones in found.items():
        clients = tuple(dict.fromkeys(one.client for one in ones))
        methods = listed(list(dict.fromkeys(one.method for one in ones)))
        yield Finding(
            Severity.ERROR if is_meant else Severity.NOTE,
            f"{methods} of {listed(clients)} ({counted(sum(one.requests for one in ones), 'request')}) to"
            f" {cause.detail} over {cause.name} got no answer, for nothing listens there: {_why(situation, cause)}",
            cause.where,
            clients[:MOST_ASKING],
            evidence=tuple(_listening(situation)),
            advice=ADD_TRANSPORT,
        )


def _listening(situation: Situation) -> list[str]:
    """The transports that listen by the files."""
    return [
        f"listening: [{transport.name}] {transport.protocol} {_shown(transport)} ({transport.where})"
        for transport in situation.config.transports.values()
    ][:6]


def _why(situation: Situation, cause: Cause) -> str:
    """Why no transport takes what came."""
    transports = situation.config.transports.values()
    version6 = cause.detail.startswith("[")
    four_only = version6 and all(":" not in transport.bind for transport in transports)
    six_only = not version6 and all(":" in transport.bind for transport in transports)
    return (
        "the files have no transport at all"
        if not transports
        else "no transport has an IPv6 bind"
        if four_only
        else "bind=[::] does not take IPv4"
        if six_only
        else "the transport of that protocol and port is bound to another address"
        if any(_is_for(transport, cause) for transport in transports)
        else "no transport has that protocol and port"
    )


def _is_for(transport: Transport, cause: Cause) -> bool:
    """Whether only the address keeps a transport from what came."""
    return transport.protocol == cause.name.lower() and cause.detail.endswith(f":{transport.port}")


def _shown(transport: Transport) -> str:
    bind = f"[{transport.bind}]" if ":" in transport.bind else transport.bind or "0.0.0.0"
    return f"{bind}:{transport.port}"


def nothing_listens(config: Config) -> Iterator[Finding]:
    """Says that nothing listens, where no other finding says why."""
    explained = config.rejected_files or config.missing_files or any(one.is_fatal for one in config.absent_modules)
    explained = explained or any(one.type == "transport" for one in config.dropped)
    if config.listeners or explained or {"transport", ""} & config.elsewhere or "transport" in config.not_shown:
        return
    sockets = [f"sip.conf has chan_sip listen on {one.bind or 'every address'}:{one.port}" for one in config.chan_sip]
    yield Finding(
        Severity.NOTE if sockets else Severity.WARNING,
        "no transport is defined: PJSIP listens nowhere, and no call reaches it",
        Where(config.files[0], 1) if config.files else None,
        evidence=tuple(sockets),
        advice="Add a section with type=transport, protocol= and bind=, then `module reload res_pjsip.so`.",
    )
