"""Link types that are rare: frames as https://www.tcpdump.org/linktypes.html describes them, with tshark as judge."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pjsipdiag.capture import Tally, read
from pjsipdiag.capture.packets.rare import RARE
from tests.capture.build import (
    CLIENT,
    CLIENT6,
    EPOCH,
    SERVER,
    SERVER6,
    Capture,
    enhanced,
    interface,
    pcap,
    section,
    sip,
)
from tests.capture.tshark import needs_tshark

pytestmark = pytest.mark.usefixtures("extensions")


def packet(six: bool) -> bytes:
    """An IP packet with an INVITE and all its checksums."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6

    network = IPv6(src=CLIENT6.ip, dst=SERVER6.ip) if six else IP(src=CLIENT.ip, dst=SERVER.ip, id=1, flags="DF")
    return bytes(network / UDP(sport=CLIENT.port, dport=SERVER.port) / sip(1))


FOUR, SIX = packet(False), packet(True)
MAC = bytes.fromhex("020000000002020000000001")
ETH = MAC + b"\x08\0" + FOUR
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0" + FOUR
JUNIPER = b"MGC"


def erf(kind: int, body: bytes, pad: bytes = b"") -> bytes:
    """A record of a capture card, with one extension header."""
    size = 24 + len(pad) + len(body)
    head = struct.pack("<Q", 0x5FB << 32) + struct.pack(">BBHHH", kind | 0x80, 4, size, 0, len(body) + 4)
    return head + b"\x03" + bytes(7) + pad + body


