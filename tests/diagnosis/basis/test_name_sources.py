"""Where host names in `match=` come from: what `--hosts`, `--resolved` and `--resolve` give each command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.asterisk.zone import served
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

FILES = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[trunk]
type=endpoint
context=in
[trunk-id]
type=identify
endpoint=trunk
match=192.0.2.40
match={}
"""
CALL = "@ 0 203.0.113.7:5060 > 192.0.2.1:5060 in\nINVITE sip:100@192.0.2.1 SIP/2.0\n"
SHOWN = """ Identify:  trunk-id/trunk
      Match: 192.0.2.40/32
      Match: 203.0.113.7/32
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "pjsip.conf").write_text(FILES.format("sip.example.net"))
    return tmp_path


def outcome(etc: Path, *options: str | Path) -> Any:
    """What becomes of a call from 203.0.113.7."""
    capture = write_capture(CALL, etc / "c.pcap")
    arguments = ["diagnose", capture, "-c", etc, "--format", "json", "--asterisk", "22", *options]
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    (call,) = json.loads(done.stdout)["calls"]
    return call["outcome"]


def explained(etc: Path, *options: str | Path) -> int:
    arguments = ["explain", "203.0.113.7", "-c", etc, "--asterisk", "22", *options]
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False).exit_code


def test_without_an_answer_a_name_is_unknown(etc: Path) -> None:
    assert (outcome(etc), explained(etc)) == ("unknown", 1)


def test_what_asterisk_says_that_it_resolved(etc: Path) -> None:
    (etc / "shown.txt").write_text(SHOWN)
    options = ("--resolved", etc / "shown.txt")
    assert (outcome(etc, *options), explained(etc, *options)) == ("accepted", 0)
    (etc / "shown.txt").write_text(SHOWN.replace("203.0.113.7", "203.0.113.8"))
    assert (outcome(etc, *options), explained(etc, *options)) == ("no_match", 1)


def test_of_several_names_each_was_resolved(etc: Path) -> None:
    """Which name an address is from does not show; no name is unknown then."""
    (etc / "pjsip.conf").write_text(FILES.format("sip.example.net,[2001:db8::9]:5070,other.example.net"))
    (etc / "shown.txt").write_text(
        SHOWN + "      Match: [2001:db8::9]:5070/128\n      Match: 203.0.113.9:5060/32\n      Match: !192.0.2.40/32\n"
    )
    assert outcome(etc, "--resolved", etc / "shown.txt") == "accepted"
    assert outcome(etc, "--resolved", etc / "shown.txt", "--source", "203.0.113.7") == "accepted"
    (etc / "hosts").write_text("203.0.113.5 sip.example.net\n")
    assert outcome(etc, "--hosts", etc / "hosts", "--resolved", etc / "shown.txt") == "accepted"


def test_what_is_no_output_of_asterisk(etc: Path) -> None:
    (etc / "shown.txt").write_text("No objects found.\n")
    for name, said in (("shown.txt", "names no identify"), ("gone.txt", "No such file")):
        done = CliRunner().invoke(main, ["check", "-c", str(etc), "--resolved", str(etc / name)])
        assert (done.exit_code, said in done.stderr) == (2, True)


def test_dns_is_asked_only_where_somebody_says_so(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as resolver:
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        assert (outcome(etc), explained(etc)) == ("unknown", 1)
        assert (outcome(etc, "--resolve"), explained(etc, "--resolve")) == ("accepted", 0)
        (etc / "hosts").write_text("203.0.113.99 sip.example.net\n")
        assert outcome(etc, "--resolve", "--hosts", etc / "hosts") == "no_match"
