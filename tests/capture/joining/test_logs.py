"""A log that is read in parts shows what it shows as a whole, and nobody's message becomes entries of the log."""

from pathlib import Path

import pytest

from pjsipdiag.capture import Datagram, FilePart, Handover, Tally, UnjoinableError, join, read, read_part, split
from tests.bench.logs import write

REFUSED = (
    "[2025-10-09 08:53:21] NOTICE[77] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '<sip:{0}@192.0.2.1>' failed"
    " for '203.0.113.{0}:5060' (callid: {1}) - No matching endpoint found\n"
)
SIZE = 9_000_000


def in_parts(pieces: list[FilePart]) -> tuple[list[Datagram], Tally]:
    """What is found in pieces of a log, and counted, when they are joined."""
    found, rests, tally, lines = list[Datagram](), list[Handover](), Tally(pieces[0].path), 0
    for piece in pieces:
        rest, part = Handover(), Tally(piece.path)
        found += [one._replace(frame=one.frame + lines) for one in read_part(piece, part, rest)]
        tally.merge(part)
        rests.append(rest)
        lines += rest.records
    join(rests, tally)
    return found, tally


def as_a_whole(path: Path) -> tuple[list[Datagram], Tally]:
    tally = Tally(str(path))
    return list(read(path, tally)), tally


def with_sentences(path: Path) -> None:
    """Puts refusals among the lines: of one source in all parts, of others in some."""
    lines = path.read_text().splitlines(keepends=True)
    starts = [at for at, line in enumerate(lines) if "<---" in line]
    for number, at in enumerate(reversed(starts[:: len(starts) // 60])):
        before = lines[at].partition("[20")[0]
        lines.insert(at, before + REFUSED.format(1 if number % 3 else number, f"id-{number % 7}"))
    path.write_text("".join(lines))


@pytest.mark.parametrize("kind", ["tenth", "traces", "prefixed"])
def test_parts_of_a_log_give_what_the_whole_log_gives(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "full"
    write(path, kind, SIZE)
    with_sentences(path)
    pieces = split(path, 2)
    assert len(pieces) == 2
    found, tally = in_parts(pieces)
    assert (found, tally) == as_a_whole(path)
    assert tally.logged_refusals
    assert tally.log_lines


def test_a_log_that_ends_in_the_middle_of_a_line_is_cut_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "full"
    write(path, "traces", SIZE)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"bytes) ")])
    assert in_parts(split(path, 2)) == as_a_whole(path)


BEFORE = b"Oct  9 08:53:21 pbx asterisk[812]: "
HEAD = b"[2025-10-09 08:53:21] VERBOSE[4009] res_pjsip_logger.c: "
PLAIN = BEFORE + HEAD + b"Executing nothing\n"
INVITE = (
    b"INVITE sip:1@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKa\nFrom: <sip:a@b>;tag=1\n"
    b"To: <sip:1@b>\nCall-ID: x\nCSeq: 1 INVITE\nContent-Length: %d\n\n%s"
)


def entry(body: bytes, source: bytes) -> bytes:
    message = INVITE % (len(body) + body.count(b"\n"), body)
    size = len(message) + message.count(b"\n")
    return HEAD + b"<--- Received SIP request (%d bytes) from UDP:%s:5060 --->\n%s\n" % (size, source, message)


FORGED = entry(b"", b"198.51.100.7")
MESSAGE = b"".join(BEFORE + line + b"\n" for line in entry(FORGED * 60, b"203.0.113.9").splitlines())
"""One that holds what looks like entries of the log."""


@pytest.mark.parametrize("part", [1, 3, 5, 7, 9])
def test_a_message_that_holds_entries_is_one_wherever_a_piece_ends(part: int, tmp_path: Path) -> None:
    path = tmp_path / "full"
    before = ((1 << 20) - len(MESSAGE) * part // 10) // len(PLAIN)
    path.write_bytes(PLAIN * before + MESSAGE + PLAIN * before)
    assert [one.source[:4] for one in as_a_whole(path)[0]] == [bytes((203, 0, 113, 9))]


def test_a_part_that_begins_in_a_message_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "full"
    data = PLAIN * 100 + MESSAGE + PLAIN * 9000
    path.write_bytes(data)
    place = data.rindex(b"\n", 0, data.index(FORGED.splitlines()[0], len(data) // 100)) + 1
    ends = ((0, place, (True, False)), (place, len(data), (False, True)))
    with pytest.raises(UnjoinableError):
        in_parts([FilePart(str(path), start, end, log=log) for start, end, log in ends])
