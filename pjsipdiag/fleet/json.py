"""The report on a fleet for machines: `report/machine/fleet-1.json` is its schema."""

from __future__ import annotations

import json
from typing import Any, TextIO

from pjsipdiag import __version__
from pjsipdiag.fleet import wording
from pjsipdiag.fleet.model import Fleet, Member, Place, SharedCause, SharedSource
from pjsipdiag.report.escape import well_formed
from pjsipdiag.report.look import Style
from pjsipdiag.report.machine import causes
from pjsipdiag.report.machine.causes import Json


def write(fleet: Fleet, stream: TextIO, _look: Style) -> None:
    """Writes one JSON object; one PBX, cause or source in a line."""
    stream.write('{"schema": "fleet-1",\n"tool": ' + _dump({"name": "pjsipdiag", "version": __version__}))
    stream.write(',\n"headline": ' + _dump(wording.fleet_headline(fleet)))
    for name, rows in (
        ("pbxs", map(_member, fleet.members)),
        ("causes", map(_cause, fleet.causes)),
        ("shared_sources", map(_source, fleet.shared)),
    ):
        text = ",\n".join(map(_dump, rows))
        stream.write(f',\n"{name}": [' + (f"\n{text}" if text else "") + "]")
    stream.write(',\n"missing": ' + _dump(wording.open_points(fleet)) + "}\n")


def _member(member: Member) -> Json:
    return {
        "name": member.pbx.name,
        "status": wording.status(member),
        "failed": member.failed or None,
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
        "finding": causes.finding(place.finding),
        "suggestions": [causes.suggestion(one) for one in place.suggestions],
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
            for name, row in source.seen
        ],
    }


def _dump(value: object) -> str:
    return json.dumps(_clean(value))


def _clean(value: Any) -> Any:
    """The same with every text made well-formed."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
