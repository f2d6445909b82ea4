"""HEP as it is sent: packets of scapy's making, over UDP and TCP, as Kamailio, heplify, FreeSWITCH and Asterisk do."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest

from pjsipdiag import read_messages
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.sip import Address
from pjsipdiag.watch.sources.hep_listener import MOST_CONNECTIONS, Listener
from tests.ports import free_port
from tests.watch.process import Process
from tests.watch.traffic import BAD, GOOD, call

FIXTURES = Path(__file__).parents[3] / "fixtures"


def hep3(datagram: Datagram, *, vendor: int = 0, more: bytes = b"") -> bytes:
    """The packet of HEP version 3 (chunks of vendor 0), built with scapy's fields."""
    from scapy.fields import FieldLenField, ShortField, StrLenField
    from scapy.packet import Packet

    class Chunk(Packet):
        fields_desc = [  # noqa: RUF012  (as scapy has it)
            ShortField("vendor", 0),
            ShortField("type", 0),
            FieldLenField("length", None, length_of="data", adjust=lambda _, size: size + 6),
            StrLenField("data", b"", length_from=lambda packet: packet.length - 6),
        ]

    source, destination = Address.unpack(datagram.source), Address.unpack(datagram.destination)
    seconds, rest = divmod(datagram.time, 1_000_000_000)
    values = {
        1: b"\x02",
        2: b"\x11",
        3: socket.inet_aton(source.ip),
        4: socket.inet_aton(destination.ip),
        7: struct.pack(">H", source.port),
        8: struct.pack(">H", destination.port),
        9: struct.pack(">I", seconds),
        10: struct.pack(">I", rest // 1000),
        11: b"\x01",
        12: struct.pack(">I", 2001),
        15: datagram.payload,
    }
    chunks = b"".join(bytes(Chunk(vendor=vendor, type=kind, data=data)) for kind, data in values.items()) + more
    return b"HEP3" + struct.pack(">H", len(chunks) + 6) + chunks


CORRELATION = struct.pack(">HHH", 0, 17, 6 + 3) + b"abc"
"""What heplify and Kamailio add."""
OF_A_VENDOR = struct.pack(">HHH", 3, 1, 6 + 2) + b"xy"


def refused(name: str) -> list[bytes]:
    calls = [*call(0, GOOD, f"good-{name}", "100 Trying", "200 OK"), *call(1, BAD, f"bad-{name}", "401 Unauthorized")]
    return [hep3(one, more=CORRELATION + OF_A_VENDOR) for one in calls]


def send(transport: str, port: int, packets: Sequence[bytes]) -> None:
    if transport == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for packet in packets:
                out.sendto(packet, ("127.0.0.1", port))
        return
    with socket.create_connection(("127.0.0.1", port)) as stream:
        data = b"".join(packets)
        for at in range(0, len(data), 700):
            stream.sendall(data[at : at + 700])
            time.sleep(0.002)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_refused_call_is_told(etc: Path, transport: str) -> None:
    port = free_port()
    with Process(f"hep://127.0.0.1:{port}", "-c", etc) as watch:
        watch.wait_for("watching")
        time.sleep(0.3)
        send(transport, port, refused("one"))
        assert f"{BAD} is in no match= of any identify" in watch.line()
        assert watch.end() == 1
        assert "the kernel dropped 0 packets" in watch.said[-1]


def test_only_named_senders_are_heard(etc: Path) -> None:
    port = free_port()
    with Process(f"hep://127.0.0.1:{port}", "-c", etc, "--mirror", "192.0.2.99") as watch:
        watch.wait_for("watching")
        time.sleep(0.3)
        send("udp", port, refused("one"))
        time.sleep(3)
        assert watch.end() == 0
        assert "HEP of another sender than --mirror names" in watch.said[-1]


def test_idle_connections_keep_nobody_out(etc: Path) -> None:
    port = free_port()
    with Process(f"hep://127.0.0.1:{port}", "-c", etc) as watch, ExitStack() as idle:
        watch.wait_for("watching")
        time.sleep(0.3)
        early = idle.enter_context(socket.create_connection(("127.0.0.1", port)))
        packets = refused("early")
        early.sendall(packets[0])
        for number in range(MOST_CONNECTIONS + 20):
            idle.enter_context(socket.create_connection(("127.0.0.1", port)))
            if number == MOST_CONNECTIONS // 2:  # who is heard from time to time is not idle
                time.sleep(0.3)
                early.sendall(packets[1])
                time.sleep(0.3)
        early.sendall(b"".join(packets[2:]))
        assert f"{BAD} is in no match=" in watch.line()
        send("tcp", port, refused("late"))
        time.sleep(3)
        watch.end()
        assert "22 x HEP connection that was closed, as too many are open" in watch.said[-1]
        assert f"{2 * len(packets)} SIP messages" in watch.said[-1]


def test_noise_does_no_harm(etc: Path) -> None:
    port = free_port()
    with Process(f"hep://127.0.0.1:{port}", "-c", etc) as watch:
        watch.wait_for("watching")
        time.sleep(0.3)
        noise = [b"", b"HEP3", b"HEP3\xff\xff", b"HEP3\x00\x06", b"\0" * 100, b"HEP3\x00\x0c\x00\x00\x00\x0f\x00\x06"]
        send("udp", port, noise)
        send("tcp", port, noise)
        send("tcp", port, [b"GET / HTTP/1.0\r\n\r\n" * 100])
        send("tcp", port, [refused("cut")[0][:-20]])  # cut, as the first noise over TCP is
        send("tcp", port, refused("one"))
        assert f"{BAD} is in no match=" in watch.line()
        assert watch.end() == 1
        assert "2 x HEP packet whose connection ended before it did" in watch.said[-1]


RECORDED = {
    "asterisk": ("UDP", "0.0.0.0", "203.0.113.10:5060", "SIP/2.0 410 Gone"),  # it only guesses its own address
    "kamailio": ("UDP", "[2001:db8::1]:15060", "[2001:db8::13]:5080", "SIP/2.0 401 Unauthorized"),
    "sngrep": ("TCP", "203.0.113.13:58859", "192.0.2.1:15060", "INVITE sip:100@192.0.2.1 SIP/2.0"),
}
"""What programs sent that mirror calls (fixtures/hep), and one of the messages in it."""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", RECORDED)
def test_what_programs_sent_is_heard(name: str, transport: str) -> None:
    from scapy.layers.inet import UDP
    from scapy.utils import rdpcap

    path = FIXTURES / "hep" / f"{name}.pcap"
    packets = [bytes(packet[UDP].payload) for packet in rdpcap(str(path))]
    listener, heard, stop = Listener(f"hep://127.0.0.1:{free_port()}"), list[Datagram](), Event()
    reading = Thread(target=listener.read, args=(lambda one, _: heard.append(one), stop))
    reading.start()
    send(transport, listener.port, packets)
    until = time.monotonic() + 10
    while len(heard) < len(packets) and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    reading.join()
    found = [
        (one.transport, str(one.source), str(one.destination), one.first_line) for one in map(Datagram.message, heard)
    ]
    assert len(found) == len(packets)
    assert RECORDED[name] in found
    assert found == [
        (one.transport, str(one.source), str(one.destination), one.first_line) for one in read_messages(path)
    ]
