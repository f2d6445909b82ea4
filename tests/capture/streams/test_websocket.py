"""SIP over WebSocket (RFC 7118): upgrade, masking, fragments, control frames."""

from __future__ import annotations

import zlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pjsipdiag.capture.streams.tcp_flow import reverse
from tests.capture.streams.test_tcp import FLOW, Wire, invite

REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: pbx.example.com:8088\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n"


def frame(data: bytes, mask: bytes = b"", opcode: int = 1, final: bool = True) -> bytes:
    size, masked = len(data), 0x80 if mask else 0
    if size < 126:
        head = bytes((masked | size,))
    elif size < 65_536:
        head = bytes((masked | 126,)) + size.to_bytes(2, "big")
    else:
        head = bytes((masked | 127,)) + size.to_bytes(8, "big")
    if mask:
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    return bytes((opcode | (0x80 if final else 0),)) + head + mask + data


@settings(max_examples=50)
@example(sizes=[0], mask=b"abcd", fragment=1, cut=1)
@given(
    sizes=st.lists(st.integers(0, 70_000), min_size=1, max_size=3),
    mask=st.sampled_from([b"", b"\x01\x02\x03\x04", b"\xff\x00\xff\x00"]),
    fragment=st.integers(1, 70_000),
    cut=st.integers(100, 5_000),
)
def test_any_frames_and_segments(sizes: list[int], mask: bytes, fragment: int, cut: int) -> None:
    sent = [invite(number, b"x" * size) for number, size in enumerate(sizes)]
    stream = REQUEST
    for message in sent:
        parts = [message[at : at + fragment] for at in range(0, len(message), fragment)][:40]
        parts[-1] = message[(len(parts) - 1) * fragment :]
        for number, part in enumerate(parts):
            stream += frame(part, mask, opcode=0 if number else 1, final=number == len(parts) - 1)
            stream += frame(b"ping", mask, opcode=9)
    wire = Wire().syn()
    for at in range(0, len(stream), cut):
        wire.segment(at, stream[at : at + cut])
    assert wire.payloads() == sent
    assert {datagram.transport for datagram in wire.found} == {"WS"}


def test_both_directions() -> None:
    wire = Wire().syn().segment(0, REQUEST)
    wire.flow = reverse(FLOW)
    wire.syn().segment(0, ANSWER).segment(len(ANSWER), frame(invite(7)))
    assert wire.payloads() == [invite(7)]


def test_connection_older_than_the_capture() -> None:
    one = frame(invite(1), b"abcd")
    assert Wire().segment(0, one).segment(len(one), frame(invite(2), b"efgh")).payloads() == [invite(1), invite(2)]


def test_upgrade_to_something_else_is_ignored() -> None:
    wire = Wire().syn().segment(0, REQUEST.replace(b": sip", b": chat"))
    assert FLOW in wire.reassembler.ignored


def test_after_a_loss_the_next_segment_that_starts_with_a_frame_counts() -> None:
    one, two = frame(invite(1)), frame(invite(2))
    wire = Wire().syn().segment(0, REQUEST).segment(len(REQUEST), one[:60])
    wire.segment(len(REQUEST) + len(one), two)
    assert [(d.payload, d.truncated) for d in wire.finish()] == [(one[2:60], True), (invite(2), False)]
    assert wire.tally.undecoded == {"TCP segment missing": 1}


def test_keep_alive_and_foreign_messages() -> None:
    stream = REQUEST + frame(b"\r\n\r\n") + frame(b"hello") + frame(invite(1))
    wire = Wire().syn().segment(0, stream)
    assert wire.payloads() == [invite(1)]
    assert wire.tally.undecoded == {"WebSocket message that is not SIP": 1}


def test_a_compressed_message_is_counted_and_the_next_one_read() -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = bytearray(frame(packed.compress(invite(1)) + packed.flush(zlib.Z_SYNC_FLUSH)[:-4], b"abcd"))
    data[0] |= 0x40
    extension = b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    stream = REQUEST.replace(b"\r\n\r\n", extension) + bytes(data) + frame(invite(2), b"abcd")
    wire = Wire().syn()
    for at in range(0, len(stream), 100):
        wire.segment(at, stream[at : at + 100])
    assert wire.payloads() == [invite(2)]
    assert wire.tally.undecoded == {"compressed WebSocket message (permessage-deflate)": 1}
