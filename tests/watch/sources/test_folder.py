"""Files that a rotating capture writes, while it writes them; and a restart in the middle."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.watch.process import Process
from tests.watch.traffic import BAD, GOOD, call, captured

pytest.importorskip("watchfiles", reason="needs watchfiles: pip install 'pjsipdiag[watch]'")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def refused(start: float, source: str, name: str) -> bytes:
    return captured([*call(start, source, name, "401 Unauthorized")])


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def now() -> float:
    return time.time() - 1_760_000_000


def test_files_are_read_as_they_grow_and_follow_one_another(etc: Path, spool: Path, tmp_path: Path) -> None:
    start = now() - 100
    (spool / "b.pcap").write_bytes(refused(start, BAD, "one"))
    with Process(spool, "-c", etc, XDG_STATE_HOME=str(tmp_path / "state")) as watch:
        assert BAD in watch.line()
        append(spool / "b.pcap", refused(start + 10, "198.51.100.1", "two")[24:])
        assert "198.51.100.1" in watch.line()
        data = refused(start + 20, "198.51.100.2", "three")
        (spool / "a.pcap").write_bytes(data[:100])  # its name stands before, and half of a record is there
        time.sleep(1.5)
        append(spool / "a.pcap", data[100:])
        assert "198.51.100.2" in watch.line()
        (spool / "b.pcap").write_bytes(refused(start + 30, "198.51.100.3", "four"))  # as tcpdump -W does
        assert "198.51.100.3" in watch.line()
        (spool / "notes.txt").write_bytes(b"\0\1no capture")
        watch.wait_for("notes.txt")
        assert watch.end() == 1


def test_a_capture_without_a_clock_is_read_as_well(etc: Path, spool: Path, tmp_path: Path) -> None:
    (spool / "1.pcap").write_bytes(refused(-1_760_000_000, BAD, "one"))
    with Process(spool, "-c", etc, XDG_STATE_HOME=str(tmp_path / "state")) as watch:
        assert BAD in watch.line()
        watch.end()


def test_a_call_across_two_files_is_one(etc: Path, spool: Path, tmp_path: Path) -> None:
    messages = [*call(now() - 50, GOOD, "one", "100 Trying", "200 OK")]
    (spool / "1.pcap").write_bytes(captured(messages[:1]))
    (spool / "2.pcap").write_bytes(captured(messages[1:]))
    with Process(spool, "-c", etc, XDG_STATE_HOME=str(tmp_path / "state")) as watch:
        watch.wait_for("watching")
        time.sleep(6)
        assert watch.end() == 0
        assert f"{len(messages)} SIP messages, 1 call," in watch.said[-1]


def test_a_restart_goes_on_where_it_stopped(etc: Path, spool: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    start = now() - 100
    first = [*call(start, BAD, "one", "401 Unauthorized"), *call(start + 5, GOOD, "two", "100 Trying", "200 OK")]
    open_, *answers = call(now(), "198.51.100.1", "open", "401 Unauthorized")
    (spool / "1.pcap").write_bytes(captured([*first, open_]))
    with Process(spool, "-c", etc, "--state", state) as watch:
        assert BAD in watch.line()
        assert watch.end() == 1
    assert json.loads(state.read_text())["place"][1] == len(first) + 1  # the INVITE that waits for its answer
    assert state.stat().st_mode & 0o777 == 0o600
    append(spool / "1.pcap", captured(answers)[24:])
    (spool / "2.pcap").write_bytes(refused(now() + 5, "198.51.100.2", "later"))
    with Process(spool, "-c", etc, "--state", state) as watch:
        told = ""
        while not ("198.51.100.1" in told and "198.51.100.2" in told):
            told += watch.line()
        watch.end()
        assert watch.rest() == []
        assert BAD not in told
        assert "2 calls" in watch.said[-1]


def test_what_was_read_and_compressed_since_is_not_read_again(etc: Path, spool: Path, tmp_path: Path) -> None:
    import gzip

    state, start = tmp_path / "state.json", now() - 100
    (spool / "1.pcap").write_bytes(refused(start, BAD, "one"))
    (spool / "2.pcap").write_bytes(refused(start + 10, "198.51.100.1", "two"))
    with Process(spool, "-c", etc, "--state", state) as watch:
        watch.line()
        watch.line()
        watch.end()
    (spool / "1.pcap.gz").write_bytes(gzip.compress((spool / "1.pcap").read_bytes()))
    (spool / "1.pcap").unlink()
    (spool / "3.pcap.gz").write_bytes(gzip.compress(refused(start + 20, "198.51.100.2", "three")))
    with Process(spool, "-c", etc, "--state", state) as watch:
        assert "198.51.100.2" in watch.line()
        watch.end()
        assert watch.rest() == []
