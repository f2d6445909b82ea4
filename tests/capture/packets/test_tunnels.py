"""Tunnels: what their specifications draw, with tshark as judge."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pjsipdiag.capture import Tally, read
from tests.capture.build import EPOCH, Capture, enhanced, interface, pcap, section, sip
from tests.capture.packets.test_rare import ENDS, FOUR, MAC, SIX
from tests.capture.tshark import needs_tshark

pytestmark = pytest.mark.usefixtures("extensions")

ETH = MAC + b"\x08\0" + FOUR


def out(inside: bytes, protocol: int = 17, six: bool = False, sport: int = 4000, dport: int = 0) -> bytes:
    """An Ethernet frame that carries `inside` as the payload of UDP or of an IP protocol."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6

    packet = IPv6(src="2001:db8:1::1", dst="2001:db8:1::2", nh=protocol) if six else IP(src="198.51.100.1")
    if not six:
        packet.dst, packet.proto = "198.51.100.2", protocol
    packet /= UDP(sport=sport, dport=dport) / inside if protocol == 17 else inside
    return MAC + (b"\x86\xdd" if six else b"\x08\0") + bytes(packet)


ERSPAN2 = struct.pack(">HHI", 0x1001, 0x0001, 0x0)
ERSPAN3 = struct.pack(">HHIHBB", 0x2001, 1, 7, 0, 0, 0)


def gtp(inside: bytes) -> bytes:
    return out(inside, sport=2152, dport=2152)


def authenticated() -> bytes:
    """FOUR with an authentication header between IP and UDP."""
    size = (len(FOUR) + 24).to_bytes(2, "big")
    head = FOUR[:2] + size + FOUR[4:9] + b"\x33\0\0" + FOUR[12:20]
    return MAC + b"\x08\0" + head + struct.pack(">BBHII", 17, 4, 0, 1, 1) + bytes(12) + FOUR[20:]


TUNNELS: dict[str, bytes] = {
    "gre": out(b"\0\0\x08\0" + FOUR, 47),
    "gre csum key seq": out(struct.pack(">HHHHII", 0xB000, 0x0800, 0, 0, 7, 1) + FOUR, 47),
    "gre teb vlan": out(b"\0\0\x65\x58" + MAC + b"\x81\0\0\x07\x08\0" + FOUR, 47),
    "nvgre": out(struct.pack(">HHI", 0x2000, 0x6558, 0x100) + ETH, 47),
    "gre mpls": out(b"\0\0\x88\x47" + b"\0\x01\x01\x40" + FOUR, 47),
    "gre in 6": out(b"\0\0\x86\xdd" + SIX, 47, True),
    "gre wccp": out(b"\0\0\x88\x3e" + b"\0\0\0\0" + FOUR, 47),
    "pptp": out(struct.pack(">HHHHI", 0x3001, 0x880B, len(FOUR) + 4, 7, 1) + b"\xff\x03\0\x21" + FOUR, 47),
    "erspan1": out(b"\0\0\x88\xbe" + ETH, 47),
    "erspan2": out(struct.pack(">HHI", 0x1000, 0x88BE, 5) + ERSPAN2 + ETH, 47),
    "erspan3": out(struct.pack(">HHI", 0x1000, 0x22EB, 5) + ERSPAN3 + ETH, 47),
    "erspan3 opt": out(struct.pack(">HHI", 0x1000, 0x22EB, 5) + ERSPAN3[:-1] + b"\x01" + bytes(8) + ETH, 47),
    "ipip": out(FOUR, 4),
    "6in4": out(SIX, 41),
    "4in6": out(FOUR, 4, True),
    "6in6": out(SIX, 41, True),
    "ah4": authenticated(),
    "ah4 tunnel": out(struct.pack(">BBHII", 4, 4, 0, 1, 1) + bytes(12) + FOUR, 51),
    "ah6": out(struct.pack(">BBHII", 41, 4, 0, 1, 1) + bytes(12) + SIX, 51, True),
    "etherip": out(b"\x30\0" + ETH, 97),
    "mpls in ip": out(b"\0\x01\x01\x40" + FOUR, 137),
    "mpls in udp": out(b"\0\x01\x01\x40" + FOUR, dport=6635),
    "vxlan": out(b"\x08\0\0\0\0\0\7\0" + ETH, dport=4789),
    "vxlan 8472": out(b"\x08\0\0\0\0\0\7\0" + ETH, dport=8472),
    "vxlan gbp": out(b"\x88\0\0\x07\0\0\7\0" + ETH, dport=4789),
    "vxlan gpe4": out(b"\x0c\0\0\1\0\0\7\0" + FOUR, dport=4790),
    "vxlan gpe6": out(b"\x0c\0\0\2\0\0\7\0" + SIX, dport=4790),
    "vxlan gpe eth": out(b"\x0c\0\0\3\0\0\7\0" + ETH, dport=4790),
    "vxlan gpe mpls": out(b"\x0c\0\0\5\0\0\7\0" + b"\0\x01\x01\x40" + FOUR, dport=4790),
    "geneve eth": out(b"\0\0\x65\x58\0\0\7\0" + ETH, dport=6081),
    "geneve opts": out(b"\x02\0\x65\x58\0\0\7\0" + b"\x01\x02\x03\x01" + bytes(4) + ETH, dport=6081),
    "geneve ip": out(b"\0\0\x08\0\0\0\7\0" + FOUR, dport=6081),
    "gtp": gtp(struct.pack(">BBHI", 0x30, 255, len(FOUR), 7) + FOUR),
    "gtp seq": gtp(struct.pack(">BBHIHBB", 0x32, 255, len(FOUR) + 4, 7, 1, 0, 0) + FOUR),
    "gtp ext": gtp(struct.pack(">BBHIHBB", 0x34, 255, len(FOUR) + 8, 7, 1, 0, 0x85) + b"\x01\0\x09\0" + FOUR),
    "gtp ext2": gtp(
        struct.pack(">BBHIHBB", 0x36, 255, len(FOUR) + 12, 7, 1, 0, 0x85) + b"\x01\0\x09\xc0" + b"\1\0\0\0" + FOUR
    ),
    "gtp 6": gtp(struct.pack(">BBHI", 0x30, 255, len(SIX), 7) + SIX),
    "l2tp": out(struct.pack(">HHH", 0x0002, 7, 8) + b"\xff\x03\0\x21" + FOUR, sport=1701, dport=1701),
    "l2tp len seq": out(
        struct.pack(">HHHHHH", 0x4802, 12 + 4 + len(FOUR), 7, 8, 1, 1) + b"\xff\x03\0\x21" + FOUR,
        sport=1701,
        dport=1701,
    ),
    "l2tp off": out(struct.pack(">HHHH", 0x0202, 7, 8, 2) + b"\0\0" + b"\0\x21" + FOUR, sport=1701, dport=40000),
    "l2tpv3 ip": out(b"\0\0\0\7" + ETH, 115),
    "teredo": out(SIX, sport=40000, dport=3544),
    "teredo origin": out(b"\0\0\x12\x34\1\2\3\4" + SIX, sport=3544, dport=40000),
    "tzsp udp": out(b"\x01\0\0\1\x01" + ETH, dport=37008),
    "tzsp udp tags": out(b"\x01\0\0\1\x0a\x01\x7f\x01" + ETH, dport=37008),
    "capwap": out(
        b"\x00\x20\x01\0\0\0\0\0"
        + b"\x08\x01"
        + bytes(2)
        + MAC
        + bytes(6)
        + b"\0\0"
        + b"\xaa\xaa\x03\0\0\0\x08\0"
        + FOUR,
        dport=5247,
    ),
    "VLAN, PPPoE": MAC + b"\x81\0\0\5\x88\x64\x11\0\0\1" + struct.pack(">H", len(FOUR) + 2) + b"\0\x21" + FOUR,
    "802.1ah": MAC + b"\x88\xe7\0\0\0\7" + ETH,
    "macsec clear": MAC + b"\x88\xe5\0\0\0\0\0\1" + b"\x08\0" + FOUR + bytes(16),
    "nsh gre": out(b"\0\0\x89\x4f" + b"\x0f\xc6\x01\x01\0\0\1\xff" + bytes(16) + FOUR, 47),
    "trill": MAC + b"\x22\xf3\0\x01\0\1\0\2" + ETH,
    "qinq 9100": MAC + b"\x91\0\0\5\x81\0\0\6\x08\0" + FOUR,
}


