"""The archive for a carrier: exactly the calls of his addresses, and nothing of the configuration."""

from __future__ import annotations

import csv
import zipfile
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pjsipdiag import read_messages
from pjsipdiag.cli import main

FIXTURES = Path(__file__).parents[2] / "fixtures"
CAPTURES = (
    "demo/capture.pcap",
    "incidents/missing-failover/capture.pcap",
    "incidents/scanner-and-provider/capture.pcap",
)


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert "fault of pjsipdiag" not in result.stderr
    return result


def invites(path: Path, source: str) -> set[str]:
    """The Call-IDs of calls from there, as a plain walk over the messages has them."""
    return {
        message.call_id
        for message in read_messages(path)
        if message.first_line.startswith("INVITE ")
        and message.source.ip == source
        and ";tag=" not in message.header("To")
    }


@pytest.mark.parametrize("name", CAPTURES)
def test_the_calls_of_each_source_and_their_messages(name: str, tmp_path: Path) -> None:
    whole = list(read_messages(FIXTURES / name))
    for number, source in enumerate(sorted({message.source.ip for message in whole})):
        wanted = invites(FIXTURES / name, source)
        target = tmp_path / f"{number}.zip"
        result = run("evidence", FIXTURES / name, "--source", source, "-o", target)
        if result.exit_code:
            assert result.exit_code == 2
            assert not target.exists()
            continue
        with zipfile.ZipFile(target) as archive:
            archive.extractall(tmp_path / str(number))
        folder = tmp_path / str(number) / "evidence"
        rows = list(csv.DictReader(StringIO((folder / "calls.csv").read_text())))
        assert {row["Call-ID"] for row in rows} == wanted
        kept = [message.raw for message in read_messages(folder / "calls.pcap")]
        assert kept == [message.raw for message in whole if message.call_id in wanted]
        page = unescape((folder / "calls.html").read_text())
        assert all(page.count(f'<code class="quiet">{call_id}</code>') == 1 for call_id in wanted)
        assert not [word for word in ("pjsip.conf", "identify", "endpoint", "configuration") if word in page]
        assert target.stat().st_mode & 0o077 == 0


def test_a_capture_that_is_cut_is_named(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((FIXTURES / CAPTURES[0]).read_bytes()[:-50])
    result = run("evidence", cut, "--source", "203.0.113.13", "-o", tmp_path / "a.zip")
    assert (result.exit_code, "cut.pcap: " in result.stderr, (tmp_path / "a.zip").exists()) == (1, True, True)
    call_id = sorted(invites(FIXTURES / CAPTURES[0], "203.0.113.13"))[0]
    result = run("diagnose", cut, "--extract", call_id, "-o", tmp_path / "a.pcap")
    assert (result.exit_code, "cut.pcap: " in result.stderr, (tmp_path / "a.pcap").exists()) == (1, True, True)


def test_the_same_calls_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        run("evidence", FIXTURES / CAPTURES[0], "--source", "203.0.113.13", "-o", tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_input_is_not_replaced(tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes((FIXTURES / CAPTURES[0]).read_bytes())
    result = run("evidence", capture, "--source", "203.0.113.13", "-o", capture, "--force")
    assert (result.exit_code, "is an input" in result.stderr) == (2, True)
