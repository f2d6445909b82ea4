"""The geometry of the pictures, and what the excerpt and the diff say."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.model import Edit, Suggestion
from pjsipdiag.diagnosis.traffic import SpokenMessage
from pjsipdiag.report import render, wording
from pjsipdiag.report.drawing.contrast import contrast
from pjsipdiag.report.drawing.diff import diff
from pjsipdiag.report.drawing.excerpt import excerpt, sections_by_line
from pjsipdiag.report.drawing.flow import MOST_NODES, flow
from pjsipdiag.report.drawing.ladder import ladder
from pjsipdiag.report.drawing.tally import BINS, tally
from pjsipdiag.report.drawing.timeline import timeline
from tests.report.build import MATCHED, NOON, UNMATCHED, call, report


def test_the_tally_counts_each_call_once() -> None:
    calls = report().calls
    counted = tally(calls, calls[0].time, calls[-1].time)
    assert {address: source.bins.total() for address, source in counted.sources.items()} == {
        "203.0.113.10": 2,
        "203.0.113.13": 3,
        "198.51.100.7": 1,
    }
    assert all(0 <= step < BINS for source in counted.sources.values() for step, _ in source.bins)


@pytest.mark.parametrize(
    ("verdict", "status", "kind"),
    [
        (MATCHED, 200, "matched"),
        (MATCHED, 404, "failed"),
        (MATCHED, None, "failed"),
        (MATCHED, 486, "matched"),
        (UNMATCHED, 401, "unmatched"),
    ],
)
@pytest.mark.parametrize("attacks", [False, True])
def test_the_colour_follows_the_answer(verdict: Verdict, status: int | None, kind: str, attacks: bool) -> None:
    attackers = {"203.0.113.9"} if attacks else set[str]()
    counted = tally([call(1, "203.0.113.9:5060", verdict, status)], NOON, NOON + 10**10, attackers=attackers)
    (path,) = counted.sources["203.0.113.9"].paths
    assert path[-1] == ("refused" if attacks and kind == "unmatched" else kind)


def test_addresses_of_both_families() -> None:
    assert [ip_of(text) for text in ("203.0.113.1:5060", "[2001:db8::1]:5060", "2001:db8::1")] == [
        "203.0.113.1",
        "2001:db8::1",
        "2001:db8::1",
    ]


def test_the_time_line_shows_the_worst_source_first() -> None:
    whole = report()
    counted = tally(whole.calls, NOON, NOON + 10**10)
    drawn = timeline(wording.sources_by_need(whole), counted, 2)
    assert [row.address for row in drawn.rows] == ["203.0.113.13", "198.51.100.7"]
    assert drawn.left == 1
    assert {bar.verdict for bar in drawn.rows[0].bars} == {"unmatched"}
    assert all(bar.y >= 0 and bar.y + bar.height <= drawn.height + 0.01 for row in drawn.rows for bar in row.bars)


def test_the_flow_keeps_every_call_in_every_column() -> None:
    whole = report()
    drawn = flow(tally(whole.calls, NOON, NOON + 10**10))
    sources = [node for node in drawn.nodes if node.x == 0]
    answers = [node for node in drawn.nodes if node.last]
    assert sum(node.calls for node in sources) == sum(node.calls for node in answers) == 6
    assert {node.label for node in answers} == {"200", "401", "none"}
    assert all(node.y + node.height <= drawn.height for node in drawn.nodes)


def test_many_sources_flow_together() -> None:
    calls = [call(at, f"203.0.113.{at}:5060", UNMATCHED if at else MATCHED, 401) for at in range(40)]
    drawn = flow(tally(calls, NOON, NOON + 10**11))
    sources = [node for node in drawn.nodes if node.x == 0]
    assert len(sources) == MOST_NODES + 1
    assert sources[-1].label == f"{40 - MOST_NODES} more"
    assert sum(node.calls for node in sources) == 40


def test_the_ladder_says_who_sent_what_and_when() -> None:
    drawn = ladder(report().calls[1])
    assert [(arrow.rightwards, arrow.kind, arrow.after) for arrow in drawn.arrows] == [
        (True, "request", "+0.0 ms"),
        (False, "bad", "+4.0 ms"),
    ]
    assert not drawn.is_whole


def test_the_ladder_has_all_that_was_said() -> None:
    one = report().calls[1]
    spoken = (
        SpokenMessage(
            NOON, one.source, one.destination, "INVITE sip:1@x SIP/2.0", "INVITE sip:1@x SIP/2.0\r\nTo: a\r\n\r\n"
        ),
        SpokenMessage(NOON + 10**9, one.source, one.destination, "ICMP port unreachable", is_sign=True),
        SpokenMessage(NOON + 2 * 10**9, "192.0.2.1:5060", "198.51.100.9:5060", "BYE sip:1@x SIP/2.0"),
    )
    drawn = ladder(one, spoken)
    assert [(arrow.rightwards, arrow.kind, arrow.ends) for arrow in drawn.arrows] == [
        (True, "request", ""),
        (True, "sign", ""),
        (False, "request", "192.0.2.1:5060 to 198.51.100.9:5060"),
    ]
    assert drawn.arrows[0].text == ("INVITE sip:1@x SIP/2.0", "To: a")
    assert drawn.is_whole


def test_a_contrast_leaves_out_what_differs_between_any_two_calls() -> None:
    good, bad = report().calls[:2]
    text = (
        "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch={1}\r\nf: <sip:15550100@{0}>;tag={1}\r\n"
        "Call-ID: {1}\r\nSubject: same\r\n{2}\r\nv=0\r\no=- {1} 1 IN IP4 {0}\r\nm=audio {3} RTP/AVP {4}\r\n"
    )
    said = [
        SpokenMessage(NOON, "", "", "INVITE sip:100@192.0.2.1 SIP/2.0", text.format(*values))
        for values in (
            ("203.0.113.13", "z1", "Require: 100rel\r\n", 4000, "0 8"),
            ("203.0.113.10", "z2", "", 5000, "8"),
        )
    ]
    found = contrast(bad, good, said[:1], said[1:])
    assert {row.name: (row.bad, row.good) for row in found.differences if row.name in ("Require", "Sdp", "SDP")} == {
        "Require": ("100rel", ""),
        "SDP": ("m=audio RTP/AVP 0 8", "m=audio RTP/AVP 8"),
    }
    assert {row.name for row in found.differences} == {
        *("Answered", "By these files", "Identified by", "From address", "Require", "SDP")
    }
    assert found.own == ("Via", "From")
    assert found.alike == ("Request", "Subject")


def test_a_contrast_says_of_no_header_that_it_is_missing_where_the_text_is() -> None:
    good, bad = report().calls[:2]
    text = f"INVITE {good.request_uri} SIP/2.0\r\nRequire: 100rel\r\nSubject: x\r\n\r\n"
    whole, cut = [SpokenMessage(NOON, "", "", "INVITE x", text)], [SpokenMessage(NOON, "", "", "INVITE x")]
    for found in (contrast(bad, good, cut, whole), contrast(bad, good, whole, ())):
        assert not {"Require", "Subject"} & {*found.alike, *found.own, *(row.name for row in found.differences)}


def test_a_contrast_takes_time_in_proportion_to_the_text() -> None:
    good, bad = report().calls[:2]
    text = f"INVITE sip:1@x SIP/2.0\r\nSubject: a{' ' * 60_000}b\r\n\r\n{'m=audio 1 x' * 2000}\r\n"
    said, started = [SpokenMessage(NOON, "", "", "INVITE x", text)], process_time()
    contrast(bad, good, said, said)
    assert process_time() - started < 1


def test_the_excerpt_marks_the_line_and_hides_secrets() -> None:
    where = Where("pjsip.conf", 3, "a")
    section = Section(
        "a",
        Where("pjsip.conf", 1, "a"),
        (
            Variable("type", "auth", Where("pjsip.conf", 2, "a")),
            Variable("password", "hunter2", where),
            Variable("context", "inherited", Where("templates.conf", 9, "t")),
        ),
    )
    shown = excerpt(sections_by_line(Config("22.10.1", "etc", sections=(section,))), where)
    assert shown is not None
    assert [(line.number, line.text, line.marked) for line in shown.lines] == [
        (1, "[a]", False),
        (2, "type=auth", False),
        (3, "password=(hidden)", True),
    ]


def test_the_diff_is_taken_by_patch(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[a]\ntype=identify\nmatch=203.0.113.1\n\n[b]\ntype=aor\n")
    suggestion = replace(
        report().suggestions[0],
        edits=(
            Edit("pjsip.conf", 3, ("match=203.0.113.1",), ("match=203.0.113.1/31",)),
            Edit("pjsip.conf", 4, (), ("match=203.0.113.9",)),
            Edit("pjsip.conf", 7, (), ("", "[c]", "type=identify")),
        ),
    )
    text = "".join(f"{line}\n" for line in diff(suggestion))
    subprocess.run(["patch", "-p1", "--silent"], cwd=tmp_path, input=text, text=True, check=True)
    assert (tmp_path / "pjsip.conf").read_text() == (
        "[a]\ntype=identify\nmatch=203.0.113.1/31\nmatch=203.0.113.9\n\n[b]\ntype=aor\n\n[c]\ntype=identify\n"
    )


def test_advice_without_edits_has_no_diff() -> None:
    assert diff(Suggestion("", 0, "", "", ())) == ()


def test_sources_beyond_the_first_are_counted_together() -> None:
    calls = [call(at, f"203.0.113.{at}:5060", UNMATCHED, 401) for at in range(100)]
    counted = tally(calls, NOON, NOON + 10**11, {"203.0.113.7"})
    assert list(counted.sources) == ["203.0.113.7"]
    drawn = flow(counted)
    assert [(node.label, node.calls) for node in drawn.nodes if node.x == 0] == [("203.0.113.7", 1), ("99 more", 99)]


def test_the_timeline_spans_the_calls() -> None:
    """What a source sent beside calls is not drawn, so its times do not count."""
    calling = report().sources[0]._replace(first_time=NOON, last_time=NOON + 60 * 1_000_000_000)
    quiet = calling._replace(
        address="198.51.100.9", calls=0, first_time=NOON - 3600 * 1_000_000_000, last_time=NOON * 2
    )
    only, both = (render(replace(report(), sources=rows), "html") for rows in ((calling,), (calling, quiet)))
    ticks = re.compile(r'class="axis">.*?</span></span>')
    assert ticks.findall(only) == ticks.findall(both)
    assert len(ticks.findall(only)) == 1
