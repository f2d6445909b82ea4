"""What is read at once of a message is what is read of it line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.text.marks import lines_of
from pjsipdiag.capture.text.written_message import of_alike, restore

BEFORE = st.one_of(
    st.sampled_from(
        [b"Oct 09 08:53:21 pbx asterisk[812]: ", b"12:", b"> ", b"  | ", b'{"m":"', b"a\t", b"x", b"VERBOSE[1] "]
    ),
    st.text('aO1 :->"[]', max_size=6).map(str.encode),
)
FIRST = st.sampled_from(
    [b"OPTIONS sip:a@b SIP/2.0", b"SIP/2.0 200 OK", b"SIP/2.0 200 OK..Via: ", b"X sip:a SIP/2.0", b"a"]
)
LINE = st.one_of(
    st.sampled_from([b"Via: a", b"To: b", b"v=0", b"a=1", b"", b"X:^M", b" b", b"1:", b">From: a", b"a\r", b"$"]),
    st.sampled_from([b"a: <--- Received SIP", b"VERBOSE[1] a", b"-- a", b"    -- a", b"SIP/2.0 200 OK"]),
)
USUAL = st.lists(st.sampled_from([b"Via: a", b"To: b"]), min_size=1, max_size=3).map(lambda some: [*some, b""])
LINES = st.builds(lambda head, more: [*head, *more], st.one_of(USUAL, st.just([])), st.lists(LINE, max_size=6))
ODD = st.one_of(st.just(b""), st.just(b""), BEFORE)


TOLD = st.tuples(st.integers(1, 8), st.sampled_from([0, 0, 0, -2, -2, 1, -1, 2]))
"""After how many lines the message ends, and how many bytes more or less are announced."""


@given(before=BEFORE, first=FIRST, lines=LINES, odd=ODD, told=TOLD)
def test_lines_behind_the_same_bytes(
    before: bytes, first: bytes, lines: list[bytes], odd: bytes, told: tuple[int, int]
) -> None:
    count, more = told
    size = max(1, sum(len(line) + 2 for line in [first, *lines][:count]) + more)
    text = b"".join(before + line + b"\n" for line in [first, *lines]) + odd + b"a\n" + before + b"b\n"
    at_once = of_alike(text, 0, len(text), size)
    assert at_once in (None, restore(lines_of(text, 0, len(text)), b"", size))


def test_most_are_read_at_once() -> None:
    lines = [b"SIP/2.0 200 OK", b"Via: a", b"Content-Length: 5", b"", b"v=0"]
    text = b"".join(b"Oct 09 08:53:21 pbx: " + line + b"\n" for line in [*lines, b"", b"[2025] VERBOSE[1] a"])
    wire = b"\r\n".join([*lines, b""])
    for size in (len(wire), len(wire) - 2):
        found = of_alike(text, 0, len(text), size)
        assert found is not None
        assert (found.payload, found.used, found.exact, found.whole) == (wire[:size], len(lines), True, True)


@pytest.mark.parametrize("mark", [b"--", b"...", b"[...]", b"<snip>", b"...snip...", b"[snipped]", b"\xe2\x80\xa6"])
def test_what_was_left_out_is_no_part_of_a_header(mark: bytes) -> None:
    head = [b"SIP/2.0 200 OK", b"Via: a", b"From: a", b"To: a", b"Call-ID: a", b"CSeq: 1 INVITE"]
    found = restore([*head, mark, b"Server: b", b""], b"", 400)
    assert found is not None
    assert (found.payload, found.whole) == (b"".join(line + b"\r\n" for line in [*head, b"Server: b", b""]), True)
