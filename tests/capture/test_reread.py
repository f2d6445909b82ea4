"""A capture is read a second time only while it is the file that was read."""

from __future__ import annotations

import os
from pathlib import Path

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.capture.source.location import stamp
from tests.sip_text import write_capture

INVITE = "@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in\nINVITE sip:1@192.0.2.1 SIP/2.0\nCall-ID: one\n"


def test_what_has_changed_is_not_read_again(tmp_path: Path) -> None:
    path = str(write_capture(INVITE, tmp_path / "c.pcap"))
    tally = Tally(path, stamp=stamp(path))
    assert len([*look_again([tally], iter)]) == 1
    write_capture(INVITE.replace("one", "two"), Path(path))
    os.utime(path, ns=(1, 1))
    assert not [*look_again([tally], iter)]
    Path(path).unlink()
    assert not [*look_again([tally], iter)]


def test_what_can_be_read_once_only_is_not_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "-", str(tmp_path / "none"), "\0"):
        assert stamp(path) is None
        assert not [*look_again([Tally(path, stamp=stamp(path))], iter)]
