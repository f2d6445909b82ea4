from pjsipdiag.capture.datagram import ConnectedDatagram, Datagram
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.streams.stream import MessageStream

Texts = tuple[bytes, ...]
Tables = tuple[
    bytes,
    bytes,
    bytes,
    bytes,
    Texts,
    tuple[str, ...],
    str,
    str,
    type[Datagram],
    type[ConnectedDatagram],
    type[MessageStream],
]

def passed(
    buffer: bytearray,
    at: int,
    before: int,
    last: int,
    end: int,
    frame: int,
    plans: bytes | bytearray,
    tables: Tables,
    dissector: Dissector,
    taker: object,
    messages: list[Datagram],
    /,
) -> tuple[int, int, int, int]: ...
