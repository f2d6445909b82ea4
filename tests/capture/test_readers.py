"""The choice of a reader, and a capture that is followed while it grows."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click
import pytest

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pcapng import SECRETS_NOTE
from pjsipdiag.capture.readers import READERS
from pjsipdiag.cli import main
from pjsipdiag.errors import CaptureError
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

TLS = Path(__file__).parents[2] / "fixtures" / "tls"
CALLS = """
@ 0.000 203.0.113.13:5060 > 192.0.2.1:5060 in
INVITE sip:100@192.0.2.1 SIP/2.0

@ 1.000 203.0.113.13:5060 > 192.0.2.1:5060 in
INVITE sip:200@192.0.2.1 SIP/2.0
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return write_capture(CALLS, tmp_path / "calls.pcap")


def test_native_is_the_default(calls: Path) -> None:
    assert list(read(calls, Tally("a"))) == list(read(calls, Tally("a")))


def test_the_command_line_offers_every_reader() -> None:
    (reader,) = (option for option in main.commands["diagnose"].params if option.name == "reader")
    assert isinstance(reader.type, click.Choice)
    assert (set(reader.type.choices), reader.default) == (set(READERS), "native")


def test_secrets_inside_are_pointed_out() -> None:
    tally = Tally("secrets")
    assert list(read(TLS / "sip-5061-secrets.pcapng", tally)) == []
    assert tally.notes == [SECRETS_NOTE]


def grow(calls: Path, growing: Path, at: int, end: threading.Event) -> None:
    """Writes the rest of the capture a little later, then interrupts."""
    end.wait(0.2)
    with growing.open("ab") as file:
        file.write(calls.read_bytes()[at:])
    end.wait(0.2)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_growing_capture_is_read_until_interrupted(calls: Path, tmp_path: Path) -> None:
    growing, at, end = tmp_path / "growing.pcap", 100, threading.Event()
    growing.write_bytes(calls.read_bytes()[:at])
    former = signal.getsignal(signal.SIGINT)
    threading.Thread(target=grow, args=(calls, growing, at, end)).start()
    found: list[Datagram] = list(read(growing, Tally("growing"), follow=True))
    assert found == list(read(calls, Tally("calls")))
    assert signal.getsignal(signal.SIGINT) is former


def test_a_growing_capture_is_read_for_a_time(calls: Path) -> None:
    assert len(list(read(calls, Tally("growing"), follow=True, seconds=0.05))) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reader": "magic"}, "no reader 'magic': choose one of native, wireshark"),
        ({"follow": True, "reader": "wireshark"}, "--follow reads with the native reader only"),
    ],
)
def test_what_cannot_be_done_is_said(calls: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(CaptureError, match=said):
        list(read(calls, Tally("a"), **options))  # type: ignore[arg-type]  # a table of options
