"""The report on a fleet for machines: `report/machine/fleet-1.json` is its schema."""

from __future__ import annotations

from typing import TextIO

from pjsipdiag import __version__
from pjsipdiag.fleet import wording
from pjsipdiag.fleet.model import Fleet, Member, Place, SharedCause, SharedSource
from pjsipdiag.report.look import Style
from pjsipdiag.report.machine import findings
from pjsipdiag.report.machine.findings import Json
from pjsipdiag.report.machine.json import dump, write_rows


def write(fleet: Fleet, stream: TextIO, _look: Style) -> None:
    """Writes one JSON object; one PBX, cause or source in a line."""
    stream.write('{"schema": "fleet-1",\n"tool": ' + dump({"name": "pjsipdiag", "version": __version__}))
    stream.write(',\n"headline": ' + dump(wording.fleet_headline(fleet)))
    write_rows(stream, "pbxs", map(_member, fleet.members))
    write_rows(stream, "causes", map(_cause, fleet.causes))
    write_rows(stream, "shared_sources", map(_source, fleet.shared_sources))
    stream.write(',\n"missing": ' + dump(wording.open_points(fleet)) + "}\n")


def _member(member: Member) -> Json:
    return {
        "name": member.pbx.name,
        "status": wording.status(member),
        "failed": member.failure or None,
        "headline": member.headline,
        "asterisk": member.asterisk or None,
        "captures": member.files,
        "records": member.records,
        "calls": member.calls,
        "failed_calls": member.failed_calls,
        "sources": member.callers,
        "unmatched_sources": member.unmatched,
        "cut": list(member.cut),
        "notes": list(member.notes),
        "patch": member.patch,
    }


def _cause(cause: SharedCause) -> Json:
    return {
        "rule": cause.rule,
        "severity": str(cause.severity),
        "title": wording.title(cause),
        "sources": list(cause.sources),
        "calls": cause.calls,
        "note": cause.note,
        "places": [_place(name, place) for name, place in cause.places],
    }


def _place(name: str, place: Place) -> Json:
    return {
        "pbx": name,
        "finding": findings.finding(place.finding),
        "suggestions": [findings.suggestion(one) for one in place.suggestions],
        "patch": place.patch,
    }


def _source(source: SharedSource) -> Json:
    return {
        "address": source.address,
        "kind": wording.shared_kind(source),
        "calls": wording.shared_calls(source),
        "seen": [
            {
                "pbx": name,
                "calls": row.calls,
                "requests": row.requests,
                "verdict": row.verdict,
                "endpoint": row.endpoint or None,
                "observed": dict(sorted(row.observed.items())),
                "user_agents": list(row.user_agents),
            }
            for name, row in source.callers
        ],
    }
