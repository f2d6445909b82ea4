"""A capture that is still being written, as small captures: each holds the records that came whole since the last one.

Whoever reads a whole file looks far ahead; who watches wants each record as it comes. So the stream is cut between
records, and what describes them (the header of a pcap file, the sections and interfaces of pcapng) stands before each
piece again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct

from pjsipdiag.capture.formats.pcap import HEADER, MAGICS, file_header
from pjsipdiag.capture.formats.pcapng import INTERFACE, LONGEST_BLOCK, ORDERS, SECTION_MAGIC
from pjsipdiag.capture.formats.records import LONGEST_PACKET
from pjsipdiag.errors import CaptureError

LEAST_BLOCK = 12


def pieces(read: Callable[[], bytes], name: str) -> Iterator[bytes]:
    """The pieces of what `read` gives, until that is nothing.

    :raises CaptureError: it is no capture, or a record of it cannot be true; `name` says which.
    """
    start = b""
    while len(start) < HEADER and (more := read()):
        start += more
    if start.startswith(SECTION_MAGIC):
        cutter: _Pcap | _Pcapng = _Pcapng(name)
    elif start[:4] in MAGICS and file_header(start) is not None:
        cutter = _Pcap(start, name)
        start = start[HEADER:] or read()
    else:
        why = f"it starts with {start[:4].hex(' ')}" if start else "nothing came"
        raise CaptureError(f"{name}: no capture (pcap, pcapng): {why}")
    data = start
    while True:
        left = data
        while piece := cutter.feed(left):
            yield piece
            left = b""
        if not data:
            return
        data = read()


class _Pcap:
    """Classic pcap: the header of the file, then records with a header each."""

    def __init__(self, start: bytes, name: str) -> None:
        self._head, self._name, self._rest, self._at = start[:HEADER], name, b"", HEADER
        form = MAGICS[start[:4]]
        self._step, self._length = form.header, Struct(form.order + "8xI").unpack_from

    def feed(self, data: bytes) -> bytes:
        """The records that `data` completes, as a capture; nothing where there are none."""
        data = self._rest + data
        at, last = 0, len(data) - self._step
        while at <= last:
            (captured,) = self._length(data, at)
            if captured > LONGEST_PACKET:
                raise CaptureError(f"{self._name}: the record at byte {self._at + at} cannot be true")
            stop = at + self._step + captured
            if stop > len(data):
                break
            at = stop
        self._rest, whole = data[at:], data[:at]
        self._at += at
        return self._head + whole if whole else b""


class _Pcapng:
    """Blocks; a section and its interfaces describe the packets behind them."""

    def __init__(self, name: str) -> None:
        self._name, self._head, self._rest, self._at, self._order = name, b"", b"", 0, "<"

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        head, at, packets = self._head, 0, False
        begun = at
        while at + LEAST_BLOCK <= len(data):
            section = data.startswith(SECTION_MAGIC, at)
            if section and packets:
                break  # what came before has other interfaces: it is a piece of its own
            if section:
                self._order = self._order_of(data[at + 8 : at + 12], at)
            kind, length = Struct(self._order + "II").unpack_from(data, at)
            if length < LEAST_BLOCK or length % 4 or length > LONGEST_BLOCK:
                raise CaptureError(f"{self._name}: the block at byte {self._at + at} cannot be true")
            if at + length > len(data):
                break
            block = data[at : at + length]
            if section:
                self._head, head, begun = block, b"", at
            elif kind == INTERFACE:
                self._head += block
            else:
                packets = True
            at += length
        self._rest, whole = data[at:], data[begun:at]
        self._at += at
        return head + whole if packets else b""

    def _order_of(self, magic: bytes, at: int) -> str:
        if magic not in ORDERS:
            raise CaptureError(f"{self._name}: the section at byte {self._at + at} has no byte order")
        return ORDERS[magic]
