"""Captures written as text, so that a reviewer reads SIP and not hex.

    @ 0.000 203.0.113.13:5060 > 192.0.2.1:5060 in
    INVITE sip:100@192.0.2.1 SIP/2.0
    Call-ID: one
    ...

A line that starts with `@ ` opens a message: seconds after `EPOCH`, source, destination, then any of a transport
(UDP, TCP, ...), `in` or `out` (the packet type of LINUX_SLL). What a message leaves out of Via, From, To, Call-ID,
CSeq, Max-Forwards, Contact (of an INVITE) and Content-Length is filled in, so that a case shows only what matters;
with `raw` after the addresses nothing is. `\\xNN` in the text is that byte.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pjsipdiag.sip import Address, SipMessage, parse_uri

EPOCH = 1_760_000_000


def messages(text: str) -> list[SipMessage]:
    """The messages of `text` in order; frames count from 1."""
    parts = re.split(r"^@ ", text, flags=re.MULTILINE)[1:]
    return [_message(part, frame) for frame, part in enumerate(parts, 1)]


def write_capture(text: str, path: Path, link: str = "sll", beside: Iterable[tuple[float, str, bytes]] = ()) -> Path:
    """Writes `text` as a pcap of LINUX_SLL (as `tcpdump -i any`) or Ethernet: TCP where it says so, else UDP.

    `beside` are other IP packets with their seconds and directions.
    """
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import CookedLinux, Ether
    from scapy.packet import Raw
    from scapy.utils import wrpcap

    packets = []
    sent: Counter[tuple[Address, Address]] = Counter()
    for message in messages(text):
        network = IPv6 if ":" in message.source.ip else IP
        kind = 0x86DD if network is IPv6 else 0x0800
        packet_type = 4 if message.direction == "out" else 0
        layer2 = CookedLinux(pkttype=packet_type, proto=kind) if link == "sll" else Ether(type=kind)
        packet = layer2 / network(src=message.source.ip, dst=message.destination.ip)
        way = message.source, message.destination
        if message.transport == "TCP":
            packet /= TCP(sport=way[0].port, dport=way[1].port, flags="PA", seq=sent[way] + 1) / message.raw
            sent[way] += len(message.raw)
        else:
            packet /= UDP(sport=way[0].port, dport=way[1].port) / message.raw
        packet.time = message.time / 1e9
        packets.append(packet)
    for seconds, direction, content in beside:
        kind = 0x86DD if content[0] >> 4 == 6 else 0x0800
        packet_type = 4 if direction == "out" else 0
        layer2 = CookedLinux(pkttype=packet_type, proto=kind) if link == "sll" else Ether(type=kind)
        packet = layer2 / Raw(content)
        packet.time = EPOCH + seconds
        packets.append(packet)
    packets.sort(key=lambda packet: float(packet.time))
    wrpcap(str(path), packets, linktype=113 if link == "sll" else 1)
    return path


def _message(part: str, frame: int) -> SipMessage:
    first, _, body = part.partition("\n")
    seconds, source, _, destination, *words = first.split()
    where = (_address(source), _address(destination))
    raw = body.rstrip("\n") if "raw" in words else _complete(body.strip("\n"), where[0], frame)
    transport = next((word for word in words if word.isupper()), "UDP")
    direction = next((word for word in words if word in ("in", "out")), "")
    time = (EPOCH * 1_000_000 + round(float(seconds) * 1_000_000)) * 1000
    return SipMessage(_bytes(raw), transport, *where, time, frame, direction)


def _complete(text: str, source: Address, frame: int) -> str:
    head, _, body = text.partition("\n\n")
    lines = head.split("\n")
    names = {line.partition(":")[0].strip().lower() for line in lines[1:]}
    method = lines[0].split(" ")[0]
    uri = parse_uri(lines[0].split(" ")[1]) if " " in lines[0] else None
    wanted = {
        "Via": f"SIP/2.0/UDP {source};branch=z9hG4bK{frame};rport",
        "From": f"<sip:caller@{source.ip}>;tag=f{frame}",
        "To": f"<{uri}>" if uri else "<sip:100@192.0.2.1>",
        "Call-ID": f"call-{frame}",
        "CSeq": f"1 {method}",
        "Max-Forwards": "70",
        **({"Contact": f"<sip:{source}>"} if method == "INVITE" else {}),
    }
    lines += [f"{name}: {value}" for name, value in wanted.items() if name.lower() not in names]
    lines.append(f"Content-Length: {len(_bytes(body))}")
    return "\n".join(lines) + "\n\n" + body


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host.strip("[]"), int(port))


def _bytes(text: str) -> bytes:
    raw = text.replace("\n", "\r\n").encode()
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), raw)
