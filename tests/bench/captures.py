"""Captures for benchmarks and for comparison with the truth: what is in them is known because it is made here.

    python -m tests.bench.captures KIND FILE [--packets N] [--link LINK] [--ipv6]

Every run with the same arguments writes the same bytes. FILE.pcap or FILE.pcapng, with .gz behind it.
"""

from __future__ import annotations

import argparse
import random
import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

from isal import igzip

from pjsipdiag.sip import Address
from tests.bench.peers import PBX, Invite, Packet, Peer
from tests.capture.build import interface, section, udp

EPOCH = 1_760_000_000_000_000
PEERS = 2000
TICK = 20_000
"""Microseconds between two RTP packets of a stream."""


def mixed(packets: int, rnd: random.Random, six: bool = False) -> Iterator[Packet]:
    """Calls of 30 s with RTP in both directions, 50 packets a second, about 100 of them at a time."""
    # mu-law speech: loud samples are rare, so that it compresses as a recording does
    sound = bytes(0xFF - min(int(rnd.expovariate(1 / 18)), 0x7F) ^ rnd.choice((0, 0x80)) for _ in range(1 << 16))
    signals: list[Packet] = []
    flows: list[tuple[int, bool, bytes]] = []
    tick = made = 0
    while made < packets:
        now = EPOCH + tick * TICK
        if tick % 16 == 0:
            peer = Peer(rnd, six)
            signals += peer.packets(now, peer.call())
            signals.sort(key=lambda packet: packet.time)
            port = rnd.randrange(8192, 32_766) * 2
            ends = peer.address._replace(port=port), peer.pbx._replace(port=port ^ 2)
            for way in (ends, ends[::-1]):
                head = udp(b"\x80\0\1\2\0\0\3\4" + rnd.randbytes(4) + bytes(160), *way)[:-160]
                flows.append((tick + 1600, way is ends, head))
        while signals and signals[0].time < now + TICK:
            yield signals.pop(0)
            made += 1
        flows = [flow for flow in flows if flow[0] > tick]
        for number, (_, inbound, head) in enumerate(flows):
            at = (tick * 7919 + number * 4729) % (len(sound) - 160)
            yield Packet(now + number * 50, inbound, head + sound[at : at + 160])
        made += len(flows)
        tick += 1


def siponly(packets: int, rnd: random.Random, six: bool = False) -> Iterator[Packet]:
    """OPTIONS, registrations and calls of 2,000 peers."""
    now, made = EPOCH, 0
    peers = [Peer(rnd, six or rnd.random() < 0.05) for _ in range(PEERS)]
    while made < packets:
        peer = rnd.choice(peers).dial()
        chance = rnd.random()
        steps = peer.call(0) if chance < 0.2 else peer.register() if chance < 0.5 else peer.options()
        found = peer.packets(now, steps)
        yield from found
        made += len(found)
        now = found[-1].time + 1000


def scan(packets: int, rnd: random.Random, six: bool = False) -> Iterator[Packet]:
    """Each INVITE from another address."""
    for number in range(packets):
        peer = Peer(rnd, six)
        if not six:
            peer.address = Address(".".join(map(str, rnd.randbytes(4))), rnd.randrange(1024, 65_536))
        yield peer.packet(EPOCH + number * 100, True, peer.request("INVITE", peer.sdp()), True)


def tcp(packets: int, rnd: random.Random, six: bool = False) -> Iterator[Packet]:
    """Connections whose messages are split and joined anywhere, with segments repeated and in the wrong order."""
    now, made = EPOCH, 0
    while made < packets:
        peer = Peer(rnd, six, "TCP")
        sequence = {True: rnd.getrandbits(32), False: rnd.getrandbits(32)}
        for inbound, flags in ((True, 2), (False, 18)):
            yield Packet(now, inbound, _segment(peer, inbound, sequence[inbound] - 1, sequence[not inbound], flags))
        streams: dict[bool, list[tuple[bytes, tuple[Invite, ...]]]] = {True: [], False: []}
        for _ in range(rnd.randrange(1, 6)):
            for _, inbound, message, invite in peer.call(0):
                streams[inbound].append((message, (peer.invite(),) if invite else ()))
        for inbound, messages in streams.items():
            stream = b"".join(message for message, _ in messages)
            cuts = [0]
            while cuts[-1] < len(stream):
                cuts.append(min(len(stream), cuts[-1] + rnd.choice((1460, 1460, 536, rnd.randrange(1, 1460)))))
            pieces = [(start, stream[start:end]) for start, end in pairwise(cuts)]
            for index in range(0, len(pieces) - 1, 37):
                pieces[index], pieces[index + 1] = pieces[index + 1], pieces[index]
            pieces += pieces[-1:]
            truth = tuple(invite for _, invites in messages for invite in invites)
            for index, (start, piece) in enumerate(pieces):
                now += rnd.randrange(1, 400)
                found = truth if index == len(pieces) - 1 else ()
                numbers = sequence[inbound] + start, sequence[not inbound]
                yield Packet(now, inbound, _segment(peer, inbound, *numbers, 24, piece), found)
            made += len(pieces)


def _segment(  # noqa: PLR0917  (as in its header)
    peer: Peer, inbound: bool, sequence: int, acknowledges: int, flags: int, payload: bytes = b""
) -> bytes:
    ends = (peer.address, peer.pbx) if inbound else (peer.pbx, peer.address)
    packet = bytearray(udp(bytes(12) + payload, *ends))
    head = 20 if packet[0] >> 4 == 4 else 40
    packet[9 if head == 20 else 6] = 6
    packet[head + 4 : head + 20] = (
        struct.pack(">IIBB", sequence & 0xFFFFFFFF, acknowledges, 0x50, flags) + b"\xfa\xf0\0\0\0\0"
    )
    return bytes(packet)


