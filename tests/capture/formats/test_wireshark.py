"""The reader through tshark: the same datagrams as our own, and what is inside TLS."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Tally
from pjsipdiag.errors import CaptureError
from pjsipdiag.sip import Address
from tests.capture.tshark import FIXTURES, RECORDED, VERSIONS, needs_tshark, play, put, through_tshark
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

TLS = FIXTURES / "tls"
CLIENT, SERVER = Address("203.0.113.13"), Address("192.0.2.1", 5061)

PLAIN = """
@ 0.000 203.0.113.13:2152 > 192.0.2.1:5060 in
INVITE sip:100@192.0.2.1 SIP/2.0

@ 0.010 192.0.2.1:5060 > 203.0.113.13:2152 out
SIP/2.0 100 Trying
CSeq: 1 INVITE

@ 1.500 [2001:db8::13]:5080 > [2001:db8::1]:5080 in
OPTIONS sip:100@192.0.2.1 SIP/2.0
"""


@pytest.fixture(params=["installed", *VERSIONS])
def any_tshark(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tshark of this machine, and what each recorded one said of the same capture."""
    if request.param != "installed":
        monkeypatch.setenv("PATH", play(request.param, tmp_path))
    elif shutil.which("tshark") is None:
        pytest.skip("needs tshark (apt install tshark)")


@needs_tshark
def test_the_same_datagrams_as_the_native_reader(tmp_path: Path) -> None:
    """Also from ports that tshark takes for other protocols (2152: GTP)."""
    path = write_capture(PLAIN, tmp_path / "plain.pcap")
    found, tally = through_tshark(path)
    own = Tally(str(path))
    assert found == list(read(path, own))
    assert len(found) == 3
    assert tally.records == own.records == 3


@pytest.mark.usefixtures("any_tshark")
@pytest.mark.parametrize("path", [FIXTURES / "log" / "logger-22.pcap", FIXTURES / "demo" / "capture.pcap"], ids=str)
def test_the_same_of_a_capture_of_asterisk(path: Path) -> None:
    found, tally = through_tshark(path)
    assert found == list(read(path, Tally("own")))
    assert not tally.undecoded


@pytest.mark.usefixtures("any_tshark")
@pytest.mark.parametrize(("name", "least"), [("tunnels.pcapng", 47), ("frames.pcapng", 58)])
def test_what_tshark_finds_in_tunnels_and_rare_links_is_the_same(name: str, least: int) -> None:
    """Whatever its version calls the layers: 4.6 says ip of IPv6 in GTP, 4.4 nothing of IP in MPLS."""
    found, _ = through_tshark(RECORDED / name)
    own = {datagram.frame: datagram[2:6] for datagram in read(RECORDED / name, Tally("own"))}
    assert {datagram.frame: datagram[2:6] for datagram in found}.items() <= own.items()
    assert len(found) >= least


@pytest.mark.usefixtures("any_tshark")
@pytest.mark.parametrize(
    ("capture", "keylog"),
    [
        ("sip-5061.pcap", "sip-5061.keylog"),
        ("sip-5063.pcap", "sip-5063.keylog"),
        ("sip-5061-secrets.pcapng", ""),
    ],
)
def test_sip_inside_tls_is_read_with_its_secrets(capture: str, keylog: str) -> None:
    found, tally = through_tshark(TLS / capture, TLS / keylog if keylog else None)
    assert [(d.transport, d.payload.split(b"\r\n")[0]) for d in found] == [
        ("TLS", b"INVITE sip:100@192.0.2.1 SIP/2.0"),
        ("TLS", b"SIP/2.0 401 Unauthorized"),
    ]
    assert str(Address.unpack(found[0].source)).startswith("203.0.113.13:410")
    assert not tally.encrypted_connections


@needs_tshark
def test_without_secrets_the_connection_stays_listed() -> None:
    found, tally = through_tshark(TLS / "sip-5061.pcap")
    assert found == []
    assert tally.encrypted_connections == {(CLIENT.pack(), SERVER.pack()): 1}


@needs_tshark
def test_a_foreign_config_ini_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyshark would read it, and run the program that it names."""
    path = write_capture(PLAIN, tmp_path / "plain.pcap")
    (tmp_path / "config.ini").write_text("[tshark]\ntshark_path = /bin/false\n")
    monkeypatch.chdir(tmp_path)
    assert len(through_tshark(path)[0]) == 3


def test_missing_tshark_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_capture(PLAIN, tmp_path / "plain.pcap")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CaptureError, match=r"^tshark is not installed: `apt install tshark`.*$"):
        through_tshark(path)


@needs_tshark
def test_not_a_capture_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no capture\n")
    with pytest.raises(CaptureError, match=r"^tshark: .*$"):
        through_tshark(path)


def test_a_tshark_that_fails_at_once_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However soon: while pyshark starts it, or later."""
    path = tmp_path / "unknown"
    path.write_bytes(b"no capture")
    fail = "echo 'tshark: no such preference' >&2; exit 1"
    version = '[ "$1" = -v ] && exec echo "TShark (Wireshark) 5.2.0."'
    monkeypatch.setenv("PATH", put(tmp_path, f"#!/bin/sh\n{version}\n{fail}\n"))
    for _ in range(20):
        with pytest.raises(CaptureError, match=r"^tshark: no such preference$"):
            through_tshark(path)


def test_missing_key_log(tmp_path: Path) -> None:
    path = write_capture(PLAIN, tmp_path / "plain.pcap")
    with pytest.raises(CaptureError, match="no such key log file"):
        through_tshark(path, tmp_path / "none")
