"""Compressed captures, recognised by content."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pjsipdiag.capture.source import compressed
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.errors import CaptureError
from tests.capture.build import Capture, ethernet, media, pcap, sip, udp

pytestmark = pytest.mark.usefixtures("extensions")

FIXTURES = Path(__file__).parents[3] / "fixtures"
RAW = pcap([frame for number in range(300) for frame in (media(number), ethernet(udp(sip(number))))])
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


class Piped(io.BytesIO):
    """A stream that gives each byte once."""

    def seekable(self) -> bool:
        return False


def test_frames_of_pzstd_that_are_to_be_passed_over() -> None:
    frames = [zstandard.ZstdCompressor().compress(RAW[at : at + 9000]) for at in range(0, len(RAW), 9000)]
    squeezed = b"".join(b"\x50\x2a\x4d\x18" + struct.pack("<II", 4, len(frame)) + frame for frame in frames)
    capture = Capture(squeezed)
    assert (len(capture.calls), capture.tally.truncated) == (300, None)


@pytest.mark.parametrize("at", [-8, -1, -400])
def test_what_stands_before_damage_is_read(at: int) -> None:
    """Where the checksum or the length behind the content is wrong, that is all of it."""
    squeezed = bytearray(gzip.compress(RAW))
    squeezed[at] ^= 0x55
    capture = Capture(bytes(squeezed))
    assert len(capture.calls) == 300 if at > -400 else len(capture.calls) > 100
    assert "damaged" in (capture.tally.truncated or "")


@pytest.mark.parametrize("kind", COMPRESS)
@pytest.mark.parametrize("seekable", [True, False])
def test_so_it_is_where_the_file_is_long(kind: str, seekable: bool) -> None:
    noise = random.Random(1)
    frames = [ethernet(udp(sip(number) + noise.randbytes(900))) for number in range(300)]
    squeezed = bytearray(COMPRESS[kind](pcap(frames)))
    assert len(squeezed) > 4 * compressed.COMPRESSED_CHUNK
    squeezed[-1 if kind in ("gzip", "xz") else -9] ^= 0x55
    stream = Piped(bytes(squeezed)) if not seekable else io.BytesIO(bytes(squeezed))
    damage: list[str] = []
    with compressed.decompress(stream, damage) as content:
        got = io.BufferedReader(content).read()
    assert damage
    if kind != "zstd":  # whose content the changed byte is of
        assert pcap(frames).startswith(got)
        assert (got == pcap(frames)) is seekable


@pytest.mark.parametrize("kind", COMPRESS)
def test_so_it_is_where_much_comes_of_little(kind: str) -> None:
    """A few bytes at the end of a library's last call hold more than it gives at once."""
    text = RAW * (1 + (4 << 20) // len(RAW))
    squeezed = bytearray(COMPRESS[kind](text))
    squeezed[-9] ^= 0x55
    damage: list[str] = []
    with compressed.decompress(io.BytesIO(bytes(squeezed)), damage) as content:
        got = io.BufferedReader(content).read()
    assert damage
    assert len(got) > len(text) - (1 << 20)


@pytest.mark.parametrize("kind", COMPRESS)
def test_one_or_more_members(kind: str) -> None:
    squeeze = COMPRESS[kind]
    for raw in (squeeze(RAW), squeeze(RAW[:30_000]) + squeeze(RAW[30_000:])):
        capture = Capture(raw)
        assert [number for _, number in capture.calls] == [str(number) for number in range(300)]
        assert capture.tally.truncated is None


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_cut_file_gives_what_it_holds_and_says_so(kind: str) -> None:
    raw = COMPRESS[kind](RAW * 9 + RAW)
    capture = Capture(raw[: len(raw) - 40])
    assert capture.tally.truncated is not None
    assert capture.tally.truncated.startswith("the compressed file ends early: ")
    assert capture.calls == Capture(RAW * 9 + RAW).calls[: len(capture.calls)]


def test_a_cut_file_that_gives_nothing() -> None:
    """bzip2 gives nothing of a block that is not whole."""
    with pytest.raises(CaptureError, match=r"^capture: the compressed file ends early, and nothing of it can be read$"):
        Capture(bz2.compress(RAW)[:-40])


@pytest.mark.parametrize("kind", COMPRESS)
def test_content_comes_in_bounded_pieces(kind: str) -> None:
    """A megabyte of zeros for every kilobyte must not be held at once."""
    stream = compressed.decompress(io.BytesIO(COMPRESS[kind](bytes(64 << 20))), [])
    total = 0
    while piece := stream.read(1 << 30):
        assert len(piece) <= 70 << 20 if kind == "zstd" else 1 << 20
        total += len(piece)
    assert total == 64 << 20


@pytest.mark.parametrize("kind", COMPRESS)
def test_what_grows_as_no_capture_does_is_read_when_asked(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.pcap"
    file.write_bytes(COMPRESS[kind](RAW + bytes(1 << 21)))
    monkeypatch.setattr(compressed, "UNUSUAL", 1 << 18)
    monkeypatch.setattr(compressed, "MOST_RATIO", 20)
    stopped, whole = (diagnose([file], FIXTURES / "demo/etc", any_ratio=asked).captures[0] for asked in (False, True))
    assert stopped.records == whole.records == 600
    assert "which no capture does: diagnose it with --any-ratio" in (stopped.truncated or "")
    assert (whole.truncated or "").startswith("damaged after record 600")


def test_what_is_packed_otherwise_is_named() -> None:
    for raw, name in ((gzip.compress(gzip.compress(RAW)), "twice"), (b"PK\3\4" + bytes(60), "as zip")):
        with pytest.raises(CaptureError, match=f"it is packed {name}: unpack it"):
            Capture(raw)


def test_standard_input() -> None:
    program = (
        "from pjsipdiag.capture import Tally, read\n"
        "tally = Tally('-')\n"
        "print(sum(1 for _ in read('-', tally)), tally.records)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], input=gzip.compress(RAW), capture_output=True, check=True, cwd=root
    )
    assert done.stdout.split() == [b"300", b"600"]


@pytest.mark.parametrize("kind", COMPRESS)
def test_where_no_thread_starts(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a browser, and at the limit of a user's processes."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    capture = Capture(COMPRESS[kind](RAW))
    assert [number for _, number in capture.calls] == [str(number) for number in range(300)]
