"""SIP over TCP and WebSocket in whole captures, built by scapy; tshark is the second opinion where it is right."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.wireshark import read_wireshark
from pjsipdiag.sip import Address, SipMessage
from tests.capture.build import ACK, PSH, Capture, ethernet, pcap, tcp
from tests.capture.streams.test_tcp import invite
from tests.capture.streams.test_websocket import ANSWER, REQUEST, frame
from tests.capture.tshark import needs_tshark
from tests.sip_text import messages

pytestmark = pytest.mark.usefixtures("extensions")

DIALOG = """
@ 0.000 203.0.113.13:40000 > 192.0.2.1:5060 TCP
INVITE sip:100@192.0.2.1 SIP/2.0
Call-ID: one

v=0
m=audio 4000 RTP/AVP 0

@ 0.010 203.0.113.13:40000 > 192.0.2.1:5060 TCP
OPTIONS sip:192.0.2.1 SIP/2.0
Call-ID: two

@ 0.020 192.0.2.1:5060 > 203.0.113.13:40000 TCP
SIP/2.0 401 Unauthorized
Call-ID: one

@ 0.030 [2001:db8::13]:40001 > [2001:db8::1]:5080 TCP
INVITE sip:200@192.0.2.1 SIP/2.0
Call-ID: three

@ 0.040 203.0.113.13:40000 > 192.0.2.1:5060 TCP
ACK sip:100@192.0.2.1 SIP/2.0
Call-ID: one
"""


def write_tcp(sent: list[tuple[SipMessage, bytes]], path: Path, size: int, layer: str = "ether") -> Path:
    """Each connection's bytes in segments of `size`, opened by SYN, as a capture of Ethernet (VLAN) or LINUX_SLL."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import CookedLinux, Dot1Q, Ether
    from scapy.packet import Packet, Raw
    from scapy.utils import wrpcap

    packets: list[Packet] = []
    places: dict[tuple[Address, Address], int] = defaultdict(lambda: 2**32 - 100)

    def add(source: Address, destination: Address, flags: str, data: bytes = b"") -> None:
        six = ":" in source.ip
        network = IPv6(src=source.ip, dst=destination.ip) if six else IP(src=source.ip, dst=destination.ip)
        at = places[source, destination]
        places[source, destination] = at + len(data) + ("S" in flags)
        segment = TCP(sport=source.port, dport=destination.port, flags=flags, seq=at & 0xFFFFFFFF)
        link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        below = {"ether": link, "vlan": link / Dot1Q(vlan=7), "sll": CookedLinux(proto=0x86DD if six else 0x0800)}
        packet = below[layer] / network / segment / Raw(data) if data else below[layer] / network / segment
        packet.time = 1_760_000_000 + len(packets) / 1000
        packets.append(packet)

    for message, data in sent:
        ends = message.source, message.destination
        if ends not in places:
            add(*ends, "S" if ends[::-1] not in places else "SA")
        for at in range(0, len(data), size):
            add(*ends, "PA", data[at : at + size])
    wrpcap(str(path), packets)
    return path


def native(path: Path) -> tuple[list[Datagram], Tally]:
    tally = Tally(str(path))
    return list(read(path, tally)), tally


@pytest.mark.parametrize("layer", ["ether", "vlan", "sll"])
@pytest.mark.parametrize("size", [33, 400, 1460])
def test_what_was_sent_is_what_is_read(tmp_path: Path, size: int, layer: str) -> None:
    sent = messages(DIALOG)
    path = write_tcp([(message, message.raw) for message in sent], tmp_path / "tcp.pcap", size, layer)
    found, tally = native(path)
    assert [(d.transport, d.message().source, d.message().destination, d.payload) for d in found] == [
        ("TCP", message.source, message.destination, message.raw) for message in sent
    ]
    assert not tally.undecoded


@needs_tshark
@pytest.mark.parametrize("size", [33, 1460])
def test_tshark_reads_the_same(tmp_path: Path, size: int) -> None:
    sent = messages(DIALOG)
    path = write_tcp([(message, message.raw) for message in sent], tmp_path / "tcp.pcap", size)
    assert native(path)[0] == list(read_wireshark(path, Tally("tshark")))


def test_keep_alives_between_messages(tmp_path: Path) -> None:
    """tshark loses messages here, we do not."""
    sent = [(message, b"\r\n\r\n" + message.raw + b"\r\n") for message in messages(DIALOG)]
    found, _ = native(write_tcp(sent, tmp_path / "tcp.pcap", 100))
    assert [datagram.payload for datagram in found] == [message.raw for message, _ in sent]


@needs_tshark
def test_websocket_as_tshark_reads_it(tmp_path: Path) -> None:
    client, _, server, *_ = messages(DIALOG.replace(":5060", ":8088"))
    sent = [
        (client, REQUEST),
        (server, ANSWER),
        (client, frame(client.raw, b"\x11\x22\x33\x44")),
        (client, frame(b"\r\n\r\n", b"\x11\x22\x33\x44")),
        (server, frame(server.raw)),
    ]
    path = write_tcp(sent, tmp_path / "ws.pcap", 1460)
    found, _ = native(path)
    assert [(d.transport, d.payload) for d in found] == [("WS", client.raw), ("WS", server.raw)]
    assert found == list(read_wireshark(path, Tally("tshark")))


BINARY = bytes(range(128, 256)) * 4
MULTIPART = b"Content-Type: multipart/mixed\r\nContent-Length: %d\r\n"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [700, 1448])
def test_a_connection_met_inside_a_binary_body(size: int, order: str) -> None:
    """Every segment begins inside a body (ISUP, say) and holds the start of the next message somewhere."""
    stream = b"".join(invite(number, BINARY, MULTIPART) for number in range(20))
    places = range(len(invite(0, BINARY, MULTIPART)) - 100, len(stream), size)
    frames = [ethernet(tcp(stream[at : at + size], at, ACK | PSH)) for at in places]
    capture = Capture(pcap(frames, order))
    assert [number for _, number in capture.calls] == [str(number) for number in range(1, 20)]
    assert capture.tally.undecoded == {"TCP stream that begins inside a SIP message": 1}


def test_a_websocket_message_that_begins_in_a_frame_that_is_not_the_last() -> None:
    """The capture is younger than the connection, and its first frame says that more will come."""
    message = invite(1, b"x" * 300)
    parts = frame(message[:200], b"abcd", final=False), frame(message[200:], b"efgh", opcode=0)
    capture = Capture(pcap([ethernet(tcp(parts[0])), ethernet(tcp(parts[1], len(parts[0])))]))
    assert [datagram.payload for datagram in capture.datagrams] == [message]
    assert capture.datagrams[0].transport == "WS"
