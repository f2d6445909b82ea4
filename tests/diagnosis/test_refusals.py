"""Every final answer but success is in a finding, whatever its status and whatever the endpoint's options say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag import diagnose
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

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
