"""JSON, JSONL, CSV, SARIF and JUnit: what a machine reads."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from pjsipdiag.diagnosis.traffic import CallRow
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import FORMATS, begin, format_of, render, renderer
from pjsipdiag.report.ahead import BackgroundTables, Table
from pjsipdiag.report.look import Style
from tests.report.build import healthy, report

SCHEMA = json.loads((files("pjsipdiag.report.machine") / "schema-1.json").read_text())
SARIF = json.loads((Path(__file__).parents[2] / "fixtures" / "report" / "sarif-subset.json").read_text())


def as_json(text: str) -> Any:
    return json.loads(text)


def test_json_is_schema_1() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for shown in (report(), healthy()):
        jsonschema.validate(as_json(render(shown, "json")), SCHEMA)


def test_json_says_what_the_report_says() -> None:
    shown = as_json(render(report(), "json"))
    assert shown["schema"] == 1
    assert shown["asterisk"] == {"version": "22.10.1", "assumed": False, "reason": "Server header in capture.pcap"}
    assert shown["unmatched"] == ["203.0.113.13"]
    unmatched = next(row for row in shown["sources"] if row["address"] == "203.0.113.13")
    assert (unmatched["verdict"], unmatched["endpoint"], unmatched["observed"]) == (
        "unmatched",
        None,
        {"401": 2, "none": 1},
    )
    call = shown["calls"][1]
    assert (call["source"], call["outcome"], call["observed_status"]) == ("203.0.113.13:5060", "no_match", 401)
    assert call["time"] == "2026-11-23T12:00:02.000000Z"
    assert call["trace"][0]["where"] == {"file": "pjsip.conf", "line": 22, "section": "provider-identify"}
    assert shown["suggestions"][0]["add"] == ["match=203.0.113.13"]
    assert shown["findings"][1]["where"]["line"] == 20


def test_jsonl_is_the_calls_of_the_json() -> None:
    lines = render(report(), "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == as_json(render(report(), "json"))["calls"]


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_processes_write_the_same_bytes_as_one(format: str) -> None:
    """A million calls are many; also hostile bytes, which the processes hand over in files."""
    few = report()
    calls = [
        few.calls[at % 6]._replace(call_id=f"{at}\0caf\udce9\n", time=few.calls[0].time + at) for at in range(23_456)
    ]
    sources = [few.sources[at % 4]._replace(address=f"2001:db8::{at:x}") for at in range(12_345)]
    many = replace(few, calls=calls, sources=sources)
    texts = []
    for jobs in (1, 2, 3):
        stream = StringIO()
        with begin(format, jobs) as ahead:
            renderer(format).write(many, stream, Style(ahead=ahead))
        texts.append(stream.getvalue())
    assert texts[0].count('"call_id"') == len(calls)
    assert texts[1:] == texts[:1] * 2


def test_who_waits_for_rows_writes_some_as_well() -> None:
    def line(row: int) -> str:
        time.sleep(0.0005)
        return f"{row} {os.getpid()}"

    def make(calls: Sequence[CallRow], _: object) -> Sequence[Table]:
        return (Table(calls, len(calls), line, "", "\n"),)

    rows: Any = range(1000)
    with BackgroundTables(2, make) as ahead:
        ahead.start(rows, ())
        (text,) = map("".join, ahead.texts())
    found = [line.split(" ") for line in text.split("\n")]
    assert [int(row) for row, _ in found] == list(rows)
    writers = {int(process) for _, process in found}
    assert os.getpid() in writers
    assert len(writers) == 2


def test_bytes_that_are_not_utf8_are_text_to_every_json_reader() -> None:
    broken = replace(report(), notes=("caf\udce9 \U0001f600",))
    assert as_json(render(broken, "json"))["notes"] == ["caf\\xe9 \U0001f600"]


def test_csv_has_a_row_for_each_source_the_worst_first() -> None:
    rows = list(csv.DictReader(StringIO(render(report(), "csv"))))
    assert [row["address"] for row in rows] == ["203.0.113.13", "198.51.100.7", "203.0.113.10", "198.51.100.9"]
    assert rows[0]["observed"] == "401: 2; none: 1"


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "＝1"])
def test_csv_cells_are_never_formulas(formula: str) -> None:
    source = report().sources[0]._replace(user_agents=(formula,))
    (row,) = csv.DictReader(StringIO(render(replace(report(), sources=(source,)), "csv")))
    assert row["user_agents"][0] not in "=+-@\t \uff1d"


def test_sarif_places_findings_and_offers_the_fix() -> None:
    log = as_json(render(report(), "sarif"))
    jsonschema.validate(log, SARIF)
    results = log["runs"][0]["results"]
    assert [result["level"] for result in results] == ["error", "warning"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("pjsip.conf", 22)
    change = results[0]["fixes"][0]["artifactChanges"][0]
    assert change["replacements"][0]["insertedContent"]["text"] == "match=203.0.113.13\n"
    assert log["runs"][0]["tool"]["driver"]["rules"][results[0]["ruleIndex"]]["id"] == "unmatched-source"


def test_sarif_fingerprints_survive_moved_lines() -> None:
    whole = report()
    finding = whole.findings[0]
    assert finding.where is not None
    moved = replace(finding, where=replace(finding.where, line=99))

    def fingerprint(shown: str) -> object:
        return as_json(shown)["runs"][0]["results"][0]["partialFingerprints"]

    after = replace(whole, findings=(moved,))
    assert fingerprint(render(after, "sarif")) == fingerprint(render(whole, "sarif"))


def test_junit_fails_for_unmatched_sources_and_findings() -> None:
    root = ElementTree.fromstring(render(report(), "junit"))
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed[0] == "203.0.113.13"
    assert len(failed) == 3
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite)
    assert not list(ElementTree.fromstring(render(healthy(), "junit")).iter("failure"))


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_report_gives_the_same_bytes(name: str) -> None:
    assert render(report(), name) == render(report(), name)


def test_a_file_ending_chooses_the_format() -> None:
    endings = {"a.json": "json", "b.JSONL": "jsonl", "c.csv": "csv", "d.md": "markdown", "e.sarif": "sarif", "f": None}
    assert {path: format_of(path) for path in endings} == endings


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(PjsipdiagError, match="text, html, json"):
        render(report(), "yaml")
