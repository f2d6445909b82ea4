"""Wireless links: 802.11 frames, bare or behind what a driver says of their reception."""

from __future__ import annotations

from pjsipdiag.capture.packets.network_layer import NO_NETWORK_LAYER, NetworkLayer, UndecodableError, llc, number


def ieee80211(frame: bytes, offset: int = 0, padded: bool = False) -> NetworkLayer:
    """Data frames without encryption: IEEE 802.11-2020 section 9.3.2, then LLC and SNAP.

    `padded`: the header is filled up to four bytes.
    """
    control = number(frame, offset)
    first, second = control >> 8, control & 0xFF
    if first >> 2 & 3 != 2 or first & 0x40:  # not data, or without data
        return NO_NETWORK_LAYER
    if second & 0x40:
        raise UndecodableError("encrypted wireless frame")
    size, quality = 24 + (6 if second & 3 == 3 else 0), 0
    if first & 0x80:
        quality = number(frame, offset + size)
        size += 2 + (4 if second & 0x80 else 0)
    if padded:
        size = size + 3 & ~3
    if quality & 0x8000:  # A-MSDU: packets one after the other, each with addresses and a length
        length = number(frame, offset + size + 12)
        if offset + size + 14 + (length + 3 & ~3) + 14 < len(frame):
            raise UndecodableError("several packets in a wireless frame (A-MSDU)")
        size += 14
    return llc(frame, offset + size)


def radiotap(frame: bytes) -> NetworkLayer:
    """https://www.radiotap.org: bit 5 of the flags, the second field, says that the 802.11 header is padded."""
    if len(frame) < 8:
        raise UndecodableError("link header cut short")
    at = 8
    while at < len(frame) and frame[at - 1] & 0x80:
        at += 4
    if frame[4] & 1:
        at = (at + 7 & ~7) + 8
    padded = frame[4] & 2 and frame[at : at + 1] and frame[at] & 0x20
    return ieee80211(frame, number(frame, 2, "little"), bool(padded))


def prism(frame: bytes) -> NetworkLayer:
    """Drivers of later years put the AVS header there, with its magic."""
    return avs(frame) if frame[:3] == b"\x80\x21\x10" else ieee80211(frame, 144)


def avs(frame: bytes) -> NetworkLayer:
    return ieee80211(frame, min(int.from_bytes(frame[4:8], "big"), len(frame)))
