"""What calls a capture's messages make: cases from RFC 3261, and the same answer wherever the capture is cut."""

from __future__ import annotations

import os
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.joining import parts
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.fold_content import CapturePart, MergedFolds
from pjsipdiag.diagnosis.calls.merge import merge
from pjsipdiag.diagnosis.calls.pbx.releases_shown import version_of
from pjsipdiag.diagnosis.calls.rows import COUNT
from pjsipdiag.diagnosis.calls.sources import outlines
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.work.jobs import share
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import render
from pjsipdiag.sip import Address
from tests.capture.build import ethernet, pcap, sip, udp
from tests.sip_text import messages, write_capture

pytestmark = pytest.mark.usefixtures("extensions")

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES = tomllib.loads((FIXTURES / "calls" / "cases.toml").read_text())["case"]
CONFIG = "[t]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[e]\ntype=endpoint\n[e]\ntype=identify\nendpoint=e\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "pjsip.conf").write_text(CONFIG + "match=203.0.113.30\n")
    return tmp_path / "etc"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_calls(case: dict[str, Any], config: Path, tmp_path: Path) -> None:
    report = diagnose([write_capture(case["messages"], tmp_path / "capture.pcap")], config)
    found = [f"{call.source} {call.call_id} {call.requests} {call.observed_status or 0}" for call in report.calls]
    assert found == case["calls"]
    assert report.pbx == (case.get("pbx", "192.0.2.1"),)
    assert report.outbound_calls == case.get("outbound", 0)


def test_a_capture_given_twice_is_one(config: Path, tmp_path: Path) -> None:
    text = CASES[0]["messages"]
    files = [write_capture(text, tmp_path / name) for name in ("eth0.pcap", "docker0.pcap")]
    report = diagnose(files, config)
    assert [(call.call_id, call.requests, call.observed_status) for call in report.calls] == [("a", 2, 486)]


@given(st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=40)
def test_where_it_is_cut_does_not_matter(cuts: list[int]) -> None:
    datagrams = _datagrams()
    places = sorted({0, len(datagrams), *(cut for cut in cuts if cut < len(datagrams))})
    assert _learnt(_merged(datagrams, places)) == _learnt(_merged(datagrams, [0, len(datagrams)]))


def _datagrams() -> list[Datagram]:
    found = [message for case in CASES for message in messages(case["messages"])]
    ordered = sorted(found, key=lambda message: message.time)
    return [
        Datagram(m.time, at, m.transport, m.source.pack(), m.destination.pack(), m.raw, m.direction)
        for at, m in enumerate(ordered, 1)
    ]


def _merged(datagrams: list[Datagram], places: list[int]) -> MergedFolds:
    parts = []
    for start, end in pairwise(places):
        fold = Fold()
        fold.feed(datagrams[start:end])
        parts.append(CapturePart(fold, 0))
    return merge(parts)


def _learnt(merged: MergedFolds) -> object:
    requests = [
        (
            key,
            [merged.request(merged.parts[part], row)._replace(capture=0) for part, row in views],
            merged.packets(key),
            merged.statuses(key),
        )
        for number, keys in enumerate(merged.keys)
        for _, key, views in merged.transactions(number, range(len(keys)))
    ]
    others = {pair: repeated[COUNT] for pair, repeated in merged.others.items()}
    assert others
    return requests, others, merged.agents, merged.requesters, merged.answerers, dict(merged.pairs), merged.answering