WLAN = b"\x08\x01" + bytes(2) + MAC + bytes(6) + b"\0\0" + SNAP
QOS = b"\x88\x01" + bytes(2) + MAC + bytes(6) + b"\0\0"
FIBRE = b"\x04\0\0\2\0\0\0\1\x05\0\0\0" + bytes(28) + SNAP
PPPOE = MAC + b"\x88\x64\x11\0\0\1" + struct.pack(">H", len(FOUR) + 2) + b"\0\x21" + FOUR
FRAMES: dict[str, tuple[int, bytes]] = {
    "token ring": (6, b"\x10\x40" + MAC + SNAP),
    "token ring, routed": (6, b"\x10\x40" + MAC[:6] + b"\x82" + MAC[7:] + b"\x06\x30\x01\x02\x03\x04" + SNAP),
    "arcnet bsd": (7, b"\x01\x02\xd4\x00\x00\x01" + FOUR),
    "arcnet bsd old": (7, b"\x01\x02\xf0" + FOUR),
    "arcnet linux": (129, b"\x01\x02\x00\x00\xd4\x00\x00\x01" + FOUR),
    "slip": (8, b"\0" * 16 + FOUR),
    "fddi": (10, b"\x50" + MAC + SNAP),
    "atm rfc1483": (100, SNAP),
    "atm rfc1483 bridged": (100, b"\xaa\xaa\x03\0\x80\xc2\0\x07\0\0" + ETH),
    "atm rfc1483 vc-mux": (100, FOUR),
    "atm rfc1483 ppp": (100, b"\xfe\xfe\x03\xcf\0\x21" + FOUR),
    "atm clip": (106, FOUR),
    "sunatm": (123, b"\x82\x01\0\x20" + SNAP),
    "sunatm out": (123, b"\x02\x01\0\x20" + SNAP),
    "symantec v2": (99, b"\0\0\0\1\0\0\x08\0" + bytes(36) + FOUR),
    "symantec v3": (99, b"\0\0\0\1" + bytes(16) + b"\x08\0" + bytes(34) + FOUR),
    "enc": (109, struct.pack("<III", 2, 7, 0) + FOUR),
    "enc be": (109, struct.pack(">III", 2, 7, 0) + FOUR),
    "enc six": (109, struct.pack("<III", 24, 7, 0) + SIX),
    "ieee1394": (138, bytes(16) + b"\x08\0" + FOUR),
    "docsis": (143, b"\0\0" + struct.pack(">H", len(ETH) + 4) + b"\0\0" + ETH + bytes(4)),
    "docsis ehdr": (
        143,
        b"\x01\x03" + struct.pack(">H", len(ETH) + 4 + 3) + b"\x00\x00\x00" + b"\0\0" + ETH + bytes(4),
    ),
    "ppp pppd": (166, b"\x01\x03\0\x21" + FOUR),
    "ppp pppd2": (166, b"\x00\xff\x03\0\x21" + FOUR),
    "ppp bsdos": (103, bytes(20) + b"\xff\x03\0\x21" + FOUR),
    "slip bsdos": (102, bytes(24) + FOUR),
    "erf eth": (197, erf(2, ETH, b"\0\0")),
    "erf eth 175": (175, erf(2, ETH, b"\0\0")),
    "erf pos": (197, erf(1, b"\xff\x03\0\x21" + FOUR)),
    "erf pos hdlc": (176, erf(1, b"\x0f\0\x08\0" + FOUR)),
    "erf ip4": (197, erf(22, FOUR)),
    "erf ip6": (197, erf(23, SIX)),
    "ppi": (192, b"\0\0\x08\0" + struct.pack("<I", 105) + WLAN),
    "ppi eth": (192, b"\0\0\x08\0" + struct.pack("<I", 1) + ETH),
    "c_hdlc dir": (205, b"\0\x0f\0\x08\0" + FOUR),
    "frelay": (107, b"\x18\x41\x03\xcc" + FOUR),
    "frelay snap": (107, b"\x18\x41\x03\0\x80\0\0\0\x08\0" + FOUR),
    "frelay bridged": (107, b"\x18\x41\x03\0\x80\0\x80\xc2\0\x07" + ETH),
    "frelay cisco": (107, b"\x18\x41\x08\0" + FOUR),
    "frelay 4 byte": (107, b"\x18\x40\x20\x01\x03\xcc" + FOUR),
    "frelay dir": (206, b"\1\x18\x41\x03\xcc" + FOUR),
    "mpls": (219, b"\0\x01\x01\x40" + FOUR),
    "mpls six": (219, b"\0\x01\x00\x40\0\x01\x01\x40" + SIX),
    "ipnet": (226, struct.pack(">BBHIIIII", 1, 2, 0, len(FOUR), 1, 0, 0, 0) + FOUR),
    "ipnet six": (226, struct.pack(">BBHIIIII", 1, 26, 0, len(SIX), 1, 0, 0, 0) + SIX),
    "fc2": (224, b"\x04\0\0\2\0\0\0\1\x05\0\0\0" + bytes(12) + bytes(16) + SNAP),
    "fc2 delims": (
        225,
        b"\xbc\xb5\x56\x56"
        + b"\x04\0\0\2\0\0\0\1\x05\0\0\0"
        + bytes(12)
        + bytes(16)
        + SNAP
        + bytes(4)
        + b"\xbc\x95\x75\x75",
    ),
    "ip over fc": (122, bytes(16) + SNAP),
    "nflog": (
        239,
        b"\x02\0\0\0"
        + struct.pack("<HH", 8, 1)
        + b"\x08\0\1\0"
        + struct.pack("<HH", 5, 10)
        + b"a\0\0\0"
        + struct.pack("<HH", 4 + len(FOUR), 9)
        + FOUR,
    ),
    "nflog six": (239, b"\x0a\0\0\0" + struct.pack("<HH", 4 + len(SIX), 9) + SIX),
    "netanalyzer": (240, bytes(4) + ETH + bytes(4)),
    "netanalyzer transparent": (241, bytes(4) + b"\x55" * 7 + b"\xd5" + ETH + bytes(4)),
    "ipoib": (242, bytes(40) + b"\x08\0\0\0" + FOUR),
    "infiniband": (
        247,
        b"\0\x02\0\1\0\x10\0\2"
        + b"\x64\0\xff\xff\0\0\0\x30\0\0\0\1"
        + b"\0\0\x0b\x1b\0\0\0\x30"
        + b"\x08\0\0\0"
        + FOUR
        + bytes(6),
    ),
    "pktap": (258, struct.pack("<III24sIIII", 108, 1, 1, b"en0", 1, 2, 14, 0).ljust(108, b"\0") + ETH),
    "pktap null": (
        258,
        struct.pack("<III24sIIII", 108, 1, 0, b"lo0", 2, 2, 4, 0).ljust(108, b"\0") + b"\x02\0\0\0" + FOUR,
    ),
    "pktap raw": (258, struct.pack("<III24sIIII", 108, 1, 12, b"utun0", 2, 2, 0, 0).ljust(108, b"\0") + FOUR),
    "epon": (259, b"\x55\x55\xd5\x55\x55\0\1\0" + ETH),
    "mpacket": (274, b"\x55" * 7 + b"\xd5" + ETH + bytes(4)),
    "mpacket smd-s": (274, b"\x55" * 7 + b"\xe6" + ETH + bytes(4)),
    "ebhscr": (279, b"\x50\0\0\0\0\0\0\0" + bytes(24) + b"\0\0" + ETH),
    "vpp": (280, b"\x01\x00\x04\x01\0\0\0\1" + b"ethernet-input\0meta\0one\0two\0" + ETH),
    "vpp2": (280, b"\x01\x00\x04\x02\0\0\0\1" + b"ip4-input\0meta\0one\0two\0" + FOUR),
    "dsa brcm": (281, MAC + b"\x20\0\0\1" + b"\x08\0" + FOUR),
    "dsa brcm prepend": (282, b"\x20\0\0\1" + ETH),
    "dsa": (284, MAC + b"\xc0\x18\0\0" + b"\x08\0" + FOUR),
    "dsa forward": (284, MAC + b"\xc0\x18\0\x05\x08\0" + FOUR),
    "edsa": (285, MAC + b"\xda\xda\0\0" + b"\xc0\x18\0\0" + b"\x08\0" + FOUR),
    "atsc alp": (289, struct.pack(">H", len(FOUR)) + FOUR),
    "ax25": (3, b"\x82" * 6 + b"\x60" + b"\x82" * 6 + b"\x61\x03\xcc" + FOUR),
    "ax25 kiss": (202, b"\0" + b"\x82" * 6 + b"\x60" + b"\x82" * 6 + b"\x61\x03\xcc" + FOUR),
    "tzsp": (128, b"\x01\0\0\1\x01" + ETH),
    "tzsp tags": (128, b"\x01\0\0\1\x0a\x01\x7f\0\x01" + ETH),
    "pflog": (117, bytes([61, 2, 0, 0]) + b"em0".ljust(16, b"\0") + bytes(40) + b"\1\0\0\0" + FOUR),
    "wlan prism": (
        119,
        struct.pack("<II16s", 0x44, 144, b"wlan0").ljust(144, b"\0")
        + b"\x08\x01"
        + bytes(2)
        + MAC
        + bytes(6)
        + b"\0\0"
        + SNAP,
    ),
    "wlan avs": (
        163,
        struct.pack(">II", 0x80211001, 64).ljust(64, b"\0") + WLAN,
    ),
    "wlan avs in prism": (
        119,
        struct.pack(">II", 0x80211001, 64).ljust(64, b"\0") + WLAN,
    ),
    "wlan amsdu": (
        105,
        b"\x88\x01" + bytes(2) + MAC + bytes(6) + b"\0\0" + b"\x80\0" + MAC + struct.pack(">H", len(SNAP)) + SNAP,
    ),
    "wlan datapad": (
        127,
        struct.pack("<BBHI", 0, 0, 9, 2)
        + b"\x20"
        + b"\x88\x01"
        + bytes(2)
        + MAC
        + bytes(6)
        + b"\0\0"
        + b"\0\0"
        + b"\0\0"
        + SNAP,
    ),
    "wlan wds": (105, b"\x08\x03" + bytes(2) + MAC + bytes(6) + b"\0\0" + bytes(6) + SNAP),
    "juniper ether": (178, JUNIPER + b"\x01" + ETH),
    "juniper ether ext": (178, JUNIPER + b"\x81\0\x06\x01\x01\x0e\x02\x01\x0f" + ETH),
    "juniper ether no l2": (178, JUNIPER + b"\x03" + b"\2\0\0\0" + FOUR),
    "juniper ppp": (179, JUNIPER + b"\x01" + b"\xff\x03\0\x21" + FOUR),
    "juniper frelay": (180, JUNIPER + b"\x01" + b"\x18\x41\x03\xcc" + FOUR),
    "juniper chdlc": (181, JUNIPER + b"\x01" + b"\x0f\0\x08\0" + FOUR),
    "juniper atm1": (137, JUNIPER + b"\x01" + b"\x80\0\0\1" + SNAP),
    "juniper atm2": (135, JUNIPER + b"\x01" + b"\x80\0\0\1\0\0\0\0" + SNAP),
    "juniper cemic": (238, JUNIPER + b"\x01" + b"\x80\0\0\1\0\0\0\0" + SNAP),
    "juniper mlppp": (130, JUNIPER + b"\x01" + b"\0\0\0\x01" + b"\0\x21" + FOUR),
    "juniper mlfr": (131, JUNIPER + b"\x01" + b"\0\0\0\x01" + b"\x03\xcc" + FOUR),
    "juniper mfr": (134, JUNIPER + b"\x01" + b"\x54\0\0\x01" + b"\0\0\x03\xcc" + FOUR),
    "juniper pppoe": (
        167,
        JUNIPER + b"\x01" + MAC + b"\x88\x64\x11\0\0\1" + struct.pack(">H", len(FOUR) + 2) + b"\0\x21" + FOUR,
    ),
    "juniper pppoe atm": (
        168,
        JUNIPER
        + b"\x01"
        + b"\x80\0\0\1\0\0\0\0"
        + b"\xaa\xaa\x03\0\x80\xc2\0\x07\0\0"
        + MAC
        + b"\x88\x64\x11\0\0\1"
        + struct.pack(">H", len(FOUR) + 2)
        + b"\0\x21"
        + FOUR,
    ),
    "juniper services": (136, JUNIPER + b"\x01" + b"\0" * 8 + FOUR),
    "juniper es": (132, JUNIPER + b"\x01" + b"\0" * 6 + FOUR),
    "juniper ggsn": (133, JUNIPER + b"\x01" + struct.pack("<HHI", 0, 0, 2) + FOUR),
    "juniper vp": (194, JUNIPER + b"\x01" + bytes(18) + FOUR),
    "ppp dir": (204, b"\1\xff\x03\0\x21" + FOUR),
    "ppp dir compressed": (204, b"\0\0\x21" + FOUR),
    "juniper st": (200, JUNIPER + b"\x01" + bytes(2) + ETH),
}


