"""Calls that get no answer: why is said only where it can be so."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import diagnose
from tests.diagnosis.scene import write_scene

CARRIER = """[udp]
type=transport
protocol=udp
bind={0}
[tcp]
type=transport
protocol=tcp
bind={0}
[carrier]
type=endpoint
context=in
auth=carrier
[carrier]
type=auth
username=carrier
password=secret
[carrier-id]
type=identify
endpoint=carrier
match={1}
"""
LOGIN = 'Authorization: Digest username="carrier", realm="asterisk", nonce="1/2", uri="sip:100@a", response="0"'
V4, V6 = ("203.0.113.10", "192.0.2.1"), ("[2001:db8::10]", "[2001:db8::1]")


def call(seconds: int, ways: tuple[str, str], transport: str, size: int, answer: str = "x6") -> str:
    """A call that comes again after a challenge, with credentials and `size` bytes long."""
    there = f"{ways[0]}:5060 > {ways[1]}:5060 {transport} in"
    lines = ["INVITE sip:100@a SIP/2.0", f"Via: SIP/2.0/{transport} {ways[0]}:5060;branch=z9hG4bK-{seconds}"]
    lines += ["From: <sip:carrier@a>;tag=a", "To: <sip:100@a>", f"Call-ID: {seconds}", "Max-Forwards: 70"]
    lines += [f"Contact: <sip:carrier@{ways[0]}>", "CSeq: 1 INVITE"]
    again = [*lines[:-1], "CSeq: 2 INVITE", LOGIN]
    again[1] += "-again"
    body = size - sum(len(line) + 2 for line in [*again, "Content-Length: 1000", ""])
    first, second = "\n".join(lines), "\n".join(again)
    return f"@ {seconds} {there} -> 401\n{first}\n@ {seconds + 0.5} {there} {answer}\n{second}\n\n{'x' * body}\n"


@pytest.mark.parametrize(
    ("ways", "calls", "cut"),
    [
        (V4, [("UDP", 1600)], True),
        (V4, [("UDP", 1460)], False),
        (V6, [("UDP", 1460)], True),
        (V4, [("TCP", 1600)], False),
        (V4, [("UDP", 1600, "-> 200"), ("UDP", 1200)], False),
        (V4, [("UDP", 1200, "-> 200"), ("UDP", 1600)], True),
    ],
)
def test_fragments_are_named_where_udp_makes_them_of_what_got_no_answer(
    ways: tuple[str, str], calls: list[tuple[str, int]], cut: bool, tmp_path: Path
) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    bind = "::" if ways is V6 else "0.0.0.0"
    (etc / "pjsip.conf").write_text(CARRIER.format(bind, ways[0].strip("[]")))
    text = "".join(call(number * 10, ways, *one) for number, one in enumerate(calls))
    text += f"@ 90 {ways[0]}:5060 > {ways[1]}:5060 in -> 200\nOPTIONS sip:a SIP/2.0\n"
    report = diagnose([write_scene(text, tmp_path / "calls.pcap")], etc)
    (found,) = [finding for finding in report.findings if finding.rule == "no-answer"]
    assert "to its credentials, after a 401 or 407" in found.message
    assert any("fragments" in sentence for sentence in found.evidence) is cut
