"""Notes of a report: what of the captures was left aside, or taken for something, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.releases import instead
from pjsipdiag.capture.datagram import Tally
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.pbx.inference import without_proxies
from pjsipdiag.diagnosis.calls.pbx.releases_shown import version_of
from pjsipdiag.diagnosis.calls.pbx.translated import Translated
from pjsipdiag.diagnosis.evidence.readable_addresses import show_address, show_ip
from pjsipdiag.diagnosis.rules.another import of_another
from pjsipdiag.diagnosis.rules.cause import counted, listed
from pjsipdiag.diagnosis.rules.no_calls import pauses_of_answers
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.sip import NOWHERE, Address

UNTOLD = ("0.0.0.0:0", "[::]:0", "0.0.0.0", "::", "[::]", ":::0")
"""The addresses in place of the own side where a log leaves it out."""


def notes_on(
    merged: MergedFolds, situation: Situation, tallies: Sequence[Tally], translated: Translated
) -> Iterator[str]:
    """The notes that follow from the captures, and from what could not be judged in them."""
    calls, own = situation.calls, {*_packed(situation.pbx)}
    if situation.filter_text:
        yield f"filtered: only {situation.filter_text}"
    if isinstance(calls, Calls) and calls.passing:
        answering = {to for source, to in merged.pairs if source not in own}.intersection(merged.answerers) - own
        kept = without_proxies([*own, *sorted(answering)], merged) if answering else []
        others = [show_ip(ip) for ip in kept if ip not in own]
        also = (
            f"; {listed(others)} answered as Asterisk: --pbx {others[0]}, with its files, judges those"
            if others
            else ""
        )
        yield f"not counted: {counted(calls.passing, 'request')} between other hosts than the PBX{also}"
    if isinstance(calls, Calls) and calls.proxy_places:
        places = listed([show_address(place) for place in calls.proxy_places])
        yield (
            f"no transport of the configuration listens at {places}: a proxy there passes calls on to Asterisk, and"
            " they are judged as it gets them"
        )
    yield from translated.sentences()
    yield from _several(merged, frozenset(situation.pbx))
    if situation.groups and not situation.responses:
        yield "no answer is in the capture: how the calls ended is not known"
    if situation.signs.is_full:
        yield f"of ICMP errors, resets and TLS alerts the first {len(situation.signs):,} different ones are told"
    if merged.tellers:
        most = [carrier for carrier, _ in merged.tellers.most_common()]
        yield (
            f"{counted(merged.tellers.total(), 'message')} came in HEP or tunnels from {listed(most)}: the addresses in"
            f" them are claims; --mirror {most[0]} takes its word, if it is a host of yours"
        )
    protocols = {one.protocol for one in situation.config.listeners}  # no NAT makes one of another
    unbound = (
        one
        for one in situation.groups
        if one.sample.destination == NOWHERE
        and (not protocols or one.transport.lower() in protocols)
        and not of_another(situation, one)
    )
    if outside := sorted({one.destinations[0] for one in unbound}.difference(UNTOLD)):
        yield (
            f"{', '.join(outside)} answers, but no transport of the configuration listens there: "
            "taken for the outside of a NAT before Asterisk"
        )
    yield from pauses_of_answers(situation, tallies)
    for problem in situation.config.warnings:
        if problem.why.kind is FileReason.EXEC_NOT_ALLOWED:
            yield f"{problem.where}: {problem.reason}: what the program would write is not there"
    if merged.reinvites:
        yield f"not identified anew: {counted(merged.reinvites, 're-INVITE')} inside calls"


def _several(merged: MergedFolds, pbx: Collection[str]) -> Iterator[str]:
    """Addresses of the PBX that name different releases: machines of which the files can be true for one only."""
    names: dict[str, str] = {}
    for ip, agent in sorted(merged.agents):
        version = version_of(agent)
        if version and merged.answerers.get(ip) and show_ip(ip) in pbx:
            names.setdefault(show_ip(ip), version)
    if len(set(names.values())) > 1:
        # The name of a release that does not exist is what somebody wrote: a redacted note must not quote it.
        named = {ip: "another release" if instead(name) else f"Asterisk {name}" for ip, name in names.items()}
        each = listed([f"{ip} {release}" for ip, release in named.items()])
        yield (
            f"several PBXs answer ({each}), and the files are true for one of them at most:"
            f" --pbx {next(iter(names))} judges its calls alone"
        )


def _packed(ips: Iterable[str]) -> Iterable[bytes]:
    return (Address(ip).pack()[:-2] for ip in ips)
