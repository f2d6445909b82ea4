"""Findings and suggestions as JSON: what is wrong, what to do, how it is loaded and seen to work."""

from __future__ import annotations

from typing import Any

from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.model import CallMarks, Edit, Finding, Loading, Stop, Suggestion
from pjsipdiag.report import wording

Json = dict[str, Any]


def finding(row: Finding) -> Json:
    return {
        "rule": row.rule,
        "severity": str(row.severity),
        "message": row.message,
        "where": where(row.where),
        "sources": list(row.sources),
        "calls": row.calls,
        "evidence": list(row.evidence),
        "consequences": list(row.consequences),
        "advice": row.advice,
        "places": [where(place) for place in row.places],
        "seen": _seen(row.seen),
        "loading": _loading(row.loading),
    }


def _seen(row: CallMarks) -> Json:
    return {
        "first": wording.moment(row.first) if row.first else None,
        "last": wording.moment(row.last) if row.last else None,
        "numbers": list(row.numbers),
        "callers": list(row.callers),
        "call_ids": list(row.call_ids),
    }


def suggestion(row: Suggestion) -> Json:
    return {
        "file": row.file,
        "line": row.line,
        "section": row.section,
        "endpoint": row.endpoint,
        "add": list(row.add),
        "fixes": row.fixes,
        "changes_others": row.changes_others,
        "admits": list(row.admits),
        "addresses": list(row.addresses),
        "note": row.note,
        "candidates": list(row.candidates),
        "stops": [_stop(stop) for stop in row.stops],
        "edits": [_edit(edit) for edit in row.edits],
        **({"sql": list(row.sql)} if row.sql else {}),
        "loading": _loading(row.loading),
    }


def _loading(row: Loading) -> Json:
    return {
        "kinds": [str(kind) for kind in row.kinds],
        "commands": list(row.commands),
        "see": list(row.see),
        "watch": row.watch or None,
        "generated": list(row.generated),
        "page": row.page or None,
        "custom": row.custom or None,
    }


def _stop(row: Stop) -> Json:
    return {
        "status": row.status,
        "endpoint": row.endpoint,
        "reason": row.reason,
        "where": where(row.where),
        "calls": row.calls,
    }


def _edit(edit: Edit) -> Json:
    return {"file": edit.file, "line": edit.line, "old": list(edit.old), "new": list(edit.new)}


def where(place: Where | None) -> Json | None:
    if place is None or not place.file:
        return None
    row = {"row": str(place)} if place.column else {}
    return {"file": place.file, "line": 0 if place.column else place.line, "section": place.section, **row}
