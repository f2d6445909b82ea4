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
from pjsipdiag.asterisk.section import Section
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.evidence.lookup import section_at
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.repairs import suggestions
from pjsipdiag.diagnosis.repairs.proof import prove
from pjsipdiag.diagnosis.rules.unloaded import drops
from tests.diagnosis.scene import write_scene
from tests.diagnosis.test_rules import CASES, report
from tests.sip_text import write_capture

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


def test_strangers_cost_no_more_each_where_there_are_many_identifies(tmp_path: Path) -> None:
    call = "@ {0} 10.0.{1}.{2}:5060 > 192.0.2.1:5060\nINVITE sip:1@192.0.2.1 SIP/2.0\n\n"
    rule = "[i{0}]\ntype=identify\nendpoint=e\nmatch=203.0.{1}.{2}\n"
    counts = []
    for many in (200, 200, 400, 800):  # the first run imports what is asked for late
        places = [(number, *divmod(number, 250)) for number in range(many)]
        calls, rules = ("".join(line.format(*place) for place in places) for line in (call, rule))
        capture = write_capture(calls, tmp_path / "capture.pcap", "ethernet")
        (tmp_path / "pjsip.conf").write_text(f"[e]\ntype=endpoint\n{rules}")
        counts.append(steps(capture, tmp_path))
    assert counts[3] - counts[2] < 2.25 * (counts[2] - counts[1])


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
        patch.setattr(prove, "touched", everything)
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


WIZARD = "[t{0}]\ntype=wizard\nendpoint/context=in\nremote_hosts=198.51.100."
ENDPOINT = "[t{0}]\ntype=endpoint\ncontext=in\n"
TROUBLES = {
    "a mask of a wizard": ("pjsip_wizard.conf", WIZARD + "{0}/99\n"),
    "a port of a wizard": ("pjsip_wizard.conf", WIZARD + "{0}:5070\n"),
    "an address beside that of a wizard": ("pjsip_wizard.conf", WIZARD + "10{0}\n"),
    "an option of a wizard's endpoint": ("pjsip_wizard.conf", WIZARD + "{0}\nendpoint/dtmf_mode=loud\n"),
    "a wizard's endpoint that denies": ("pjsip_wizard.conf", WIZARD + "{0}\nendpoint/deny=0.0.0.0/0\n"),
    "a wizard's endpoint with a password": (
        "pjsip_wizard.conf",
        WIZARD + "{0}\naccepts_auth=yes\ninbound_auth/username=t{0}\ninbound_auth/password=x\n",
    ),
    "a mask in a template of its own": (
        "trunks.conf",
        "[m{0}](!)\nmatch=198.51.100.{0}/99\n" + ENDPOINT + "[i{0}](m{0})\ntype=identify\nendpoint=t{0}\n",
    ),
    "a mask in a template of all": (
        "trunks.conf",
        "[m{0}](!)\ntype=identify\nmatch=198.51.100.0/99\n" + ENDPOINT + "[i{0}](m1)\nendpoint=t{0}\n",
    ),
    "match in the endpoint": ("trunks.conf", ENDPOINT + "match=198.51.100.{0}\n"),
    "an option of the endpoint": (
        "trunks.conf",
        ENDPOINT + "dtmf_mode=loud\n[i{0}]\ntype=identify\nendpoint=t{0}\nmatch=198.51.100.{0}\n",
    ),
    "an endpoint of another name": (
        "trunks.conf",
        ENDPOINT + "[i{0}]\ntype=identify\nendpoint=t{0}x\nmatch=198.51.100.{0}\n",
    ),
}
"""What is wrong with each trunk: the file, and the sections of a trunk."""


def in_trouble(directory: Path, trouble: str, count: int, caller: str) -> Callable[[], Report]:
    file, sections = TROUBLES[trouble]
    include = "" if file == "pjsip_wizard.conf" else f"#include {file}\n"
    (directory / "pjsip.conf").write_text(f"[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n{include}")
    (directory / file).write_text("".join(sections.format(number) for number in range(1, count + 1)))
    calls = [CALL.format(number, number, caller.format(number)) for number in range(1, count + 1)]
    capture = write_scene("".join(calls), directory / "c.pcap")
    return lambda: diagnose([capture], directory, pbx=("192.0.2.1",))


@pytest.mark.parametrize("caller", ["+4930{0}", "t{0}", "t1"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_repairs_of_many_are_those_of_each(trouble: str, caller: str, tmp_path: Path) -> None:
    run = in_trouble(tmp_path, trouble, 5, caller)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggestions, "prove_together", lambda *_: None)
        alone = run()
    found = run()
    assert found.suggestions or found.unconfirmed or caller != "+4930{0}"  # others may find an endpoint by their name
    assert (found.suggestions, found.unconfirmed) == (alone.suggestions, alone.unconfirmed)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_repairs_of_many_need_few_loads(trouble: str, tmp_path: Path, loads: list[None]) -> None:
    in_trouble(tmp_path, trouble, 30, "+4930{0}")()
    assert len(loads) < 12


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_nor_in_the_cases_of_the_rules(rule: str, case: dict[str, Any], tmp_path: Path) -> None:
    del rule
    found = report(case, tmp_path)["suggestions"]
    assert found == with_all_calls(lambda: report(case, tmp_path))["suggestions"]


def test_calls_to_thousands_of_ports_are_counted_behind_the_first(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    call = "@ {0}.0 198.51.100.7:5060 > 192.0.2.1:{1} in x2\nINVITE sip:1@192.0.2.1 SIP/2.0\n\n"
    scene = [call.format(at, 6000 + at) for at in range(550)]
    (found,) = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    assert (found.rule, found.calls, len(found.consequences)) == ("wrong-transport", 550, 500 + 1)
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
