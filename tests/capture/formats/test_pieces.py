"""A capture read piece by piece gives what it gives as a whole, wherever it is cut."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.formats.pieces import pieces
from pjsipdiag.capture.formats.scan import scan
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.errors import CaptureError

FIXTURES = Path(__file__).parents[3] / "fixtures"
CAPTURES = sorted((*FIXTURES.glob("captures/*.gz"), *FIXTURES.glob("demo/*.pcap"), *FIXTURES.glob("seed/*.pcap")))


def content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def reader(data: bytes, sizes: list[int]) -> Callable[[], bytes]:
    stream, left = io.BytesIO(data), sizes
    return lambda: stream.read(left.pop() if left else 1 << 16)


def payloads(path: Path, sizes: list[int]) -> list[bytes]:
    tally = Tally(path.name)
    dissector = Dissector(tally)
    found = [
        one.payload
        for piece in pieces(reader(content(path), sizes), path.name)
        for one in scan(io.BytesIO(piece), tally, dissector)
    ]
    return [*found, *(one.payload for one in dissector.finish()), *(one.payload for one in dissector.late)]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_pieces_hold_the_whole(path: Path) -> None:
    whole = [one.payload for one in read(path, Tally(str(path)))]
    for size in (1 << 17, 1 << 14):
        assert sorted(payloads(path, [size] * (len(content(path)) // size + 1))) == sorted(whole)


@given(st.lists(st.integers(1, 3000), max_size=40))
def test_pieces_hold_the_whole_wherever_they_are_cut(sizes: list[int]) -> None:
    path = FIXTURES / "demo/capture.pcap"
    whole = [one.payload for one in read(path, Tally(str(path)))]
    assert payloads(path, sizes) == whole


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\r\r\n" + b"\0" * 40, b"GIF89a" * 10, b"\xd4\xc3\xb2\xa1" + b"\2\0\4\0" + b"\0" * 16 + b"\xff" * 32],
    ids=["nothing", "no section", "a picture", "a record too long"],
)
def test_what_cannot_be_true_is_said(data: bytes) -> None:
    with pytest.raises(CaptureError, match="standard input: "):
        list(pieces(reader(data, []), "standard input"))
