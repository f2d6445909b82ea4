"""Who acknowledged an answer of the PBX: its tag came back from where it was sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pjsipdiag.diagnosis.diagnose import observe
from tests.sip_text import messages, write_capture

if TYPE_CHECKING:
    from scapy.packet import Packet

pytestmark = pytest.mark.usefixtures("extensions")

CALLER, OTHER, PBX = "203.0.113.10:5060", "203.0.113.99:5060", "192.0.2.1:5060"
CONFIG = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"


def message(  # noqa: PLR0917  (what varies)
    first: str, source: str, destination: str, way: str, tag: str = "", sequence: str = ""
) -> str:
    """One message of the call `one`; `way` is `in` or `out`."""
    line = f"SIP/2.0 {first}" if first[0].isdigit() else f"{first} sip:1@192.0.2.1 SIP/2.0"
    to = f"<sip:1@192.0.2.1>{tag and f';tag={tag}'}"
    return f"@ 0 {source} > {destination} {way}\n{line}\nCall-ID: one\nTo: {to}\nCSeq: {sequence or '1 INVITE'}\n"


INVITE = message("INVITE", CALLER, PBX, "in")
ANSWER = message("401 Unauthorized", PBX, CALLER, "out", "pbx")
ACK = message("ACK", CALLER, PBX, "in", "pbx", "1 ACK")
AGAIN = message("INVITE", CALLER, PBX, "in", "", "2 INVITE")
ACK_2 = message("ACK", CALLER, PBX, "in", "pbx", "2 ACK")


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        (INVITE + ANSWER + ACK, [401]),
        ((INVITE + ANSWER + ACK).replace(" in\n", "\n").replace(" out\n", "\n"), [401]),
        (INVITE + ANSWER + ACK + ACK, [401]),
        (INVITE + message("180 Ringing", PBX, CALLER, "out", "pbx") + ANSWER + ACK, [401]),
        (INVITE + ANSWER, []),
        (INVITE + ACK, []),
        (INVITE + message("180 Ringing", PBX, CALLER, "out", "pbx") + ACK, []),
        (INVITE + ANSWER + message("ACK", CALLER, PBX, "in", "guess", "1 ACK"), []),
        (INVITE + ANSWER + message("486 Busy", PBX, CALLER, "out", "more") + ACK, []),
        (INVITE + ANSWER + message("ACK", CALLER, PBX, "out", "pbx", "1 ACK"), []),
        (INVITE + message("401 Unauthorized", PBX, CALLER, "in", "pbx") + ACK, []),
        (INVITE + message("401 Unauthorized", OTHER, CALLER, "out", "pbx") + ACK, []),
        (INVITE + ANSWER + message("ACK", OTHER, PBX, "in", "pbx", "1 ACK"), []),
        (INVITE + ANSWER + message("ACK", CALLER, OTHER, "in", "pbx", "1 ACK"), []),
        (INVITE + ANSWER + message("ACK", CALLER, PBX, "in", "pbx", "2 ACK"), []),
        (INVITE + ANSWER + message("BYE", CALLER, PBX, "in", "pbx", "1 BYE"), []),
        (INVITE + message("401 Unauthorized", PBX, CALLER, "out", "pbx", "1 OPTIONS") + ACK, []),
        (INVITE + message("603 Decline", PBX, CALLER, "out", "pbx") + ACK, [603]),
        (INVITE + message("401 Unauthorized", PBX, CALLER, "out") + ANSWER + ACK, []),
        (INVITE + ANSWER + message("ACK", CALLER, PBX, "in", "", "1 ACK"), []),
        (INVITE + ANSWER + ACK + AGAIN + message("404 Not Found", PBX, CALLER, "out", "pbx", "2 INVITE"), [401, 401]),
        (
            INVITE + ANSWER + ACK + AGAIN + message("404 Not Found", PBX, CALLER, "out", "pbx", "2 INVITE") + ACK_2,
            [404, 404],
        ),
    ],
)
def test_a_tag_that_comes_back(text: str, statuses: list[int], tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(CONFIG)
    capture = write_capture(text, tmp_path / "c.pcap", "sll" if " in\n" in text else "ethernet")
    situation = observe([capture], tmp_path, pbx=("192.0.2.1",)).situation
    assert [row.observed_status for row in situation.acknowledged_calls("203.0.113.10")] == statuses
    assert not situation.acknowledged_calls("203.0.113.99")


def segment(source: str, destination: str, flags: str, numbers: tuple[int, int], payload: bytes = b"") -> Packet:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import CookedLinux

    (ip, port), (to, to_port) = (end.split(":") for end in (source, destination))
    link = CookedLinux(pkttype=4 if ip == "192.0.2.1" else 0, proto=0x0800)
    tcp = TCP(sport=int(port), dport=int(to_port), flags=flags, seq=numbers[0], ack=numbers[1])
    return link / IP(src=ip, dst=to) / tcp / payload


@pytest.mark.parametrize(
    ("acknowledged", "statuses"), [(9001, [None]), (9000, []), (9002, []), (0, []), (9001 + (1 << 31), [])]
)
def test_a_connection_that_was_opened(acknowledged: int, statuses: list[int | None], tmp_path: Path) -> None:
    """Whoever forges his address does not see the PBX's first sequence number."""
    from scapy.utils import wrpcap

    (tmp_path / "pjsip.conf").write_text(CONFIG.replace("udp", "tcp"))
    (request,) = messages(INVITE)
    packets = [
        segment(CALLER, PBX, "S", (100, 0)),
        segment(PBX, CALLER, "SA", (9000, 101)),
        segment(CALLER, PBX, "PA", (101, acknowledged), request.raw),
    ]
    wrpcap(str(tmp_path / "c.pcap"), packets, linktype=113)
    situation = observe([tmp_path / "c.pcap"], tmp_path, pbx=("192.0.2.1",)).situation
    assert [row.observed_status for row in situation.acknowledged_calls("203.0.113.10")] == statuses


def test_nothing_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(CONFIG)
    for name, text in (("a.pcap", INVITE.replace("one", "two")), ("b.pcap", INVITE + ANSWER + ACK)):
        write_capture(text, tmp_path / name)
    situation = observe([tmp_path / "a.pcap", tmp_path / "b.pcap"], tmp_path, pbx=("192.0.2.1",)).situation
    for name in ("a.pcap", "b.pcap"):
        (tmp_path / name).write_bytes(bytes(100))
    assert [row.call_id for row in situation.acknowledged_calls("203.0.113.10")] == ["one"]


@pytest.mark.parametrize(("text", "own"), [(INVITE, []), (INVITE + ANSWER, [False]), (INVITE + ANSWER + ACK, [True])])
def test_what_a_group_shows(text: str, own: list[bool], tmp_path: Path) -> None:
    """Nothing without an answer; with one, whether its sender got it."""
    (tmp_path / "pjsip.conf").write_text(CONFIG)
    situation = observe([write_capture(text, tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).situation
    assert [one.is_own for one in map(situation.find_shown, situation.groups) if one] == own
