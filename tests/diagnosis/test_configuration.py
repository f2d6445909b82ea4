"""Rules that look at a configuration alone: for each one, a configuration that is hit and one that is not."""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.asterisk.live.saved import from_text
from pjsipdiag.diagnosis.basis.name_sources import load
from pjsipdiag.diagnosis.configuration import check, configuration_report
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.diagnosis.rules import RULES
from tests.diagnosis.scene import cases, write_files

FIXTURES = Path(__file__).parents[2] / "fixtures" / "check"
FIND = {rule.name: rule.on_config for rule in RULES if rule.on_config}
CASES = cases(FIXTURES)


def findings(rule: str, case: dict[str, Any], directory: Path) -> list[Finding]:
    write_files(case["files"], directory)
    live = from_text(case["live"], "live") if "live" in case else None
    config = load(directory, {"asterisk": case.get("asterisk", "22.10.1")}, live)
    return list(FIND[rule](config))


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_rule(rule: str, case: dict[str, Any], tmp_path: Path) -> None:
    found = findings(rule, case, tmp_path)
    if "says" not in case:
        assert found == []
        return
    assert len(found) == 1
    (finding,) = found
    assert [part for part in case["says"] if part not in finding.message] == []
    assert finding.severity == case.get("severity", finding.severity)
    assert finding.where is not None
    if "at" in case:
        lines = (tmp_path / finding.where.file).read_text().splitlines()
        assert lines[finding.where.line - 1] == case["at"]


def test_every_rule_has_a_case_that_is_hit_and_one_that_is_not() -> None:
    hit = {param.values[0] for param in CASES if "says" in _case(param)}
    spared = {param.values[0] for param in CASES if "says" not in _case(param)}
    assert hit == spared == set(FIND)


def _case(param: Any) -> dict[str, Any]:
    case = param.values[1]
    assert isinstance(case, dict)
    return case


HEAD = "[a]\ntype=endpoint\ncontext=c\n"


def _lines(count: int) -> str:
    """One identify with so many lines."""
    ips = (f"match=10.{at >> 16}.{at >> 8 & 255}.{at & 255}\n" for at in range(count))
    return f"{HEAD}[l]\ntype=identify\nendpoint=a\n{''.join(ips)}"


def _sections(count: int) -> str:
    """So many lines in identifies of four lines each."""
    blocks = (
        f"[l{at}]\ntype=identify\nendpoint=a\nmatch=10.{at >> 16}.{at >> 8 & 255}.{at & 255}\n"
        for at in range(count // 4)
    )
    return HEAD + "".join(blocks)


def _endpoints(count: int) -> str:
    blocks = (f"[e{at}]\ntype=endpoint\ncontext=c\naors=e{at}\n[e{at}]\ntype=aor\n" for at in range(count // 6))
    return HEAD + "".join(blocks)


@pytest.mark.parametrize("made", [_lines, _sections, _endpoints])
def test_ten_times_as_many_lines_take_about_ten_times_as_long(made: Callable[[int], str], tmp_path: Path) -> None:
    """30,000 lines beside 3,000, by processor time: a check that walks them twice would take a hundred times."""
    seconds = []
    gc.disable()  # as good as the command does
    try:
        for count in (3_000, 30_000):
            (tmp_path / "pjsip.conf").write_text(made(count))
            start = time.process_time()
            configuration_report(load(tmp_path, {"asterisk": "22.10.1"}), asked="22.10.1")
            seconds.append(time.process_time() - start)
    finally:
        gc.enable()
    assert seconds[1] < 20 * seconds[0]


def test_a_placeholder_that_stands_for_a_secret_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[a]\ntype=auth\nauth_type=md5\nusername=a\nmd5_cred=__hunter2__\n")
    (finding,) = (one for one in check(load(tmp_path, {"asterisk": "22.10.1"})) if one.rule == "not-loaded")
    assert "hunter2" not in repr(finding)


def test_a_transport_that_did_not_start_is_started_by_a_reload(tmp_path: Path) -> None:
    """As on real Asterisk 16.28.0 and 22.10.1: only a transport that runs keeps its bind= until a restart."""
    texts = ("[a]\ntype=endpoint\n", "[udp]\ntype=transport\nbind=nowhere:port\n", "[udp]\ntype=trnsport\n")
    for text in texts:
        (tmp_path / "pjsip.conf").write_text(text)
        advice = [one.advice for one in check(load(tmp_path, {"asterisk": "22.10.1"})) if "transport" in one.message]
        assert advice
        assert all("module reload res_pjsip.so" in one and "restart" not in one for one in advice)