def test_two_processes_give_the_same_report(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST", 4 << 20)
    text = "".join(
        f"@ {at}.000 198.51.100.{at % 50 + 1}:5060 > 192.0.2.1:5060 in\n"
        f"INVITE sip:{at}@192.0.2.1 SIP/2.0\nCall-ID: {at}\nX-Filler: {'x' * 20000}\n"
        for at in range(500)
    )
    capture = write_capture(text, tmp_path / "big.pcap")
    size = capture.stat().st_size
    assert size > 8 << 20
    told: dict[int, tuple[int, int, int | None]] = {1: (0, 0, None), 2: (0, 0, None)}
    one, two = (
        render(
            diagnose([capture], config, jobs=jobs, progress=lambda *seen, jobs=jobs: told.update({jobs: seen})), "json"
        )
        for jobs in told
    )
    assert one == two
    assert [(read, total) for _, read, total in told.values()] == [(size, size)] * 2
    assert one.count('"call_id"') == 500


def _plain(users: list[str], authorization: str = "", trace: str = "", answered: bool = False) -> str:
    """Requests of one form, a second apart, with credentials (`{user}`) or another header before Via."""
    found = []
    for at, user in enumerate(users):
        head = f"Call-ID: {at}\nVia: SIP/2.0/UDP 203.0.113.30:5060;rport;branch=z9hG4bK{at}\nCSeq: 1 INVITE"
        credentials = authorization.format(user=user)
        lines = filter(None, ("INVITE sip:1@192.0.2.1 SIP/2.0", trace, head, credentials))
        found.append(f"@ {at}.0 203.0.113.30:5060 > 192.0.2.1:5060 in\n" + "\n".join(lines) + "\n")
        if answered:
            found.append(f"@ {at}.1 192.0.2.1:5060 > 203.0.113.30:5060 out\nSIP/2.0 404 Not Found\n{head}\n")
    return "".join(found)


def _judged(text: str, objects: str, folder: Path) -> list[Verdict]:
    """What Asterisk 22 does with each call of `text` under a configuration with one transport and `objects`."""
    (folder / "etc").mkdir()
    (folder / "etc" / "pjsip.conf").write_text(f"[t]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n{objects}")
    report = diagnose([write_capture(text, folder / "c.pcap")], folder / "etc", asterisk="22.10.1")
    return [call.verdict for call in report.calls]


@pytest.mark.parametrize(
    "authorization",
    [
        'Authorization: Digest username="{user}", realm="r"',
        'Authorization: Digest Username="{user}", realm="r"',
        "Authorization: Digest username={user}, realm=r",
        'Authorization: Digest username="nobody", realm="r"\nAuthorization: Digest username="{user}", realm="r"',
    ],
)
def test_credentials_are_told_apart_however_they_are_spelt(authorization: str, tmp_path: Path) -> None:
    ends = "".join(f"[{name}]\ntype=endpoint\nidentify_by=auth_username\n" for name in ("alice", "bob"))
    order = "[global]\ntype=global\nendpoint_identifier_order=auth_username,ip\n"
    verdicts = _judged(_plain(["alice", "bob"] * 110, authorization), order + ends, tmp_path)
    assert [verdict.endpoint for verdict in verdicts] == ["alice", "bob"] * 110


def test_strangers_are_told_apart_by_a_header_that_is_matched(tmp_path: Path) -> None:
    end = "[e]\ntype=endpoint\n[e]\ntype=identify\nendpoint=e\nmatch_header=X-Trunk: 2\n"
    verdicts = _judged(_plain(["1", "2"] * 110, "X-Trunk: {user}"), end, tmp_path)
    assert [verdict.endpoint for verdict in verdicts] == ["", "e"] * 110


def test_strangers_are_told_apart_by_the_list_of_who_takes_them(tmp_path: Path) -> None:
    """Both come from far away, say the same, and an access list of the endpoint lets one in."""
    end = "[anonymous]\ntype=endpoint\ndeny=0.0.0.0/0\npermit=203.0.113.31\n"
    text = _plain([""] * 220)
    for at in range(1, 220, 2):
        text = text.replace(f"@ {at}.0 203.0.113.30:", f"@ {at}.0 203.0.113.31:")
    assert [verdict.outcome.value for verdict in _judged(text, end, tmp_path)] == ["acl_denied", "accepted"] * 110


def test_the_branch_is_that_of_via(config: Path, tmp_path: Path) -> None:
    text = _plain([""] * 20, trace="X-Trace: a;branch=other", answered=True)
    report = diagnose([write_capture(text, tmp_path / "c.pcap")], config)
    assert [call.observed_status for call in report.calls] == [404] * 20


def test_one_transaction_from_many_sources(config: Path, tmp_path: Path) -> None:
    one = "INVITE sip:1@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\nCall-ID: x\nCSeq: 1 INVITE\n"
    text = "".join(f"@ {at}.0 198.51.100.{at % 250}:{5000 + at} > 192.0.2.1:5060 in\n{one}" for at in range(400))
    report = diagnose([write_capture(text, tmp_path / "c.pcap")], config)
    assert len(report.calls) > 200


def test_outlines_are_those_of_the_rows(config: Path, tmp_path: Path) -> None:
    same = "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{0}\nCall-ID: {0}\nCSeq: {1} INVITE\n"
    head = "INVITE sip:1@192.0.2.1 SIP/2.0\n" + same
    text = "@ 0.0 [2001:db8::9]:5060 > [2001:db8::1]:5060 in\n" + head.format("six", 1)
    for at in range(400):
        text += f"@ {at}.1 198.51.100.{at % 7}:{5000 + at} > 192.0.2.1:5060 in\n" + head.format(at // 3, 1)
        text += f"@ {at}.2 192.0.2.1:5060 > 198.51.100.{at % 7}:{5000 + at} out\n"
        text += f"SIP/2.0 {401 if at % 2 else 200} x\n" + same.format(at // 3, 1)
        text += f"@ {at}.3 198.51.100.{at % 7}:{6000 + at} > 192.0.2.1:5060 in\n" + head.format(at // 3, 2)
        text += 'Authorization: Digest username="a", realm="r"\n'
    calls = diagnose([write_capture(text, tmp_path / "c.pcap")], config).calls
    told = list(outlines(calls))
    assert len(told) > 200
    assert not any(row for *_, row in told)
    assert [outline[:4] for outline in told] == [
        (call.time, call.source.rpartition(":")[0].strip("[]"), call.verdict, call.observed_status) for call in calls
    ]


def test_clock_times_are_of_the_first_day_of_all_files(config: Path, tmp_path: Path) -> None:
    midnight = 86_400 - 1_760_000_000 % 86_400
    line = "@ {}.0 203.0.113.30:5060 > 192.0.2.1:5060 in\nINVITE sip:1@192.0.2.1 SIP/2.0\nCall-ID: {}\n"
    for name, times in (("a.pcap", (-3600, -60)), ("b.pcap", (60, 3600))):
        write_capture("".join(line.format(midnight + at, at) for at in times), tmp_path / name)
    files = [tmp_path / "a.pcap", tmp_path / "b.pcap"]
    found = [diagnose(files, config, since="23:30:00", jobs=jobs).calls for jobs in (1, 2)]
    assert [[call.call_id for call in calls] for calls in found] == [["-60", "60", "3600"]] * 2


def _stumble(item: int) -> int:
    if item == 2:
        raise PjsipdiagError("two")
    if item == 5:
        os._exit(9)
    return item if item else os.getpid()


def test_shared_work_keeps_its_order_and_its_errors() -> None:
    assert share(_stumble, [1, 3, 4], 2) == [1, 3, 4]
    assert share(_stumble, [0, 0], 2)[0] != os.getpid()
    with pytest.raises(PjsipdiagError, match="two"):
        share(_stumble, [1, 2], 2)
    with pytest.raises(PjsipdiagError, match="was ended"):
        share(_stumble, [1, 5], 2)


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        (b"Asterisk PBX 22.10.1", "22.10.1"),
        (b"Asterisk PBX 22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1"),
        (b"FPBX-16.0.40.7(18.20.0)", "18.20.0"),
        (b"Asterisk PBX certified/18.9-cert4", "certified/18.9-cert4"),
        (b"CarrierSBC/4.1", ""),
    ],
)
def test_version_of_header(agent: bytes, version: str) -> None:
    assert version_of(agent) == version


def test_requests_cut_before_their_call_id_are_told_apart(config: Path, tmp_path: Path) -> None:
    """`tcpdump -s 96`: alike ones of one source within the time of a transaction are retransmissions."""
    sources = [Address(f"203.0.113.{number}", 5060) for number in (7, 7, 8, 9)]
    capture = tmp_path / "cut.pcap"
    capture.write_bytes(pcap([ethernet(udp(sip(1), source)) for source in sources], snap=96, step=1_000_000_000))
    report = diagnose([capture], config)
    assert [(call.source, call.requests) for call in report.calls] == [
        ("203.0.113.7:5060", 2),
        ("203.0.113.8:5060", 1),
        ("203.0.113.9:5060", 1),
    ]


def test_requests_that_two_files_show_are_one(config: Path, tmp_path: Path) -> None:
    """One packet seen on two interfaces; the next one, half a second later, is sent again."""
    text = (
        "@ {} 203.0.113.30:5060 > 192.0.2.1:5060 in\nOPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 203.0.113.30;b=1\n"
    )
    files = [
        write_capture(text.format(time) + "Call-ID: a\nFrom: <sip:203.0.113.30>;tag=1\n", tmp_path / f"{time}.pcap")
        for time in ("0.000", "0.010", "0.510")
    ]
    counted = [
        next(iter(diagnose(files[:count], config, pbx=("192.0.2.1",)).sources)).other_methods for count in (2, 3)
    ]
    assert counted == [{"OPTIONS": 1}, {"OPTIONS": 2}]
