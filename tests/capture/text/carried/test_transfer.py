"""Texts that were encoded to be carried, in whatever pieces they are read."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.text.carried.encoding import ENCODED_PIECE, DecodedFile
from pjsipdiag.capture.text.carried.transfer import SupervisorDecoder
from tests.capture.carriers import SUPERVISED, supervised


def decode(pieces: list[bytes]) -> bytes:
    """The text of a supervisord's log that is read in these pieces."""
    decoder = SupervisorDecoder()
    return b"".join([*(decoder.decode(piece, final=False) for piece in pieces), decoder.decode(b"", final=True)])


WORDS = st.lists(st.sampled_from([b"INVITE sip:1@192.0.2.1 SIP/2.0\r\n", b"\n", b"From: a", b"\r\n\r\n", SUPERVISED]))
BEGINNING = supervised([b"INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia", b": SIP/2.0/UDP 192.0.2.9\r\n"])
"""Enough to know whether pieces are lines."""


@given(st.lists(WORDS.map(b"".join), max_size=6), st.lists(st.integers(1, 200), max_size=6))
def test_where_a_log_of_supervisord_is_cut_by_reading_makes_no_difference(
    written: list[bytes], lengths: list[int]
) -> None:
    log, pieces, at = supervised(written), [BEGINNING], 0
    for length in lengths:
        pieces.append(log[at : at + length])
        at += length
    assert decode([*pieces, log[at:]]) == decode([BEGINNING + log])


@pytest.mark.parametrize("line", [SUPERVISED, b"x"], ids=["lines that announce", "one line"])
def test_a_log_of_supervisord_is_read_as_it_comes(line: bytes) -> None:
    log = SUPERVISED + b"INVITE\n" + SUPERVISED + line * ((64 * ENCODED_PIECE) // len(line))
    file = DecodedFile(io.BytesIO(log), SupervisorDecoder())
    tracemalloc.start()
    while file.read(ENCODED_PIECE):
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(log) // 4
