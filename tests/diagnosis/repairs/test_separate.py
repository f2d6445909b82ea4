"""Headers that tell apart who calls from one address."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.repairs.separate import identifies_by_header
from tests.sip_text import write_capture

CALL = """@ {0} 203.0.113.10:5060 > 192.0.2.1:5060 in
INVITE sip:{0}@192.0.2.1 SIP/2.0
From: <sip:a{0}@203.0.113.10>;tag=1
Call-ID: {0}
{1}
"""


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (
            ["X-Customer: a", "X-Customer: b", "X-Customer: b"],
            {"match_header=X-Customer: a": 1, "match_header=X-Customer: b": 2},
        ),
        ([f"X-Customer: {at}" for at in range(6)], {f"match_header=X-Customer: {at}": 1 for at in range(6)}),
        (["X-Customer: a", "X-Customer: a"], {}),
        (["X-Customer: a;b", "X-Customer: c"], {"match_header=X-Customer: a\\;b": 1, "match_header=X-Customer: c": 1}),
        (["X-Customer: a", "X-Customer: b", "Subject: x"], {}),
        (["User-Agent: a", "User-Agent: b"], {}),
        (
            ["X-Customer: a\nX-Line: 1", "X-Customer: b\nX-Line: 2", "X-Customer: b\nX-Line: 3"],
            {
                "match_header=X-Customer: a": 1,
                "match_header=X-Customer: b": 2,
            },
        ),
    ],
)
def test_a_header_with_few_values_that_every_call_has(values: list[str], lines: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    text = "".join(CALL.format(at, value) for at, value in enumerate(values))
    situation = observe([write_capture(text, tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).situation
    expected = [
        [f"[by-header-{at}] ; {count} call{'s' if count > 1 else ''} seen", "type=identify", "endpoint=ENDPOINT", line]
        for at, (line, count) in enumerate(lines.items(), 1)
    ]
    assert identifies_by_header(situation.groups) == [line for section in expected for line in section]
