"""What could not be read leads every report, and is never "no SIP"."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.capture.build import ethernet, pcap, sip, udp
from tests.capture.tshark import put

pytestmark = pytest.mark.usefixtures("extensions")

DEMO = Path(__file__).parents[2] / "fixtures" / "demo"
FRAME = """{"timestamp":"1","layers":{"frame":{"frame_frame_number":"1"}}}"""


def lines(*arguments: object) -> list[str]:
    words = ["diagnose", *map(str, arguments), "-c", str(DEMO / "etc")]
    return CliRunner().invoke(main, words, catch_exceptions=False).stdout.splitlines()


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((FRAME,) * 24, "24 x tshark frame that cannot be read"),
        ((), "24 x SIP message that the native reader finds and tshark does not"),
        ((FRAME,) * 4, "20 x SIP message that the native reader finds and tshark does not"),
    ],
)
def test_what_wireshark_does_not_give_leads(
    format: str, said: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "\n".join(f"echo '{line}'" for line in said)
    version = '[ "$1" = -v ] && exec echo "TShark (Wireshark) 5.2.0."'
    monkeypatch.setenv("PATH", put(tmp_path, f"#!/bin/sh\n{version}\n{answer}\n"))
    found = lines(DEMO / "capture.pcap", "--reader", "wireshark", "--format", format)
    assert not [line for line in found if "no SIP" in line]
    at = next(number for number, line in enumerate(found) if reason.partition(" ")[2] in " ".join(found[number:][:3]))
    causes = next(number for number, line in enumerate(found) if "Causes" in line)
    assert at < causes
    assert "24 unread" in "".join(found)
    assert any("Nothing can be judged: what was captured or logged could not be read." in line for line in found)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (pcap([b"\xab" * 60, b"\xab" * 60], link=160), "2 x link type 160 without IP"),
        (pcap([ethernet(udp(sip(1)))])[:-150], "byte 24"),
    ],
    ids=["link", "cut"],
)
def test_what_the_native_reader_cannot_read_is_no_silence(raw: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(raw)
    said = " ".join(" ".join(lines(path)).split())
    assert "that could be read; what is in it could not be read: " in said
    assert reason in said
    assert "no SIP" not in said


def test_what_was_read_and_is_no_sip_is_not_unread(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap([ethernet(udp(b"\0" * 40))]))
    said = " ".join(" ".join(lines(path)).split())
    assert "it holds no SIP" in said
    assert "unread" not in said
