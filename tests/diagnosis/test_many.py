"""Many trunks with one trouble: what is said and proven of each is right, and costs no more loading than it must."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pjsipdiag import diagnose
from pjsipdiag.asterisk.config import Config, DroppedObject
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Section
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.evidence.lookup import section_at
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.repairs import prove
from pjsipdiag.diagnosis.rules.unloaded import drops
from pjsipdiag.sip import SipMessage
from tests.diagnosis.scene import write_scene
from tests.diagnosis.test_rules import CASES, report

TRUNK = """[t{0}]
type=endpoint
context=in
{1}
[t{0}-identify]
type=identify
endpoint=t{0}
match=198.51.100.{0}
"""
CALL = """@ {1}.0 198.51.100.{0}:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:100@192.0.2.1 SIP/2.0
From: <sip:{2}@198.51.100.{0}>;tag=1
To: <sip:100@192.0.2.1>

"""
AUTH = "auth=a{0}\n[a{0}]\ntype=auth\nusername=t{0}\npassword=x"


def trunks(directory: Path, count: int, option: str, caller: str = "+4930{0}") -> tuple[Path, Path]:
    """A capture in which each of `count` trunks was answered 401, and their configuration."""
    etc = directory / "etc"
    etc.mkdir()
    sections = [TRUNK.format(number, option.format(number)) for number in range(1, count + 1)]
    (etc / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n\n" + "\n".join(sections))
    calls = [CALL.format(number, number, caller.format(number)) for number in range(1, count + 1)]
    return write_scene("".join(calls), directory / "capture.pcap"), etc


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with each time that a configuration is loaded."""
    counted: list[None] = []

    def counting(*arguments: Any, **options: Any) -> Config:
        counted.append(None)
        return load_config(*arguments, **options)

    monkeypatch.setattr("pjsipdiag.diagnosis.basis.name_sources.load_config", counting)
    return counted


def test_a_few_differences_are_told_one_by_one(tmp_path: Path, loads: list[None]) -> None:
    capture, etc = trunks(tmp_path, 12, "")
    found = diagnose([capture], etc)
    assert [finding.rule for finding in found.findings] == ["prediction-differs"] * 12
    assert all("not reloaded" in finding.evidence[0] for finding in found.findings)
    assert len(loads) < 10


def test_what_did_not_load_is_asked_once_for_all_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[DroppedObject]()

    def counting(config: Config, dropped: DroppedObject) -> Section | None:
        asked.append(dropped)
        return section_at(config, dropped)

    monkeypatch.setattr(drops, "section_at", counting)
    capture, etc = trunks(tmp_path, 30, "")
    text = (etc / "pjsip.conf").read_text()
    (etc / "pjsip.conf").write_text(re.sub(r"match=\S+", "match=10.0.0.0/99", text))
    (finding,) = (one for one in diagnose([capture], etc).findings if one.rule == "not-loaded")
    assert finding.calls == 30
    assert len(asked) < 2 * 30


def steps(capture: Path, etc: Path) -> int:
    """How many times Python code was entered while a capture is diagnosed."""
    counted = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event == "call"

    sys.setprofile(count)
    try:
        diagnose([capture], etc)
    finally:
        sys.setprofile(None)
    return counted


