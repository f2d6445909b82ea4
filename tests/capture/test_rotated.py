"""Directories, patterns and lists of files, in time order."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pjsipdiag.capture import expand
from pjsipdiag.errors import CaptureError
from tests.capture.build import EPOCH, enhanced, ethernet, interface, pcap, section, sip, udp

pytestmark = pytest.mark.usefixtures("extensions")

CALL = ethernet(udp(sip(1)))


def at(second: int) -> bytes:
    """A capture whose first record is so many seconds after EPOCH."""
    raw = bytearray(pcap([CALL]))
    raw[24:28] = (EPOCH // 10**9 + second).to_bytes(4, "little")
    return bytes(raw)


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    files = {
        "trace.pcap0": at(30),
        "trace.pcap1": at(10),
        "trace.pcap2.gz": gzip.compress(at(20)),
        "trace.pcapng": section() + interface() + enhanced(CALL, EPOCH // 1000 + 15_000_000),
        "README": b"what this is",
        "empty.pcap": b"",
    }
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "deeper").mkdir()
    return tmp_path


IN_ORDER = ["trace.pcap1", "trace.pcapng", "trace.pcap2.gz", "trace.pcap0"]


def test_a_directory(rotated: Path) -> None:
    found = expand([rotated])
    assert [Path(file).name for file in found.files] == IN_ORDER
    assert len(found.passed_over) == 2
    assert any("README" in reason for reason in found.passed_over)


def test_a_pattern_and_files_named_twice(rotated: Path) -> None:
    found = expand([f"{rotated}/trace.*", rotated / "trace.pcap0"])
    assert [Path(file).name for file in found.files] == IN_ORDER


def test_standard_input_is_left_alone() -> None:
    assert expand(["-"]).files == ("-",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "No such file"),
        ("*.nothing", "there is no capture"),
        ("deeper", "there is no capture"),
        ("README", "neither"),
    ],
)
def test_nothing_to_read(rotated: Path, name: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        expand([rotated / name])


def test_a_configuration_in_the_place_of_a_capture_is_named(tmp_path: Path) -> None:
    (tmp_path / "acl.conf").write_text("[none]\n")
    with pytest.raises(CaptureError, match=r"no capture and no log of Asterisk$"):
        expand([tmp_path])
    (tmp_path / "pjsip.conf").write_text("[p]\ntype=endpoint\n")
    with pytest.raises(CaptureError, match="it holds a configuration: give it with -c"):
        expand([tmp_path])
