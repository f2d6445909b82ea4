"""Files that cannot be read to their end, and files made to fill a machine: what was read is reported."""

from __future__ import annotations

import bz2
import io
from pathlib import Path

import pytest

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.formats.reader import read_stream

pytestmark = pytest.mark.usefixtures("extensions")

CAPTURE = Path("fixtures/demo/capture.pcap").read_bytes()


class Failing(io.RawIOBase):
    """A disk that gives `content` and then EIO."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub has a private buffer type
        got = self._content.readinto(buffer)
        if not got:
            raise OSError(5, "Input/output error")
        return got


@pytest.mark.parametrize("cut", [len(CAPTURE), len(CAPTURE) - 7, len(CAPTURE) // 2, 3000])
def test_a_read_error_ends_the_reading_and_is_said(cut: int) -> None:
    whole, tally = Tally("whole"), Tally("failing")
    wanted = list(read_stream(io.BytesIO(CAPTURE[:cut]), whole))
    assert list(read_stream(Failing(CAPTURE[:cut]), tally)) == wanted
    assert f"read error at byte {cut}: Input/output error" in (tally.truncated or "")


def test_a_file_that_grows_out_of_proportion_is_stopped_and_said() -> None:
    tally = Tally("bomb")
    found = list(read_stream(io.BytesIO(bz2.compress(CAPTURE + bytes(100 << 20))), tally))
    assert len(found) == len(list(read_stream(io.BytesIO(CAPTURE), Tally(""))))
    assert "grows more than" in (tally.truncated or "")
