"""--extract: one call as a capture."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from pjsipdiag import read_messages
from pjsipdiag.cli import main

CAPTURE = Path(__file__).parents[2] / "fixtures/demo/capture.pcap"


def test_exactly_the_messages_of_the_call(tmp_path: Path) -> None:
    whole = list(read_messages(CAPTURE))
    for number, call_id in enumerate(sorted({message.call_id for message in whole})):
        target = tmp_path / f"{number}.pcap"
        result = CliRunner().invoke(main, ["diagnose", str(CAPTURE), "--extract", call_id, "-o", str(target)])
        assert result.exit_code == 0, result.stderr
        kept = [(message.raw, message.time, message.source) for message in read_messages(target)]
        assert kept == [(one.raw, one.time, one.source) for one in whole if one.call_id == call_id]


def test_a_call_that_is_not_there_writes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "call.pcap"
    result = CliRunner().invoke(main, ["diagnose", str(CAPTURE), "--extract", "nobody's", "-o", str(target)])
    assert (result.exit_code, target.exists()) == (2, False)
    assert "no message has the Call-ID" in result.stderr


def test_a_place_is_needed() -> None:
    result = CliRunner().invoke(main, ["diagnose", str(CAPTURE), "--extract", "x"])
    assert (result.exit_code, "-o FILE" in result.stderr) == (2, True)
