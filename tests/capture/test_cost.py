"""Hostile input costs in proportion to its size: counted in lines run and bytes touched, not timed."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar, SupportsIndex

import pytest

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.streams import hep, start, stream, websocket
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.capture.streams.tcp import Reassembler
from pjsipdiag.capture.streams.tcp_flow import ACK, SYN
from pjsipdiag.capture.text import read_text
from tests.capture.streams.test_tcp import FLOW
from tests.capture.streams.test_websocket import frame

START = b"INVITE sip:a SIP/2.0\r\n"
LINE = b"X: y\r\n"
STATUS = b"SIP/2.0 200 OK\r\n"


class Touched(bytearray):
    """A buffer that counts the bytes that are looked at, moved or copied."""

    touched: ClassVar[int] = 0

    def find(self, sub: Any, begin: Any = 0, end: Any = None, /) -> int:
        found = super().find(sub, begin) if end is None else super().find(sub, begin, end)
        Touched.touched += (len(self) if found < 0 else found) - min(begin, len(self))
        return found

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        Touched.touched += len(found) if isinstance(found, bytearray) else 1
        return found

    def __iadd__(self, more: Any) -> Touched:  # type: ignore[misc]  # bytearray's own returns Self
        Touched.touched += len(more)
        super().__iadd__(more)
        return self

    def rfind(self, sub: Any, begin: Any = 0, end: Any = None, /) -> int:
        found = super().rfind(sub, begin) if end is None else super().rfind(sub, begin, end)
        Touched.touched += (len(self) if end is None else end) - max(found, begin)
        return found

    def __delitem__(self, key: SupportsIndex | slice) -> None:
        super().__delitem__(key)


def work(run: Callable[[], object]) -> int:
    """Lines of Python run, and bytes that the counting buffers touched."""
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    Touched.touched = 0
    former = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(former)
    return lines + Touched.touched


def assert_linear(case: Callable[[int], Callable[[], object]], size: int) -> None:
    """Four times the input over twice the input costs at most twice what twice over once costs (and a little)."""
    once, twice, four = (work(case(size * times)) for times in (1, 2, 4))
    assert four - twice <= 2.2 * max(twice - once, twice // 2) + 500


def message_stream(pieces: list[bytes], *, lost: bool = False) -> Callable[[], object]:
    reader = MessageStream(Counter(), joined=lost)
    reader._buffer = Touched()

    def run() -> None:
        for piece in pieces:
            reader.receive(piece)

    return run


@pytest.fixture(autouse=True)
def _count_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The regular expression that looks for the next start goes over the rest of the buffer."""

    def find(data: start.Bytes, at: int = 0) -> int:
        found = start.find_start(data, at)
        Touched.touched += (len(data) if found < 0 else found) - at
        return found

    monkeypatch.setattr(stream, "find_start", find)


@pytest.mark.parametrize(
    "pieces",
    [
        lambda n: [START, *[bytes((byte,)) for byte in LINE * n]],
        lambda n: [START, *[LINE] * n],
        lambda n: [START + LINE * n],
        lambda n: [b"\r\n"] * n,
        lambda n: [b"\r\n" * n],
        lambda n: [START * n, b"\r\n"],
        lambda n: [START + b"l: 9999999\r\n\r\n"] * n,
        lambda n: [START + b"l: 200000\r\n\r\n", *[b"x"] * n],
        lambda n: [START + b"\r\n" + b"junk" * n],
        lambda n: [b"SIP/2.0 " * n, b"\n"],
        lambda n: [START + b"Via: a\r\nl: 0\r\n\r\n"] * n,
        lambda n: [(START + b"Via: a\r\nl: 0\r\n\r\n") * n],
    ],
    ids=range(12),
)
@pytest.mark.parametrize("lost", [False, True])
def test_messages_of_a_stream(pieces: Callable[[int], list[bytes]], lost: bool) -> None:
    assert_linear(lambda n: message_stream(pieces(n), lost=lost), 200)


