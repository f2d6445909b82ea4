"""How the calls of a capture ended: failed, refused as they should be, or neither."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.rules import assign_blame
from pjsipdiag.diagnosis.rules.admission import answered_elsewhere
from pjsipdiag.diagnosis.rules.cause import clock, counted
from pjsipdiag.diagnosis.rules.network import is_lasting
from pjsipdiag.diagnosis.rules.refusals.otherwise import OF_PEOPLE
from pjsipdiag.diagnosis.rules.wire import acks
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def failed_calls(situation: Situation) -> tuple[int, int]:
    """How many calls failed, and how many of them because no identifier takes their source.

    A refused attack is no failed call, nor is one that somebody ended, nor a challenge that another call answers.
    """
    attacks = _groups(situation, "scanner")
    failed = unmatched = 0
    for group in situation.groups:
        count = 0 if id(group) in attacks else _failed(situation, group)
        failed += count
        unmatched += count if group.verdict.outcome is Outcome.NO_MATCH else 0
    return failed, unmatched


def attackers(situation: Situation) -> frozenset[str]:
    """The sources whose calls are attacks."""
    found = {group.source for groups in assign_blame(situation)["scanner"].values() for group in groups}
    return frozenset(found | set(situation.crowd.examples if situation.crowd else ()))


def _groups(situation: Situation, rule: str) -> set[int]:
    return {id(group) for groups in assign_blame(situation)[rule].values() for group in groups}


def _failed(situation: Situation, group: CallGroup) -> int:
    silence = group.statuses.get(0, 0) if is_lasting(situation, group) else 0
    refused = silence + sum(
        count for status, count in group.statuses.items() if status >= 300 and status not in OF_PEOPLE
    )
    return refused + group.unrung + acks.lost_calls(group) - answered_elsewhere(situation, group)


def note_filters(situation: Situation, options: Options, tallies: Sequence[Tally]) -> Situation:
    """The situation with the filters that were asked for, as the command line has them, and with what they left out
    where they left nothing.

    --pbx is one where there are calls and none of them goes to that address.
    """
    times = (("--since", options.get("since")), ("--until", options.get("until")))
    given = [f"{name} {value}" for name, value in times if value]
    given += [f"--source {address}" for address in options.get("sources", ())]
    given += [f"--call-id {name}" for name in options.get("call_ids", ())]
    calls = situation.calls
    if isinstance(calls, Calls) and not len(calls) and calls.passing and not calls.outbound:
        given += [f"--pbx {address}" for address in options.get("pbx", ())]
    timed = any(value for _, value in times) and isinstance(calls, Calls) and not len(calls)
    return replace(situation, filter_text=" ".join(given), without_filter=_in_all(tallies) if timed else "")


def _in_all(tallies: Sequence[Tally]) -> str:
    """A sentence on the INVITEs of captures at any time; empty where they cannot be read again, or hold none."""
    counts, firsts, lasts = [*zip(*look_again(tallies, _invites), strict=True)] or ((), (), ())
    if not counts:
        return ""
    first, last = map(clock, (min(firsts), max(lasts)))
    return f"without the filter: {counted(sum(counts), 'INVITE')}, from {first} to {last} UTC"


def _invites(datagrams: Iterator[Datagram]) -> list[tuple[int, int, int]]:
    """The number of INVITEs, the time of the first one and of the last one."""
    times = [datagram.time for datagram in datagrams if datagram.payload.startswith(b"INVITE ")]
    return [(len(times), min(times), max(times))] if times else []