def test_names_that_do_not_resolve_cost_no_more_each_where_there_are_many(tmp_path: Path) -> None:
    capture = write_scene(CALL.format(9, 1, "+4930"), tmp_path / "capture.pcap")
    counts = []
    for many in (200, 400, 800):
        lost = (f"[w{n}]\ntype=wizard\nremote_hosts=sip{n}.example\nendpoint/context=in\n" for n in range(many))
        (tmp_path / "pjsip_wizard.conf").write_text("".join(lost))
        (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
        counts.append(steps(capture, tmp_path))
    assert counts[2] - counts[1] < 2.25 * (counts[1] - counts[0])


class _Walked(tuple[Section, ...]):
    """Sections that count how many of them are looked at."""

    __slots__ = ()
    seen: ClassVar[int] = 0

    def __iter__(self) -> Iterator[Section]:
        for section in super().__iter__():
            _Walked.seen += 1
            yield section


def test_the_sections_of_what_did_not_load_are_found_in_one_walk(tmp_path: Path) -> None:
    lost = "".join(f"[i{number}]\ntype=identify\nendpoint=none\nbogus=1\n" for number in range(300))
    (tmp_path / "pjsip.conf").write_text(lost)
    config = load_config(tmp_path)
    config = replace(config, sections=_Walked(config.sections))
    _Walked.seen = 0
    found = [section_at(config, dropped) for dropped in config.dropped]
    assert [section.name for section in found if section] == [f"i{number}" for number in range(300)]
    assert _Walked.seen <= 300


def test_many_differences_have_one_cause(tmp_path: Path, loads: list[None]) -> None:
    capture, etc = trunks(tmp_path, 60, "")
    (finding,) = diagnose([capture], etc).findings
    assert finding.rule == "prediction-differs"
    assert len(finding.sources) == finding.calls == 60
    assert finding.evidence[0].startswith("likely: not reloaded: without the lines that decide such calls")
    assert any(text.startswith("lines that decide: pjsip.conf:13, pjsip.conf:22") for text in finding.evidence)
    assert len(loads) < 10


def test_processes_prove_the_same_as_one(tmp_path: Path) -> None:
    capture, etc = trunks(tmp_path, 30, AUTH)
    one, two = (diagnose([capture], etc, jobs=jobs) for jobs in (1, 3))
    assert len(one.unconfirmed) == 30  # no caller acknowledged anything there
    assert two.unconfirmed == one.unconfirmed


def everything(_before: Config, _after: Config) -> Callable[[object], bool]:
    return lambda _group: True


def with_all_calls(run: Callable[[], Any]) -> Any:
    """The same with all calls replayed for each proof, also those that the change cannot touch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prove, "difference", everything)
        return run()


@pytest.mark.parametrize("caller", ["+4930{0}", "t{0}", "t1"])
@pytest.mark.parametrize("option", [AUTH, "deny=0.0.0.0/0", "identify_by=ip,username\n" + AUTH, "acl=none"])
def test_calls_that_a_change_cannot_touch_need_no_replay(option: str, caller: str, tmp_path: Path) -> None:
    capture, etc = trunks(tmp_path, 5, option, caller)

    def suggestions() -> Report:
        return diagnose([capture], etc)

    assert suggestions().suggestions == with_all_calls(suggestions).suggestions


def test_nor_where_identifies_look_at_headers_too(tmp_path: Path) -> None:
    capture, etc = trunks(tmp_path, 5, "")
    file = etc / "pjsip.conf"
    file.write_text(
        re.sub(r"match=198.51.100.(\d+)", r"match_header=X-Trunk: t\1\nmatch=198.51.100.\1:99", file.read_text())
    )

    def found() -> Report:
        return diagnose([capture], etc)

    assert len(found().suggestions) == 5
    assert found().suggestions == with_all_calls(found).suggestions


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_nor_in_the_cases_of_the_rules(rule: str, case: dict[str, Any], tmp_path: Path) -> None:
    del rule
    found = report(case, tmp_path)["suggestions"]
    assert found == with_all_calls(lambda: report(case, tmp_path))["suggestions"]


STRANGER = """@ {0}.0 192.0.2.{1}:5060 > 192.0.2.1:5060 in -> 401
{2} sip:192.0.2.1 SIP/2.0
From: <sip:{3}@192.0.2.1>;tag=1
To: <sip:{3}@192.0.2.1>

"""


@pytest.mark.parametrize(("method", "rule"), [("REGISTER", "request-refused"), ("OPTIONS", "keepalive-refused")])
def test_refused_strangers_bury_nobody_whom_the_files_name(method: str, rule: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[Alice]\ntype=endpoint\ncontext=in\n[Alice]\ntype=aor\n"
    )
    strangers = [STRANGER.format(number, number, method, f"u{number}") for number in range(2, 42)]
    known = STRANGER.format(90, 200, method, "alice")
    capture = write_scene("".join([*strangers, known]), tmp_path / "c.pcap")
    found = [one for one in diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings if one.rule == rule]
    assert len(found) == 16 + 1 + 1
    assert any(one.sources == ("192.0.2.200",) for one in found)
    assert "24 other sources (192.0.2.18, 192.0.2.19" in found[-1].message


def test_refusals_of_one_kind_and_telephones_behind_one_rule_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[301]\ntype=endpoint\ncontext=in\nauth=301\n[301]\n"
        "type=auth\nusername=301\npassword=x\n[trunk]\ntype=endpoint\ncontext=in\n[trunk]\ntype=identify\n"
        "endpoint=trunk\nmatch=10.0.0.0/8\n"
    )
    asked = STRANGER.replace("192.0.2.{1}:", "10.0.0.{1}:").replace("-> 401", "-> 404")
    asks = [asked.format(number, number, "SUBSCRIBE", "u") for number in range(2, 42)]
    asks += [asked.format(number + 100, number, "REGISTER", "301") for number in range(2, 42)]
    capture = write_scene("".join(asks), tmp_path / "c.pcap")
    found = diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings
    assert [len(one.sources) for one in found if one.rule == "telephone-taken"] == [40]
    told = [one.message for one in found if one.rule == "request-refused"]
    said = [*told, *(text for one in found for text in one.consequences)]
    assert len(told) <= 16 + 1
    assert any("24 other sources (10.0.0.18" in text and "like those of 10.0.0.2" in text for text in said)


def test_methods_that_somebody_makes_up_bury_nothing(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[alice]\ntype=endpoint\ncontext=in\n[alice]\ntype=aor\n"
    )
    asks = [STRANGER.format(number, 2, f"MADEUP{number}", "u") for number in range(2, 202)]
    capture = write_scene("".join([*asks, STRANGER.format(300, 200, "MESSAGE", "alice")]), tmp_path / "c.pcap")
    found = diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "request-refused"]
    assert len(told) == 16 + 1 + 1
    assert any(one.sources == ("192.0.2.200",) for one in told)
    assert "184 times" in told[-1].message and "of 1 source (192.0.2.2)" in told[-1].message
    assert "no such method" in (told[-1].advice or "")
    assert max(len(text) for one in found for text in one.evidence) < 1000


def test_forged_answers_of_every_status_to_every_method_bury_nothing(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[alice]\ntype=endpoint\ncontext=in\n[alice]\ntype=aor\n"
        "[carol]\ntype=endpoint\ncontext=in\n"
    )
    stranger, number, scene = STRANGER.replace("192.0.2.{1}:", "{1}:"), 2, []
    for user, methods in (("u", ("MESSAGE", "OPTIONS")), ("alice", ("MESSAGE", "PUBLISH", "OPTIONS"))):
        for method in methods:
            for status in (*range(300, 490), *range(500, 520)):
                number += 1
                source = f"198.51.{number // 250}.{number % 250 + 1}"
                scene.append(stranger.replace("-> 401", f"-> {status}").format(number, source, method, user))
    scene.append(stranger.replace("-> 401", "-> 489").format(number + 1, "192.0.2.9", "MESSAGE", "carol"))
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    refused = [one for one in found if one.rule == "request-refused"]
    answered = [one for one in found if one.rule == "keepalive-refused"]
    told = [one.message for one in found]
    told += [text for one in found for text in one.consequences]
    assert len(refused) + len(answered) <= 4 * (100 + 1)
    assert any(one.sources == ("192.0.2.9",) for one in refused)
    assert [text for text in told if "the MESSAGE and PUBLISH requests of 321 other sources" in text]
    assert [text for text in told if "110 other sources" in text and "nothing in the files names them" in text]


def test_answers_of_every_status_to_the_pbx_itself_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    own = "@ {0}.0 192.0.2.1:5060 > 198.51.{1}.{2}:5060 out -> {3}\nOPTIONS sip:x SIP/2.0\n"
    own += "From: <sip:p@192.0.2.1>;tag=1\n\n"
    scene = [own.format(at, at // 250, at % 250 + 1, status) for at, status in enumerate(range(300, 600), 2)]
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "own-request-refused"]
    assert len(told) == 64 + 1
    assert max(len(one.message) for one in told) < 1000 and max(len(one.sources) for one in told) == 236


@pytest.mark.parametrize("answer", ["-> 403", "x3"])
def test_registrations_of_the_files_are_told_before_forged_ones(answer: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[last]\ntype=registration\n"
        "server_uri=sip:203.0.113.9\nclient_uri=sip:last@203.0.113.9\n"
    )
    own = "@ {0}.0 192.0.2.1:5060 > {1}:5060 out {3}\nREGISTER sip:203.0.113.9 SIP/2.0\n"
    own += "From: <sip:{2}@203.0.113.9>;tag=1\nTo: <sip:{2}@203.0.113.9>\n\n"
    scene = [own.format(at, f"198.51.{at // 250}.{at % 250 + 1}", f"u{at}", answer) for at in range(200)]
    scene.append(own.format(200, "203.0.113.9", "last", answer))
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "registration-refused"]
    assert len(told) == 64 + 1 + 1
    assert [one.sources for one in told if one.where] == [("203.0.113.9",)]
    assert "136 more hosts (198.51.0.65" in told[-1].message


def test_hosts_that_refuse_calls_of_the_pbx_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    own = "@ {0}.0 192.0.2.1:5060 > 198.51.{1}.{2}:5060 out -> 503\nINVITE sip:x SIP/2.0\n\n"
    scene = [own.format(at, at // 250, at % 250 + 1) for at in range(200)]
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "own-request-refused"]
    assert len(told) == 64 + 1
    assert "136 more hosts (198.51.0.65" in told[-1].message


def test_calls_to_thousands_of_ports_are_counted_behind_the_first(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    call = "@ {0}.0 198.51.100.7:5060 > 192.0.2.1:{1} in x2\nINVITE sip:1@192.0.2.1 SIP/2.0\n\n"
    scene = [call.format(at, 6000 + at) for at in range(150)]
    (found,) = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    assert (found.rule, found.calls, len(found.consequences)) == ("wrong-transport", 150, 100 + 1)
    assert found.consequences[-1] == "49 more like these"


def test_forged_errors_read_the_calls_of_a_source_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[trunk]\ntype=endpoint\ncontext=in\n[trunk]\n"
        "type=identify\nendpoint=trunk\nmatch=198.51.100.1\n"
    )
    read = list[int]()
    head = Calls.head

    def counting(calls: Calls, number: int) -> bytes:
        read.append(number)
        return head(calls, number)

    monkeypatch.setattr(Calls, "head", counting)
    asked = [CALL.format(1, number, number) for number in range(60)]
    quoted = "198.51.100.1:5060 > 192.0.2.1:5060 INVITE sip:1@192.0.2.1 SIP/2.0\\nCall-ID: made-up-{0}\\n\\n"
    errors = [f"icmp {number}.5 10.0.0.{number} 3/3 {quoted.format(number)}\n" for number in range(60)]
    found = diagnose([write_scene("".join([*errors, *asked]), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",))
    (bounced,) = (one for one in found.findings if one.rule == "refused-by-network")
    assert bounced.evidence[0].startswith("an ICMP error of 10.0.0.0 says so")
    assert len(read) < 60 * 10


def test_refused_requests_are_replayed_once_for_all_rules_and_repairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    replayed = list[SipMessage]()
    verdict = Replay.verdict

    def counting(replay: Replay, request: SipMessage) -> Verdict:
        replayed.append(request)
        return verdict(replay, request)

    monkeypatch.setattr(Replay, "verdict", counting)
    asked = [STRANGER.format(number, number, "OPTIONS", f"u{number}") for number in range(2, 102)]
    diagnose([write_scene("".join(asked), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",))
    # Once as an exchange, once as a refusal.
    assert len(replayed) <= 2 * 100
