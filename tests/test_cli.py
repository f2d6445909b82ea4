"""The command line as a person uses it: the seed case, what-if, and what its statuses say."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.bench.captures import write
from tests.cli.commands import ETC, FIXTURES, SEED, run
from tests.sip_text import EPOCH, write_capture

pytestmark = pytest.mark.usefixtures("extensions")


def diagnosed(*arguments: str | Path) -> Any:
    return json.loads(run("diagnose", *arguments, "--format", "json").stdout)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ETC, tmp_path / "etc"))


def test_seed_reports_the_address_without_a_match_line() -> None:
    report = diagnosed(SEED, "-c", ETC)
    assert report["unmatched"] == ["203.0.113.13"]
    (suggestion,) = report["suggestions"]
    assert (suggestion["section"], suggestion["add"]) == ("provider-identify", ["match=203.0.113.13"])
    assert (suggestion["fixes"], suggestion["changes_others"]) == (2, 0)
    assert run("diagnose", SEED, "-c", ETC).exit_code == 1


def test_seed_is_silent_once_the_line_is_added(etc: Path, tmp_path: Path) -> None:
    patch = run("suggest", SEED, "-c", etc, "--diff").stdout
    assert patch.startswith("--- a/pjsip.conf\n+++ b/pjsip.conf\n@@")
    subprocess.run(["patch", "-p1", "-s"], cwd=etc, input=patch, text=True, check=True)
    assert "match=203.0.113.13" in (etc / "pjsip.conf").read_text().splitlines()
    messages = (FIXTURES / "seed/capture.txt").read_text().split("@ ")[1:]
    requests = "".join(f"@ {message}" for message in messages if "\nINVITE " in message)
    capture = write_capture(requests, tmp_path / "requests.pcap")
    assert run("diagnose", capture, "-c", ETC).exit_code == 1
    assert run("diagnose", capture, "-c", etc).exit_code == 0


def test_answers_of_the_time_before_the_line_are_said(etc: Path) -> None:
    with (etc / "pjsip.conf").open("a") as file:
        file.write("match=203.0.113.13\n")
    report = diagnosed(SEED, "-c", etc)
    assert report["unmatched"] == []
    assert [finding["rule"] for finding in report["findings"]] == ["prediction-differs"]


def test_suggest_writes_a_changed_copy(etc: Path, tmp_path: Path) -> None:
    before = (etc / "pjsip.conf").read_text()
    result = run("suggest", SEED, "-c", etc, "--output", tmp_path / "new")
    assert result.exit_code == 1
    assert "match=203.0.113.13" in (tmp_path / "new/pjsip.conf").read_text()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pjsip.conf"]
    assert (etc / "pjsip.conf").read_text() == before


def test_suggest_prints_only_the_lines() -> None:
    output = run("suggest", SEED, "-c", ETC).stdout
    assert "match=203.0.113.13" in output
    assert "198.51.100" not in output


def test_what_if_shows_the_calls_that_change() -> None:
    result = run("diagnose", SEED, "-c", ETC, "--try", "match=203.0.113.13", "--in", "provider-identify")
    assert result.exit_code == 1
    assert "203.0.113.13" in result.stdout
    assert "endpoint 'provider'" in " ".join(result.stdout.split())


def test_explain_a_call_that_no_capture_holds() -> None:
    missed = run("explain", "203.0.113.13", "-c", ETC)
    assert missed.exit_code == 1
    assert "one above match=203.0.113.12" in " ".join(missed.stdout.split())
    taken = run("explain", "203.0.113.12:5062", "-c", ETC)
    assert taken.exit_code == 0
    assert "provider-identify" in taken.stdout


def test_check_of_a_healthy_configuration(tmp_path: Path) -> None:
    text = (Path(ETC) / "pjsip.conf").read_text()
    (tmp_path / "pjsip.conf").write_text(text.replace("context=from-trunk", "context=from-trunk\nidentify_by=ip"))
    result = run("check", "-c", str(tmp_path))
    assert result.exit_code == 0, result.stdout


def test_compare_two_releases(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[one]\ntype=endpoint\n[two]\ntype=endpoint\n"
        "[b]\ntype=identify\nendpoint=one\nmatch=203.0.113.0/24\n"
        "[a]\ntype=identify\nendpoint=two\nmatch=203.0.113.0/24\n"
        "[c]\ntype=identify\nendpoint=two\nmatch=198.51.100.1\n"
    )
    same = run("compare", SEED, "-c", tmp_path, "--asterisk", "22", "--asterisk", "23")
    assert same.exit_code == 0
    moved = json.loads(
        run("compare", SEED, "-c", tmp_path, "--asterisk", "20.15", "--asterisk", "22", "--format", "json").stdout
    )
    assert isinstance(moved, dict)


def test_filters(tmp_path: Path) -> None:
    only = diagnosed(SEED, "-c", ETC, "--source", "203.0.113.10")
    assert [source["address"] for source in only["sources"]] == ["203.0.113.10"]
    one = diagnosed(SEED, "-c", ETC, "--call-id", "call-2@203.0.113.13")
    assert [call["call_id"] for call in one["calls"]] == ["call-2@203.0.113.13"]
    target = tmp_path / "report.html"
    assert run("diagnose", SEED, "-c", ETC, "-o", target).exit_code == 1
    assert target.read_text().startswith("<!DOCTYPE html>")


def test_capture_from_standard_input() -> None:
    arguments = ["diagnose", "-", "-c", ETC, "--format", "json"]
    result = CliRunner().invoke(main, arguments, input=Path(SEED).read_bytes())
    assert json.loads(result.stdout)["unmatched"] == ["203.0.113.13"]


def test_cut_capture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = Path(SEED).read_bytes()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole[: len(whole) - 100])
    (capture,) = diagnosed(cut, "-c", ETC)["captures"]
    assert capture["records"] == 17
    assert "byte" in capture["truncated"]


def test_a_missing_argument_is_named() -> None:
    assert "Missing argument 'CAPTURE...'" in run("diagnose").stderr


@pytest.mark.parametrize("name", ["demo", "seed"])
def test_captures_are_what_their_text_says(name: str, tmp_path: Path) -> None:
    text = (FIXTURES / name / "capture.txt").read_text()
    assert write_capture(text, tmp_path / "made.pcap").read_bytes() == (FIXTURES / name / "capture.pcap").read_bytes()


def test_redacted_copies_are_diagnosed_alike(tmp_path: Path) -> None:
    target = tmp_path / "to-post"
    result = run("redact", SEED, "-c", ETC, "-o", target)
    assert (result.exit_code, result.stderr) == (0, "12 of 12 requests replay to the same verdict\n")
    verdicts = [call["outcome"] for call in diagnosed(SEED, "-c", ETC)["calls"]]
    redacted = diagnosed(target / "capture.pcap", "-c", target / "etc")
    assert [call["outcome"] for call in redacted["calls"]] == verdicts
    written = b"".join(path.read_bytes() for path in target.rglob("*") if path.is_file())
    assert b"15559870001" not in written
    assert run("redact", SEED, "-c", ETC, "-o", target).exit_code == 2


def test_a_comparison_needs_a_capture_that_can_be_read_twice() -> None:
    result = run("compare", "-", "-c", ETC, "-c", ETC)
    assert result.exit_code == 2
    assert "can be read only once" in result.stderr


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    for number in range(200):
        shutil.copy(SEED, tmp_path / f"{number:03}.pcap")
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); import pjsipdiag.cli as cli; cli.main()"
    )
    command = [sys.executable, "-c", program, "diagnose", str(tmp_path), "-c", ETC, "--jobs", "2", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert len(json.loads(done.stdout)["captures"]) == 200


def test_no_room_for_temporary_files(tmp_path: Path) -> None:
    write(tmp_path / "capture.pcap", "scan", 24000)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))"
    program = f"{limit}; import pjsipdiag.cli as cli; cli.main()"
    command = [sys.executable, "-c", program, "diagnose", str(tmp_path / "capture.pcap"), "-c", ETC, "--jobs", "2"]
    # A measurement of coverage would find no room for its own file.
    where = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
    where["TMPDIR"] = str(tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=where)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"for temporary files in {tmp_path}: TMPDIR names another directory" in done.stderr


def test_a_capture_alone_is_diagnosed() -> None:
    assert run(SEED, "-c", ETC).stdout == run("diagnose", SEED, "-c", ETC).stdout


def test_the_public_names_and_their_help_are_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import pydoc, pjsipdiag; print(pydoc.render_doc(pjsipdiag, renderer=pydoc.plaintext))"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    shown = re.sub(r"\(\s+", "(", done)  # since Python 3.13 a long signature stands on several lines
    for name in ("class Report", "class Options", "class Verdict", "diagnose(captures", "load_config(path"):
        assert name in shown


def test_a_span_of_time_holds_its_ends(tmp_path: Path) -> None:
    line = "@ {0}.0 203.0.113.10:5060 > 192.0.2.1:5060 in\nINVITE sip:1@192.0.2.1 SIP/2.0\nCall-ID: {0}\n"
    capture = write_capture("".join(line.format(at) for at in range(4)), tmp_path / "c.pcap")
    first = datetime.fromtimestamp(EPOCH, UTC)
    for since, until, found in ((1, 2, ["1", "2"]), (3, 3, ["3"])):
        times = [(first + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S") for at in (since, until)]
        clock = [time.partition("T")[2] for time in times]
        for begin, end in (times, clock):
            report = diagnosed(capture, "-c", ETC, "--since", begin, "--until", end)
            assert [call["call_id"] for call in report["calls"]] == found


def test_status_1_says_that_something_may_be_wrong(etc: Path) -> None:
    """Warnings count, notes do not."""
    closed = "type=endpoint\nidentify_by=ip\n"  # else a stranger enters by the user in From
    healthy = (etc / "pjsip.conf").read_text().replace("type=endpoint\n", closed)
    other = f"[other]\n{closed}[other]\ntype=identify\nendpoint=other\nmatch=203.0.113.10\n"
    expected: tuple[tuple[str, set[str], int], ...] = (
        ("", set(), 0),
        ("match=203.0.113.12\n", {"note"}, 0),
        (other, {"warning"}, 1),
    )
    for lines, severities, status in expected:
        (etc / "pjsip.conf").write_text(f"{healthy}\n{lines}")
        result = run("check", "-c", etc, "--asterisk", "22", "--format", "json")
        found = {finding["severity"] for finding in json.loads(result.stdout)["findings"]}
        assert (found, result.exit_code) == (severities, status)


@pytest.mark.parametrize("span", [("--since", "23:59"), ("--until", "2020-01-01T00:00:00")])
def test_a_span_without_calls_says_where_they_are(span: tuple[str, str]) -> None:
    """What was left out is not called absent."""
    demo = FIXTURES / "demo"
    (finding,) = diagnosed(demo / "capture.pcap", "-c", demo / "etc", *span)["findings"]
    assert "without the filter: 9 INVITEs, from 2025-10-09 08:53:27 to 2025-10-09 08:54:13 UTC" in finding["evidence"]
    assert finding["advice"] == f"leave out or widen {' '.join(span)}"


@pytest.mark.parametrize(
    ("release", "said"),
    [
        (("--asterisk", "12"), "Asterisk 16.0.0 (as asked for: 12, older than 16"),
        (("--asterisk", "22.10.1"), "Asterisk 22.10.1 (as asked for)"),
        ((), "(the newest release known; --asterisk names another)"),
    ],
)
def test_explain_says_how_the_release_was_chosen(release: tuple[str, ...], said: str) -> None:
    shown = run("explain", "203.0.113.13", "-c", ETC, *release).stdout
    assert said in " ".join(shown.split())


def test_a_log_without_own_addresses_speaks_of_the_transport() -> None:
    shown = run("diagnose", FIXTURES / "log/asterisk-22.log", "-c", FIXTURES / "demo/etc").stdout
    assert "the files have no tcp transport" in " ".join(shown.split())
    assert "listens on 0.0.0.0" not in shown
    assert "[::] answers" not in shown


def test_a_capture_loads_no_forms_of_texts() -> None:
    """They cost as much as the calls of a small capture."""
    command = [sys.executable, "-X", "importtime", "-m", "pjsipdiag", "diagnose", str(SEED), "-c", str(ETC)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "pjsipdiag.diagnosis.rules.table\n" in loaded
    assert "pjsipdiag.capture.text" not in loaded