def frag(packets: int, rnd: random.Random, six: bool = False) -> Iterator[Packet]:
    """INVITEs in IPv4 fragments, one in three in the wrong order, each with an answer."""
    del six
    made = 0
    for number in range(packets):
        if made >= packets:
            return
        peer = Peer(rnd)
        now = EPOCH + number * 3000
        whole = udp(peer.request("INVITE", peer.sdp(rnd.randrange(20, 60))), peer.address, PBX)
        pieces = []
        for start in range(20, len(whole), 1480):
            piece = whole[start : start + 1480]
            more = start + 1480 < len(whole)
            place = struct.pack(">HH", number & 0xFFFF, (start - 20) >> 3 | more << 13)
            pieces.append(whole[:2] + struct.pack(">H", 20 + len(piece)) + place + whole[8:20] + piece)
        if rnd.random() < 0.3:
            pieces.reverse()
        for index, piece in enumerate(pieces):
            yield Packet(now + index, True, piece, (peer.invite(),) if index == len(pieces) - 1 else ())
        yield peer.packet(now + 2000, False, peer.response("404 Not Found", "INVITE"), False)
        made += len(pieces) + 1


def varied(packets: int, rnd: random.Random, six: bool = False) -> Iterator[Packet]:
    """1 % SIP among RTP of all sizes, TCP, DNS and QUIC in no order."""
    noise = rnd.randbytes(1 << 20)
    hosts = [Address(f"10.0.{rnd.randrange(4)}.{number}", 0) for number in range(1, 200)]
    sizes = {"g711": 160, "g729": 20, "opus": 80, "rtcp": 52, "bulk": 1460, "ack": 0, "dns": 60, "quic": 1250}
    kinds = rnd.choices(list(sizes), (38, 20, 20, 1, 10, 6, 2, 3), k=1 << 15)
    signals: list[Packet] = []
    for number in range(packets):
        now = EPOCH + number * 200
        if rnd.random() < 0.003:
            peer = Peer(rnd, six)
            signals += peer.packets(now, rnd.choice((peer.call, peer.options))())
            signals.sort(key=lambda packet: packet.time)
        while signals and signals[0].time <= now:
            yield signals.pop(0)
        kind, at = kinds[number & 0x7FFF], rnd.randrange(1 << 19)
        inbound = rnd.random() < 0.5
        far, near = (
            rnd.choice(hosts)._replace(port=10_000 + at % 20_000 * 2),
            PBX._replace(port=443 if kind == "quic" else 30_000),
        )
        size = sizes[kind] + (at % 100 if kind in ("opus", "dns", "quic") else 0)
        ends = (far, near) if inbound else (near, far)
        if kind in ("bulk", "ack"):
            packet = bytearray(udp(bytes(12) + noise[at : at + size], *ends))
            packet[9] = 6
            packet[24:40] = struct.pack(">IIBBHHH", at, at, 0x50, 16, 501, 0, 0)
            yield Packet(now, inbound, bytes(packet))
        else:
            head = b"\x80\0" if kind in ("g711", "g729", "opus", "rtcp") else b""
            yield Packet(now, inbound, udp(head + noise[at : at + size], *ends))


KINDS: dict[str, Callable[[int, random.Random, bool], Iterator[Packet]]] = {
    "mixed": mixed,
    "siponly": siponly,
    "scan": scan,
    "tcp": tcp,
    "frag": frag,
    "varied": varied,
}


def _frames(link: str) -> Callable[[bool, bytes], bytes]:
    def frame(inbound: bool, packet: bytes) -> bytes:
        kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
        if link == "raw":
            return packet
        if link == "sll2":
            return kind + struct.pack(">HIHBB8s", 0, 2, 1, 0 if inbound else 4, 6, b"\2") + packet
        macs = b"\2\0\0\0\0\1\2\0\0\0\0\2" if inbound else b"\2\0\0\0\0\2\2\0\0\0\0\1"
        return macs + (b"\x81\0\0\x64" if link == "vlan" else b"") + kind + packet

    return frame


LINKS = {"ethernet": 1, "vlan": 1, "raw": 101, "sll2": 276}


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], igzip.open(path, "wb", compresslevel=1))  # type: ignore[no-untyped-call]  # isal has no types
    return path.open("wb", buffering=1 << 20)


def write(path: Path, kind: str, packets: int, link: str = "ethernet", six: bool = False) -> list[Invite]:
    """Writes about `packets` packets of a kind, compressed for FILE.gz; answers with the INVITEs in it."""
    truth: list[Invite] = []
    frame, blocks = _frames(link), ".pcapng" in path.suffixes
    with _opened(path) as file:
        if blocks:
            file.write(section() + interface(LINKS[link]))
        else:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, LINKS[link]))
        for packet in KINDS[kind](packets, random.Random(1), six):
            data, time = frame(packet.inbound, packet.data), packet.time
            size = len(data)
            if blocks:
                length = 32 + (size + 3 & ~3)
                head = struct.pack("<IIIIIII", 6, length, 0, time >> 32, time & 0xFFFFFFFF, size, size)
                file.write(head + data + bytes(-size % 4) + struct.pack("<I", length))
            else:
                file.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, size, size) + data)
            truth += packet.invites
    return truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--link", choices=LINKS, default="ethernet")
    parser.add_argument("--ipv6", action="store_true")
    given = parser.parse_args()
    write(given.file, given.kind, given.packets, given.link, given.ipv6)


if __name__ == "__main__":
    main()
