"""HEP, the Homer Encapsulation Protocol: SIP that a proxy or agent mirrors, with the addresses it had there.

Version 3 is a list of chunks (HEP3 network protocol specification), versions 1 and 2 a fixed header. The inner
addresses are those of the call; the time stays that of the packet.
"""

from __future__ import annotations

import zlib

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.start import starts_like_sip
from pjsipdiag.capture.via import via_transport

NOTE = "holds HEP (mirrored SIP): the addresses are those inside, as the mirroring host saw them"
LONGEST = 65_535
_UDP = 17
_PROTOCOL, _SOURCE4, _DESTINATION4, _SOURCE6, _DESTINATION6, _SOURCE_PORT, _DESTINATION_PORT = 2, 3, 4, 5, 6, 7, 8
_PAYLOAD, _COMPRESSED = 15, 16
_FIXED_SIZES = {(1, 2): (16,), (1, 10): (40,), (2, 2): (28, 26), (2, 10): (52, 50)}
"""(version, address family) -> the header lengths that are in use: version 2 adds the time, padded or not."""


def looks_like(payload: bytes) -> bool:
    """Whether a UDP payload is HEP; for versions 1 and 2 SIP must follow the header."""
    return payload.startswith(b"HEP3") or (payload[:1] in (b"\1", b"\2") and _fixed(payload) is not None)


def unwrap(datagram: Datagram) -> Datagram | None:
    """The SIP datagram inside; None when it holds something else or is damaged."""
    payload = datagram.payload
    found = _chunks(payload) if payload.startswith(b"HEP3") else _fixed(payload)
    if found is None:
        return None
    protocol, source, destination, inner = found
    transport = "UDP" if protocol == _UDP else via_transport(inner, "TCP")
    return datagram._replace(transport=transport, source=source, destination=destination, payload=inner)


def _chunks(payload: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    total = int.from_bytes(payload[4:6], "big")
    chunks: dict[int, bytes] = {}
    at, end = 6, min(total, len(payload))
    while at + 6 <= end:
        vendor, kind, size = (int.from_bytes(payload[at + i : at + i + 2], "big") for i in (0, 2, 4))
        if size < 6:
            return None
        if vendor == 0:
            chunks.setdefault(kind, payload[at + 6 : min(at + size, end)])
        at += size
    inner = chunks.get(_PAYLOAD)
    if inner is None:
        inner = _inflate(chunks.get(_COMPRESSED, b""))
    source = chunks.get(_SOURCE4) or chunks.get(_SOURCE6) or b""
    destination = chunks.get(_DESTINATION4) or chunks.get(_DESTINATION6) or b""
    ports = chunks.get(_SOURCE_PORT, b"\0\0"), chunks.get(_DESTINATION_PORT, b"\0\0")
    if len(source) not in (4, 16) or len(destination) != len(source) or [len(port) for port in ports] != [2, 2]:
        return None
    if not starts_like_sip(inner):
        return None
    return int.from_bytes(chunks.get(_PROTOCOL, b"\x11"), "big"), source + ports[0], destination + ports[1], inner


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, LONGEST)
    except zlib.error:
        return b""


def _fixed(payload: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    if len(payload) < 16:
        return None
    version, family, protocol = payload[0], payload[2], payload[3]
    sizes = _FIXED_SIZES.get((version, family), ())
    for size in sorted(sizes, key=lambda size: size != payload[1]):
        if starts_like_sip(payload[size : size + 64]):
            wide = 4 if family == 2 else 16
            source, destination = payload[8 : 8 + wide], payload[8 + wide : 8 + 2 * wide]
            return protocol, source + payload[4:6], destination + payload[6:8], payload[size:]
    return None
