"""Every final answer but success is in a finding, whatever its status and whatever the endpoint's options say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag import diagnose
from tests.diagnosis.scene import write_scene

STATUSES = range(300, 700)
OPTIONS = {
    "without options": "",
    "with options": "100rel=required\ntimers=required\ntimers_min_se=1800\nstir_shaken_profile=all\n",
}
CALL = """@ {at} {source}:5060 > 192.0.2.1:5060 in -> {status}
INVITE sip:100@192.0.2.1 SIP/2.0
From: <sip:caller@{source}>;tag=a
To: <sip:100@192.0.2.1>
CSeq: 1 INVITE
Contact: <sip:{source}>

"""
FILES = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[carrier]
type=endpoint
context=in
{options}[carrier-id]
type=identify
endpoint=carrier
match=10.0.0.0/8
"""


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_refusal_is_in_a_finding(options: str, tmp_path: Path) -> None:
    sources = {status: f"10.0.{status // 100}.{status % 100 + 1}" for status in STATUSES}
    calls = "".join(CALL.format(at=status, source=sources[status], status=status) for status in STATUSES)
    (tmp_path / "pjsip.conf").write_text(FILES.format(options=options))
    report = diagnose([write_scene(calls, tmp_path / "capture.pcap")], tmp_path, pbx=["192.0.2.1"])
    for status, source in sources.items():
        found = [finding for finding in report.findings if source in finding.sources]
        assert len(found) == 1, f"{status} is in {[finding.rule for finding in found]}"
        assert str(status) in " ".join([found[0].message, *found[0].evidence, *found[0].consequences])


LEADING = tomllib.loads((Path(__file__).parents[2] / "fixtures/statuses/leading.toml").read_text())["leads"]
ROW = """[e{number}]
type=endpoint
context=in
{option}
[i{number}]
type=identify
endpoint=e{number}
match={source}
"""


def test_every_status_is_told_with_the_option_that_leads_to_it_and_without(tmp_path: Path) -> None:
    """One endpoint for each: first every status without an option, then each option with the status it leads to."""
    rows: list[dict[str, Any]] = [{"status": status} for status in STATUSES] + LEADING
    calls, files = (
        "",
        FILES.partition("[carrier]")[0] + "[login]\ntype=auth\nauth_type=userpass\nusername=u\npassword=p\n",
    )
    for number, row in enumerate(rows):
        row["source"] = f"10.9.{number // 250}.{number % 250 + 1}"
        call = CALL.format(at=number, source=row["source"], status=row["status"]).rstrip("\n")
        calls += "\n".join([call, *row.get("headers", ())]) + "\n\n"
        files += ROW.format(number=number, option=row.get("option", ""), source=row["source"])
    (tmp_path / "pjsip.conf").write_text(files)
    report = diagnose([write_scene(calls, tmp_path / "capture.pcap")], tmp_path, pbx=["192.0.2.1"])
    lines = files.split("\n")
    for number, row in enumerate(rows):
        (found,) = [finding for finding in report.findings if row["source"] in finding.sources]
        said = " ".join([found.message, *found.evidence])
        assert str(row["status"]) in said
        assert found.advice
        assert found.seen.call_ids
        if number >= len(STATUSES):
            assert found.rule == row["rule"], row
            assert row.get("says", "") in said, said
            assert found.where is not None
            assert lines[found.where.line - 1] == row["option"], (row, found.where)
            assert found.where.section == f"e{number}"
        else:
            assert not any(one["option"] in found.message for one in LEADING), found.message
