"""SARIF 2.1.0 (OASIS), for code scanning of a configuration that lives in a repository.

Every finding is a result at the line that causes it; a suggested change is its `fixes`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TextIO
from urllib.parse import quote

from pjsipdiag import __version__
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.model import Edit, Finding, Report, Suggestion
from pjsipdiag.report import wording
from pjsipdiag.report.escape import well_formed
from pjsipdiag.report.look import Style
from pjsipdiag.report.machine.findings import Json
from pjsipdiag.report.machine.repository_path import path_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(report: Report, stream: TextIO, look: Style) -> None:
    """Writes one run."""
    rules = sorted({finding.rule for finding in report.findings})
    driver = {
        "name": "pjsipdiag",
        "version": __version__,
        "rules": [_rule(name) for name in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules.index(finding.rule), report, look.folder) for finding in report.findings],
    }
    json.dump(well_formed({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}), stream, indent=1)
    stream.write("\n")


def _rule(name: str) -> Json:
    """The rule, as `pjsipdiag rules NAME` describes it."""
    from pjsipdiag.diagnosis.rules import RULES

    rule = next((rule for rule in RULES if rule.name == name), None)
    if rule is None:
        return {
            "id": name,
            "shortDescription": {"text": name.replace("-", " ") or "?"},
        }
    return {
        "id": name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.summary, "markdown": rule.page},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _result(finding: Finding, index: int, report: Report, folder: str) -> Json:
    lines = (finding.message, *finding.evidence, *finding.consequences, finding.advice)
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": str(finding.severity),
        "message": {"text": "\n".join(line for line in lines if line)},
        "partialFingerprints": {"pjsipdiag/v1": _fingerprint(finding)},
    }
    if finding.where is not None and finding.where.file:
        result["locations"] = [_location(finding.where, folder)]
    if fixes := [_fix(s, folder) for s in wording.suggestions_for(finding, report) if s.edits]:
        result["fixes"] = fixes
    return result


def _location(where: Where, folder: str) -> Json:
    if where.column:
        return {"logicalLocations": [{"fullyQualifiedName": str(where), "kind": "row"}]}
    location: Json = {"physicalLocation": {"artifactLocation": {"uri": _uri(where.file, folder)}}}
    if where.line:
        location["physicalLocation"]["region"] = {"startLine": where.line}
    if where.section:
        location["logicalLocations"] = [{"name": where.section, "kind": "section"}]
    return location


def _fix(suggestion: Suggestion, folder: str) -> Json:
    files = dict.fromkeys(edit.file for edit in suggestion.edits)
    return {
        "description": {"text": f"{', '.join(suggestion.add)}: {wording.effect(suggestion)}"},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(file, folder)},
                "replacements": [_replacement(edit) for edit in suggestion.edits if edit.file == file],
            }
            for file in files
        ],
    }


def _replacement(edit: Edit) -> Json:
    """Whole lines: from the start of the first old line to the start of the one after the last."""
    first, after = max(edit.line, 1), max(edit.line, 1) + len(edit.old)
    return {
        "deletedRegion": {"startLine": first, "startColumn": 1, "endLine": after, "endColumn": 1},
        "insertedContent": {"text": "".join(f"{line}\n" for line in edit.new)},
    }


def _uri(file: str, folder: str) -> str:
    path = quote(path_of(file, folder), safe="/", errors="surrogatepass")
    return f"file://{path}" if path.startswith("/") else path


def _fingerprint(finding: Finding) -> str:
    """Stays the same when lines move: of the rule, the place without its line, and the sources."""
    where = finding.where
    parts = (finding.rule, where.file if where else "", where.section if where else "", *sorted(finding.sources))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
