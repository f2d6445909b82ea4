"""The sentences that all formats of a fleet share."""

from __future__ import annotations

from collections.abc import Iterable

from pjsipdiag.diagnosis.model import Severity
from pjsipdiag.fleet.model import Caller, Fleet, Member, Place, SharedCause, SharedSource
from pjsipdiag.report.wording import VERDICTS, counts, few, place, plural

NAMED_IN_TITLE = 3
"""Sources that the title of a cause names."""


def fleet_headline(fleet: Fleet) -> str:
    """The verdict in one sentence, or two."""
    members = fleet.members
    failed = sum(bool(member.failure) for member in members)
    problems = sum(member.needs_attention for member in members) - failed
    out = f" {plural(failed, 'PBX', 'PBXs')} could not be diagnosed." if failed else ""
    worst = next((cause for cause in fleet.causes if cause.severity is not Severity.NOTE), None)
    if worst is None:
        said = "Nothing wrong was found" if not problems else f"{problems:,} of {_pbxs(len(members))} have problems"
        return f"{said} at {_pbxs(len(members) - failed)}.{out}" if not problems else f"{said}.{out}"
    widest = f"; what concerns most of them ({len(worst.places):,}): {title(worst)}" if len(worst.places) > 1 else ""
    return f"{problems:,} of {_pbxs(len(members))} have problems{widest}.{out}"


def title(cause: SharedCause) -> str:
    """A cause in a few words."""
    if len(cause.places) == 1:
        return cause.places[0][1].finding.message
    return f"{few(cause.sources, NAMED_IN_TITLE)}: {cause.summary}" if cause.sources else cause.summary


def extent(cause: SharedCause) -> str:
    """How far it goes: `at 20 PBXs, 40 calls`."""
    names = {name for name, _ in cause.places}
    where = f"at {next(iter(names))}" if len(names) == 1 else f"at {_pbxs(len(names))}"
    return f"{where}, {plural(cause.calls, 'call')}" if cause.calls else where


def remedy(found: Place) -> str:
    """The place of a cause, and what is to be done there."""
    return ": ".join(filter(None, (place(found.finding.where), "; ".join(found.fixes) or found.finding.message)))


def remedies(places: Iterable[tuple[str, Place]]) -> list[tuple[list[str], str]]:
    """The remedies of several places, each with the PBXs where it reads alike."""
    alike: dict[str, list[str]] = {}
    for name, found in places:
        alike.setdefault(remedy(found), []).append(name)
    return [(names, said) for said, names in alike.items()]


def status(member: Member) -> str:
    """One word or two: failed, problems, ok."""
    return "not diagnosed" if member.failure else "problems" if member.needs_attention else "ok"


def outcome(member: Member) -> str:
    """Its headline, or why there is none."""
    return member.failure or member.headline


def shared_kind(source: SharedSource) -> str:
    """The verdicts of all PBXs on a source: `matched at 12, unmatched at 3`."""
    numbers = {
        verdict: sum(row.verdict == verdict for _, row in source.callers if row.calls) for verdict in VERDICTS[::-1]
    }
    parts = [f"{verdict} at {number:,}" for verdict, number in numbers.items() if number]
    silent = sum(not row.calls for _, row in source.callers)
    return ", ".join([*parts, *([f"no call at {silent:,}"] if silent else [])])


def shared_calls(source: SharedSource) -> int:
    return sum(row.calls for _, row in source.callers)


def seen_as(name: str, row: Caller) -> str:
    """A source as one PBX saw it."""
    how = f"{row.verdict}{f' as {row.endpoint}' if row.endpoint else ''}" if row.calls else "no call"
    return f"{name}: {how}, {counts(row.observed)}" if row.observed else f"{name}: {how}"


def open_points(fleet: Fleet) -> list[str]:
    """The gaps of the report: PBXs, parts of captures, sources that are not kept."""
    points = [f"{member.pbx.name}: not diagnosed: {member.failure}" for member in fleet.members if member.failure]
    points += [f"{member.pbx.name}: {cut}" for member in fleet.members for cut in member.cut]
    points += [
        f"{member.pbx.name}: {plural(member.sources_left_out, 'source')} with the fewest calls are left out of what "
        "several PBXs saw"
        for member in fleet.members
        if member.sources_left_out
    ]
    return points


def _pbxs(count: int) -> str:
    return plural(count, "PBX", "PBXs")
