"""Capture file -> SIP messages, whichever format it has; the walks are in `pcap` and `pcapng`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pcap import HEADER, MAGICS, PcapWalk, file_header
from pjsipdiag.capture.formats.pcapng import SECTION_MAGIC, BlockWalk
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.libraries import COMPRESSIONS
from pjsipdiag.capture.source.window import Window
from pjsipdiag.errors import CaptureError

PACKED = {
    **dict.fromkeys(COMPRESSIONS, "twice"),
    b"PK\x03\x04": "as zip",
    b"\x04\x22\x4d\x18": "as lz4",
    b"7z\xbc\xaf": "as 7z",
    b"\x1f\x9d": "as .Z",
    b"Rar!": "as rar",
}
"""How files begin whose content is not looked into, and what they are."""
OTHER_CAPTURES = {
    b"GMBU": "Network Monitor 2 (Microsoft)",
    b"RTSS": "Network Monitor 1 (Microsoft)",
    b"snoop\0\0\0": "snoop (Solaris)",
    b"iptrace ": "iptrace (AIX)",
    b"TRSNIFF data": "Sniffer",
    b"XCP\0": "NetXRay",
    b"\x7fver": "OmniPeek",
}
"""How captures of formats begin that are not read, and whose they are (Wireshark's wiretap/*.c have their magics)."""


def scan(stream: io.RawIOBase | BinaryIO, tally: Tally, dissector: Dissector | None = None) -> Iterator[Datagram]:
    """The SIP messages of a capture of either format. Raises CaptureError when it is none.

    A `dissector` that is handed in is left unfinished: the capture may go on in another file.
    """
    window = Window(stream)
    window.advance(0)
    alone = dissector is None
    dissector = dissector or Dissector(tally)
    walk = open_walk(window, dissector, tally)
    yield from walk.messages()
    if walk.cut is not None:
        say_cut(tally, tally.records, walk.cut)
    if alone:
        yield from dissector.finish()
        yield from dissector.late


def say_cut(tally: Tally, records: int, at: int) -> None:
    """Notes that a file ends inside of the record after so many."""
    tally.truncated = f"cut in the middle of record {records + 1} at byte {at}"


def open_walk(window: Window, dissector: Dissector, tally: Tally) -> PcapWalk | BlockWalk:
    """The walk over the file that `window` begins. Raises CaptureError."""
    head = bytes(window.buffer[: min(window.end, HEADER)])
    if head.startswith(SECTION_MAGIC):
        return BlockWalk(window, dissector)
    header = file_header(head)
    if header is not None:
        return PcapWalk(window, HEADER, header, dissector)
    if not head:
        raise CaptureError(f"{tally.file}: the file is empty")
    if head[:4] in MAGICS:
        reason = f"{len(head)} of {HEADER} bytes" if len(head) < HEADER else head.hex(" ")
        raise CaptureError(f"{tally.file}: the file header of the capture is cut short or damaged: {reason}")
    packed = next((name for magic, name in PACKED.items() if head.startswith(magic)), "")
    packed = "as tar" if window.buffer[257:262] == b"ustar" else packed
    if packed:
        raise CaptureError(f"{tally.file}: it is packed {packed}: unpack it, and give what is in it")
    program = next((name for magic, name in OTHER_CAPTURES.items() if head.startswith(magic)), "")
    if program:
        raise CaptureError(
            f"{tally.file}: a capture of {program}, which is not read: make a pcap of it with"
            " `editcap FILE capture.pcap`, which comes with Wireshark"
        )
    raise CaptureError(
        f"{tally.file}: neither a capture (pcap, pcapng) nor a log of Asterisk: it starts with {head[:4].hex(' ')}"
    )
