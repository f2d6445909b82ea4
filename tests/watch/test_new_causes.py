"""What is told, told again, and told no more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.model import Finding, Report, Severity
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.watch.new_causes import KNOWN_CAUSES, LINES_A_MINUTE, MINUTE, Causes

DEMO = Path(__file__).parents[2] / "fixtures/demo"


@pytest.fixture(scope="module")
def report() -> Report:
    return diagnose([DEMO / "capture.pcap"], DEMO / "etc")


def finding(*sources: str, rule: str = "unmatched-source", line: int = 1, message: str = "") -> Finding:
    return Finding(Severity.ERROR, message, Where("pjsip.conf", line), sources=sources, rule=rule)


def told(causes: Causes, report: Report, *findings: Finding, now: int = 0) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.change, one.sources) for one in causes.new(replace(report, findings=findings), now)]


def test_a_cause_is_told_once_and_when_its_lines_change(report: Report) -> None:
    causes = Causes(Severity.WARNING)
    assert told(causes, report, finding("192.0.2.1", message="1 call")) == [("new", ("192.0.2.1",))]
    assert told(causes, report, finding("192.0.2.1", message="7 calls")) == []
    assert told(causes, report, finding("192.0.2.1", "192.0.2.2")) == [("new", ("192.0.2.2",))]
    assert told(causes, report, finding("192.0.2.1", line=2)) == [("changed", ("192.0.2.1",))]
    assert told(causes, report, finding("192.0.2.1", rule="no-answer")) == [("new", ("192.0.2.1",))]
    again = Causes(Severity.WARNING, causes.told_causes())
    assert told(again, report, finding("192.0.2.1", line=2)) == []


def test_only_what_is_bad_enough_is_told(report: Report) -> None:
    mild = replace(finding("192.0.2.1"), severity=Severity.NOTE)
    assert told(Causes(Severity.WARNING), report, mild, finding(rule="no-invite")) == []
    assert told(Causes(Severity.NOTE), report, mild) == [("new", ("192.0.2.1",))]


def test_a_source_that_is_taken_is_told_once(report: Report) -> None:
    causes = Causes(Severity.WARNING)
    told(causes, report, finding("192.0.2.1"))
    row = SourceRow("192.0.2.1", 1, 1, "matched", "ip", "trunk-id", "trunk")
    taken = replace(report, sources=(row,))
    assert told(causes, taken) == [("cleared", ("192.0.2.1",))]
    assert told(causes, taken) == []
    assert told(causes, report, finding("192.0.2.1")) == [("new", ("192.0.2.1",))]


def test_a_flood_of_sources_is_bounded_in_lines_and_memory(report: Report) -> None:
    causes, many = Causes(Severity.WARNING), [finding(f"2001:db8::{number:x}") for number in range(KNOWN_CAUSES + 100)]
    assert len([one for each in many for one in told(causes, report, each)]) == LINES_A_MINUTE
    assert causes.left_out["unmatched-source"] == len(many) - LINES_A_MINUTE
    ours = finding("203.0.113.13")  # the report has lines for it
    assert told(causes, report, ours) == [("new", ("203.0.113.13",))]
    assert told(causes, report, many[-1], now=MINUTE) == [("new", many[-1].sources)]
    for number, each in enumerate(many):
        told(causes, report, each, now=number * MINUTE)
    assert len(causes.told_causes()) == KNOWN_CAUSES


def test_a_line_says_who_where_why_and_what_to_do(report: Report) -> None:
    causes = [*Causes(Severity.ERROR).new(report, 0)]
    (cause,) = causes
    assert cause.line().startswith("2025-10-09T08:5")
    assert "error  203.0.113.13 -> provider  unmatched-source: 203.0.113.13 is in no match=" in cause.line()
    said = cause.json()
    assert (said["endpoint"], said["calls"], said["commands"]) == ("provider", 2, ["asterisk -rx 'pjsip reload'"])
    assert said["suggestions"][0]["add"] == ["match=203.0.113.13"]


def test_many_sources_are_counted(report: Report) -> None:
    many = finding(*(f"192.0.2.{number}" for number in range(150)))
    (cause,) = Causes(Severity.ERROR).new(replace(report, findings=(many,)), 0)
    assert "192.0.2.0, 192.0.2.1, 192.0.2.2 and 147 more" in cause.line()
    assert (len(cause.json()["sources"]), cause.json()["sources_in_all"]) == (100, 150)


def test_no_text_of_a_cause_has_a_lone_surrogate(report: Report) -> None:
    """Bytes of a file that are no UTF-8: a lone surrogate is not text to most JSON readers."""
    one = replace(finding("192.0.2.1", message="caf\udce9"), where=Where("\udcff.conf", 1))
    (cause,) = Causes(Severity.WARNING).new(replace(report, findings=(one,)), 0)
    text = json.dumps(cause.json(), ensure_ascii=False)
    assert "caf\\\\xe9" in text and "\\\\xff.conf" in text
    assert text.isascii()