@pytest.mark.parametrize(
    "pieces",
    [
        lambda n: [STATUS * n, b"\r\n"],
        lambda n: [STATUS] * n,
        lambda n: [(STATUS + b"\r\n") * n],
        lambda n: [b"x" * n, *[b"x\n"] * n],
        lambda n: [b"x"] * n,
    ],
    ids=range(5),
)
def test_looking_for_the_next_message_after_a_loss(pieces: Callable[[int], list[bytes]]) -> None:
    assert_linear(lambda n: message_stream(pieces(n), lost=True), 200)


@pytest.mark.parametrize(
    "pieces",
    [
        lambda n: [frame(b"", opcode=9)] * n,
        lambda n: [frame(b"", opcode=9) * n],
        lambda n: [frame(START, final=False), *[frame(b"x", opcode=0, final=False)] * n],
        lambda n: [bytes((byte,)) for byte in frame(START + b"x" * n)],
        lambda n: [frame(START + LINE * n, b"abcd")],
    ],
    ids=range(5),
)
def test_frames_of_a_websocket(pieces: Callable[[int], list[bytes]]) -> None:
    def case(n: int) -> Callable[[], object]:
        reader = websocket.WebSocketStream(Counter(), upgraded=True)
        reader._buffer, reader._message = Touched(), Touched()

        def run() -> None:
            for piece in pieces(n):
                reader.receive(piece)

        return run

    assert_linear(case, 200)


@pytest.mark.parametrize(
    "segments",
    [
        lambda n: [(at * 2, b"xx") for at in range(n)],
        lambda n: [(at * 3 + 3, b"xx") for at in range(n)],
        lambda n: [(-at, b"xx") for at in range(n)],
        lambda n: [(1000 - at % 900, b"x" * 50) for at in range(n)],
        lambda n: [(at * 100_000, START) for at in range(n)],
        lambda n: [(at * 3_000_000, START) for at in range(n)],
    ],
    ids=range(6),
)
def test_segments_of_a_connection(segments: Callable[[int], list[tuple[int, bytes]]]) -> None:
    def case(n: int) -> Callable[[], object]:
        reassembler = Reassembler(Tally("cost"))
        reassembler.feed(0, 0, FLOW, 999, SYN, b"")
        reassembler.feed(0, 0, FLOW, 1000, ACK, START)

        def run() -> None:
            for at, payload in segments(n):
                sequence = 1000 + len(START) + at & 0xFFFFFFFF
                reassembler.feed(at, at, FLOW, sequence, ACK, payload)

        return run

    assert_linear(case, 200)


@pytest.mark.parametrize(
    "text",
    [
        lambda n: b"<--- Received SIP request (99999 bytes) from UDP:192.0.2.1:5060 --->\n" * n,
        lambda n: b"<--- Received SIP request (99999 bytes) from UDP:192.0.2.1:5060 --->\n" + b"x\n" * n,
        lambda n: b"Request 'INVITE' from '' failed for '192.0.2.1:5060' (callid: a) - x\n" * n,
        lambda n: b"<- Received SIP request (1 bytes) from UDP:1:1 ->\n" * n + b"SIP request (\n" * 2 * n,
        lambda n: b"NOTICE[1] x\n" + b"[" * n + b"\n",
        lambda n: b"NOTICE[1] x\n" + b"<--- " * n + b"\n",
    ],
    ids=range(6),
)
def test_lines_of_a_log(text: Callable[[int], bytes]) -> None:
    assert_linear(lambda n: lambda: list(read_text(io.BytesIO(text(n)), Tally("cost"))), 200)


def test_chunks_of_hep() -> None:
    def case(n: int) -> Callable[[], object]:
        chunks = b"\0\0\0\x20\0\6" * n
        payload = b"HEP3" + min(6 + len(chunks), 65_535).to_bytes(2, "big") + chunks
        return lambda: hep.unwrap(Datagram(0, 1, "UDP", b"", b"", payload))

    assert_linear(case, 200)