@pytest.mark.parametrize("name", TUNNELS)
def test_the_message_inside(name: str) -> None:
    """Alone, and again when its encapsulation is already known."""
    capture = Capture(pcap([TUNNELS[name]] * 3))
    assert [(datagram.source, datagram.destination) in ENDS for datagram in capture.datagrams] == [True] * 3
    assert [datagram.payload for datagram in capture.datagrams] == [sip(1)] * 3
    assert dict(capture.tally.undecoded) == {}


@pytest.mark.parametrize("name", TUNNELS)
def test_cut_anywhere_there_is_no_message(name: str) -> None:
    frame = TUNNELS[name]
    head = len(frame) - len(sip(1)) - 32
    assert Capture(pcap([frame[:size] for size in range(1, head)])).datagrams == []


TSHARK_CANNOT = {"vxlan 8472", "geneve opts", "l2tpv3 ip", "capwap", "ah4"}
"""Ports and options that tshark 4.0 takes for others, a session cookie that it would have to be told, and a protocol
chain of which its JSON leaves the inner part out."""


@needs_tshark
def test_tshark_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tunnels.pcapng"
    frames = [enhanced(frame, EPOCH // 1000 + number) for number, frame in enumerate(TUNNELS.values())]
    path.write_bytes(section() + interface() + b"".join(frames))
    ours, theirs = (
        {found.frame: found for found in read(path, Tally(str(path)), reader=reader)}
        for reader in ("native", "wireshark")
    )
    names = list(TUNNELS)
    assert {names[frame - 1] for frame in ours.keys() - theirs.keys()} <= TSHARK_CANNOT
    assert {names[frame - 1] for frame in theirs if ours.get(frame) != theirs[frame]} <= {"MPLS pseudowire"}


def test_a_port_alone_proves_no_tunnel() -> None:
    """Media from and to the ports of tunnels is no tunnel, and no loss."""
    ports = (1701, 2152, 3544, 4789, 4790, 5247, 6081, 6635, 8472, 37008)
    frames = [out(bytes((first,)) + b"\x10\xff" * 90, dport=port) for port in ports for first in range(128)]
    capture = Capture(pcap([*frames, TUNNELS["gre"]]))
    assert [frame for frame, _ in capture.calls] == [len(frames) + 1]
    assert dict(capture.tally.undecoded) == {}


def test_encrypted_links_are_counted() -> None:
    frame = MAC + b"\x88\xe5\x0c\0\0\0\0\1" + bytes(60)
    assert dict(Capture(pcap([frame])).tally.undecoded) == {"encrypted link (MACsec)": 1}
