"""Files of one capture, each with the messages that end in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.capture import Tally, expand, read
from pjsipdiag.capture.joining.file_by_file import read_files
from tests.capture.build import pcap
from tests.capture.files import FRAMES, cut

pytestmark = pytest.mark.usefixtures("extensions")


@pytest.mark.parametrize("zipped", [False, True])
def test_cut_at_every_record(tmp_path: Path, zipped: bool) -> None:
    raw = pcap(FRAMES)
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(raw)
    expected = list(read(whole, Tally("whole")))
    assert len(expected) == 5
    for place in range(1, len(FRAMES)):
        one, two = read_files(expand([cut(raw, [place], tmp_path / str(place), zipped)]), [])
        assert all(datagram.frame <= place for datagram in one)
        assert [*one, *(datagram._replace(frame=datagram.frame + place) for datagram in two)] == expected


def test_what_never_ends_stays_in_the_file_of_its_last_packet(tmp_path: Path) -> None:
    """The first fragment of a datagram, and a TCP message without its end, with other files behind."""
    frames = [FRAMES[0], FRAMES[1], FRAMES[-4], *[FRAMES[-1]] * 3]
    one, two, three = read_files(expand([cut(pcap(frames), [3, 4], tmp_path / "files")]), [])
    assert [(datagram.frame, datagram.truncated) for datagram in one] == [(2, True), (3, True)]
    assert [[datagram.frame for datagram in some] for some in (two, three)] == [[1], [1, 2]]