ENDS = {(CLIENT.pack(), SERVER.pack()), (CLIENT6.pack(), SERVER6.pack())}


@pytest.mark.parametrize("name", FRAMES)
def test_the_message_inside(name: str) -> None:
    link, frame = FRAMES[name]
    capture = Capture(pcap([frame] * 2, link=link))
    assert [(datagram.source, datagram.destination) in ENDS for datagram in capture.datagrams] == [True] * 2
    assert [datagram.payload for datagram in capture.datagrams] == [sip(1)] * 2
    assert dict(capture.tally.undecoded) == {}


def test_every_row_has_a_frame() -> None:
    assert set(RARE) <= {link for link, _ in FRAMES.values()}


@pytest.mark.parametrize("name", FRAMES)
def test_cut_anywhere_it_is_counted_or_without_ip(name: str) -> None:
    """No length makes a decoder fail, or find a message that is not there."""
    link, frame = FRAMES[name]
    head = len(frame) - len(sip(1)) - 8
    capture = Capture(pcap([frame[:size] for size in range(1, head)], link=link))
    assert capture.datagrams == []


TSHARK_CANNOT = {
    *("slip", "atm rfc1483 vc-mux", "symantec v3", "docsis", "docsis ehdr", "ppp pppd", "ppp pppd2", "ppp bsdos"),
    *("slip bsdos", "erf eth 175", "erf pos hdlc", "c_hdlc dir", "frelay dir", "mpls", "mpls six", "fc2", "fc2 delims"),
    *("netanalyzer", "netanalyzer transparent", "infiniband", "mpacket", "mpacket smd-s", "ebhscr"),
    *("dsa brcm", "dsa brcm prepend", "dsa", "dsa forward", "edsa", "atsc alp"),
    *("juniper atm1", "juniper cemic", "juniper mlppp", "juniper mlfr", "juniper mfr", "juniper pppoe atm"),
    *("wlan amsdu", "juniper services", "juniper es", "juniper ggsn", "juniper vp", "juniper st"),
}
"""Frames that tshark 4.0 shows as data, for lack of a dissector or of a checksum and cookie that it wants;
and an aggregate, which its JSON leaves out."""


