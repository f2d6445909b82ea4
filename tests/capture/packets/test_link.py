"""Link layers and tunnels, built by scapy; tshark is the second opinion on each of them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.capture import Tally, read
from pjsipdiag.capture.packets.link import LINK_TYPES
from tests.capture.build import CLIENT, EPOCH, SERVER, Capture, enhanced, interface, pcap, section, sip, udp
from tests.capture.packets.test_rare import FRAMES
from tests.capture.tshark import needs_tshark

pytestmark = pytest.mark.usefixtures("extensions")

FOUR, SIX = udp(sip(1)), udp(sip(1), CLIENT._replace(ip="2001:db8::13"), SERVER._replace(ip="2001:db8::1"))


def layers() -> dict[str, tuple[int, bytes]]:
    """Name -> link type and a frame that holds FOUR or SIX."""
    from scapy.contrib.erspan import ERSPAN_II
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.gtp import GTP_U_Header
    from scapy.contrib.mpls import MPLS
    from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
    from scapy.layers.l2 import GRE, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Dot3, Ether
    from scapy.layers.ppp import PPP, PPPoE
    from scapy.layers.vxlan import VXLAN

    four, six = IP(FOUR), IPv6(SIX)
    outer, outer6 = IP(src="198.51.100.1", dst="198.51.100.2"), IPv6(src="2001:db8:1::1", dst="2001:db8:1::2")
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    llc = LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0800)
    frames: dict[str, tuple[int, Any]] = {
        "Ethernet": (1, ether / four),
        "Ethernet, IPv6": (1, ether / six),
        "802.1Q": (1, ether / Dot1Q(vlan=5) / four),
        "QinQ": (1, ether / Dot1AD(vlan=5) / Dot1Q(vlan=6) / six),
        "three tags": (1, ether / Dot1Q() / Dot1Q() / Dot1Q() / four),
        "LLC and SNAP": (1, Dot3(dst="02:00:00:00:00:02") / llc / four),
        "PPPoE": (1, ether / PPPoE(sessionid=3) / PPP() / four),
        "PPPoE in a VLAN, IPv6": (1, ether / Dot1Q(vlan=5) / PPPoE(sessionid=3) / PPP() / six),
        "MPLS": (1, ether / MPLS(label=7, s=0) / MPLS(label=8, s=1) / four),
        "MPLS pseudowire": (1, ether / MPLS(label=7, s=1) / (b"\0\0\0\0" + bytes(ether / four))),
        "MPLS pseudowire without control word": (1, ether / MPLS(label=7, s=1) / ether / four),
        "LINUX_SLL": (113, CookedLinux(pkttype=0, proto=0x0800) / four),
        "LINUX_SLL, VLAN": (113, CookedLinux(pkttype=0, proto=0x8100) / Dot1Q() / four),
        "LINUX_SLL2": (276, CookedLinuxV2(proto=0x86DD) / six),
        "RAW": (101, four),
        "RAW, IPv6": (101, six),
        "RAW of most systems": (12, four),
        "RAW of OpenBSD": (14, six),
        "IPV4": (228, four),
        "IPV6": (229, six),
        "NULL, little-endian": (0, struct.pack("<I", 2) + FOUR),
        "NULL, big-endian": (0, struct.pack(">I", 2) + FOUR),
        "NULL, IPv6 of macOS": (0, struct.pack("<I", 30) + SIX),
        "LOOP": (108, struct.pack(">I", 2) + FOUR),
        "PPP": (9, b"\xff\x03\0\x21" + FOUR),
        "PPP, serial": (50, b"\xff\x03\0\x21" + FOUR),
        "PPP over Ethernet": (51, PPPoE(sessionid=3) / PPP() / four),
        "Cisco HDLC": (104, b"\x0f\0\x08\0" + FOUR),
        "802.11": (105, Dot11(type=2, FCfield=1) / llc / four),
        "802.11 QoS, Radiotap": (
            127,
            RadioTap() / Dot11(type=2, subtype=8, FCfield=2) / Dot11QoS() / llc / four,
        ),
        "GRE": (1, ether / outer / GRE() / four),
        "GRE with key and sequence": (
            1,
            ether / outer / GRE(key_present=1, seqnum_present=1, key=1, seqence_number=2) / six,
        ),
        "GRE with Ethernet": (1, ether / outer / GRE(proto=0x6558) / ether / four),
        "ERSPAN II": (1, ether / outer / GRE(seqnum_present=1, proto=0x88BE) / ERSPAN_II() / ether / four),
        "IP in IP": (1, ether / outer / four),
        "6in4": (1, ether / outer / six),
        "4in6": (1, ether / outer6 / four),
        "VXLAN": (1, ether / outer / UDP(sport=5555, dport=4789) / VXLAN(vni=9) / ether / four),
        "GENEVE": (1, ether / outer6 / UDP(sport=40000, dport=6081) / GENEVE(proto=0x6558) / ether / six),
        "GTP-U": (1, ether / outer / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=1) / four),
        "IPv6 extension headers": (
            1,
            ether
            / IPv6(src="2001:db8::13", dst="2001:db8::1")
            / IPv6ExtHdrHopByHop()
            / IPv6ExtHdrDestOpt()
            / IPv6ExtHdrRouting(segleft=0)
            / UDP(SIX[40:]),
        ),
    }
    options = bytearray(FOUR)
    options[0] = 0x47
    options[2:4] = (len(FOUR) + 8).to_bytes(2, "big")
    frames["IPv4 options"] = (1, bytes(ether)[:12] + b"\x08\0" + bytes(options[:20]) + b"\x01" * 8 + FOUR[20:])
    return {name: (link, bytes(frame)) for name, (link, frame) in frames.items()}


LAYERS = layers()


def test_every_row_has_a_frame() -> None:
    assert set(LINK_TYPES) <= {link for link, _ in [*LAYERS.values(), *FRAMES.values()]}


@pytest.mark.parametrize("name", LAYERS)
def test_the_message_inside(name: str) -> None:
    """Alone, and again when its encapsulation is already known."""
    link, frame = LAYERS[name]
    capture = Capture(section() + interface(link) + enhanced(frame, EPOCH // 1000) * 3)
    assert dict(capture.tally.undecoded) == {}
    for datagram in capture.datagrams:
        assert datagram.payload == sip(1)
        assert ends_are_inside(datagram.source, datagram.destination)
    assert len(capture.datagrams) == 3


def ends_are_inside(source: bytes, destination: bytes) -> bool:
    return (source, destination) in {
        (FOUR[12:16] + FOUR[20:22], FOUR[16:20] + FOUR[22:24]),
        (SIX[8:24] + SIX[40:42], SIX[24:40] + SIX[42:44]),
    }


@needs_tshark
def test_tshark_reads_the_same(tmp_path: Path) -> None:
    """All link types as interfaces of one capture. Whether a pseudowire has a control word is a guess for both."""
    raw = section() + b"".join(interface(link) for link, _ in LAYERS.values())
    raw += b"".join(
        enhanced(frame, EPOCH // 1000 + number, number) for number, (_, frame) in enumerate(LAYERS.values())
    )
    path = tmp_path / "layers.pcapng"
    path.write_bytes(raw)
    ours = list(read(path, Tally(str(path))))
    theirs = {datagram.frame: datagram for datagram in read(path, Tally(str(path)), reader="wireshark")}
    names = list(LAYERS)
    differ = {names[datagram.frame - 1] for datagram in ours if theirs.get(datagram.frame) != datagram}
    assert {name for name in differ if not name.startswith("MPLS pseudowire")} == set()
    assert len(ours) == len(LAYERS)
    assert len(theirs) >= len(LAYERS) - 2


@pytest.mark.parametrize(("packet_type", "direction"), [(0, "in"), (1, "in"), (2, "in"), (3, ""), (4, "out")])
@pytest.mark.parametrize("link", [113, 276])
def test_cooked_captures_tell_the_direction(link: int, packet_type: int, direction: str) -> None:
    head = struct.pack(">HHH8sH", packet_type, 1, 6, bytes(8), 0x0800)
    if link == 276:
        head = struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, packet_type, 6, bytes(8))
    capture = Capture(section() + interface(link) + enhanced(head + FOUR, 0) * 2)
    assert [datagram.direction for datagram in capture.datagrams] == [direction] * 2


UNDECODABLE: dict[str, tuple[int, bytes, str]] = {
    "Ethernet": (1, bytes(13), "link header cut short"),
    "EtherType": (1, bytes(12) + b"\x12\x34" + bytes(40), "EtherType 0x1234"),
    "RAW": (101, b"\x12" + bytes(40), "raw IP of unknown version"),
    "IPv4": (101, FOUR[:19], "IPv4 header cut short"),
    "header length": (101, b"\x41" + FOUR[1:], "IPv4 header length"),
    "IPv6": (101, SIX[:39], "IPv6 header cut short"),
    "UDP": (101, FOUR[:2] + b"\0\x18" + FOUR[4:24], "UDP header cut short"),
    "UDP length": (101, FOUR[:24] + b"\xff\xff" + FOUR[26:], "UDP length does not fit its packet"),
    "ESP": (101, FOUR[:9] + b"\x32" + FOUR[10:], "encrypted IPsec (ESP)"),
    "tags": (1, bytes(12) + b"\x81\0\0\1" * 40 + FOUR, "too many link headers"),
    "tunnels": (101, (b"\x45\0\0\0" + FOUR[4:9] + b"\x04" + FOUR[10:20]) * 20 + FOUR, "tunnels nested too deep"),
    "labels": (1, bytes(12) + b"\x88\x47" + bytes(400), "too many MPLS labels"),
}


@pytest.mark.parametrize("name", UNDECODABLE)
def test_what_cannot_be_decoded_is_counted_with_the_reason(name: str) -> None:
    link, frame, reason = UNDECODABLE[name]
    capture = Capture(section() + interface(link) + enhanced(frame, 0))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([], {reason: 1})


def test_packets_that_cannot_hold_sip_are_no_loss() -> None:
    """ARP, spanning tree, LLDP, ICMP."""
    others = [
        bytes(12) + b"\x08\x06" + bytes(46),
        bytes(12) + b"\0\x26\x42\x42\x03" + bytes(40),
        bytes(12) + b"\x88\xcc" + bytes(46),
        bytes(12) + b"\x08\0" + FOUR[:9] + b"\x01" + FOUR[10:],
    ]
    capture = Capture(section() + interface() + b"".join(enhanced(frame, 0) for frame in others))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([], {})


def test_what_cannot_hold_sip_is_not_counted_for_its_length() -> None:
    """Whether it is the first of its kind in the file, or its encapsulation is known."""
    media = bytearray(udp(b"\x80" + bytes(160)))
    media[24:26] = b"\xff\xff"
    for frames in ([bytes(media)] * 2, [FOUR, bytes(media)]):
        capture = Capture(section() + interface(101) + b"".join(enhanced(frame, 0) for frame in frames))
        assert dict(capture.tally.undecoded) == {}


@pytest.mark.parametrize("after", [b"\xff", b"\0"])
def test_a_header_that_the_record_cuts_is_counted_whatever_follows(after: bytes) -> None:
    frames = [FOUR, FOUR[:26], after * 60]
    capture = Capture(pcap(frames, link=101))
    assert dict(capture.tally.undecoded) == {"UDP header cut short": 1, "raw IP of unknown version": 1}


def test_an_extension_header_at_the_end_of_a_packet() -> None:
    """RFC 8200 section 4.7: 59 says that nothing follows."""
    for size, said in ((8, {}), (7, {"IPv6 extension header cut short": 1})):
        packet = SIX[:4] + struct.pack(">H", size) + b"\x3c" + SIX[7:40] + bytes((59, 0, 1, 4, 0, 0, 0, 0))[:size]
        assert Capture(pcap([packet], link=101)).tally.undecoded == said


def test_a_fragment_header_at_the_end_of_a_packet() -> None:
    """RFC 6946: one without offset and without more is a packet of its own; here nothing follows."""
    for size, said in ((8, {}), (7, {"IP fragment cut by the snap length": 1})):
        packet = SIX[:4] + struct.pack(">H", size) + b"\x2c" + SIX[7:40] + bytes((59, 0, 0, 0, 0, 0, 0, 7))[:size]
        assert Capture(pcap([packet], link=101)).tally.undecoded == said


@pytest.mark.parametrize("words", [1, 2])
def test_radiotap_with_a_time_says_whether_the_header_is_padded(words: int) -> None:
    """TSFT, 8 bytes at a multiple of 8, stands before the flags (radiotap.org); 0x20 there pads 26 bytes to 28."""
    from scapy.layers.dot11 import Dot11, Dot11QoS
    from scapy.layers.l2 import LLC, SNAP

    header = bytes(Dot11(type=2, subtype=8, FCfield=1) / Dot11QoS())
    llc = bytes(LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0800))
    present = struct.pack("<I", 0x80000003) * (words - 1) + struct.pack("<I", 3)
    for flags, pad in ((0x20, 2), (0, 0)):
        time = bytes(-(4 + len(present)) % 8) + b"\x20" * 7 + bytes(1)
        fields = present + time + bytes((flags,))
        frame = struct.pack("<BBH", 0, 0, 4 + len(fields)) + fields + header + bytes(pad) + llc + FOUR
        assert [call_id for _, call_id in Capture(pcap([frame], link=127)).calls] == ["1"]