@needs_tshark
def test_tshark_reads_the_same(tmp_path: Path) -> None:
    raw = section() + b"".join(interface(link) for link, _ in FRAMES.values())
    for number, (_, frame) in enumerate(FRAMES.values()):
        raw += enhanced(frame, EPOCH // 1000 + number, number)
    path = tmp_path / "frames.pcapng"
    path.write_bytes(raw)
    ours, theirs = (
        {found.frame: found[2:6] for found in read(path, Tally(str(path)), reader=reader)}
        for reader in ("native", "wireshark")
    )
    names = list(FRAMES)
    unread = {names[frame - 1] for frame in ours.keys() - theirs.keys()}
    assert unread <= TSHARK_CANNOT
    assert {names[frame - 1] for frame in theirs if ours.get(frame) != theirs[frame]} == set()


ARP = bytes.fromhex("0001080006040001020000000001c0000201000000000000c0000202")


def test_a_link_type_that_nobody_knows() -> None:
    """IP is found where its checksum proves it; the rest is counted."""
    capture = Capture(pcap([b"\xab" * 20 + FOUR, b"\xab" * 9 + SIX, b"E" * 60 + ARP], link=160))
    assert [datagram.payload for datagram in capture.datagrams] == [sip(1)] * 2
    assert dict(capture.tally.undecoded) == {"link type 160 without IP": 1}


def test_several_packets_in_a_wireless_frame_are_counted() -> None:
    part = MAC + struct.pack(">H", len(SNAP)) + SNAP
    part += bytes(-len(part) % 4)
    frame = b"\x88\x01" + bytes(2) + MAC + bytes(6) + b"\0\0" + b"\x80\0" + part
    capture = Capture(pcap([frame, frame + part], link=105))
    assert len(capture.datagrams) == 1
    assert dict(capture.tally.undecoded) == {"several packets in a wireless frame (A-MSDU)": 1}
