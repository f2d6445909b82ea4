"""What cannot be used is one clear line: what, where, and what to do."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.cli.commands import ETC, SEED, run

pytestmark = pytest.mark.usefixtures("extensions")


def empty(path: Path) -> list[str]:
    (path / "empty.pcap").write_bytes(b"")
    return ["diagnose", str(path / "empty.pcap"), "-c", ETC]


def not_a_capture(path: Path) -> list[str]:
    (path / "notes.txt").write_text("dear diary\n")
    return ["diagnose", str(path / "notes.txt"), "-c", ETC]


def cut_header(path: Path) -> list[str]:
    (path / "cut.pcap").write_bytes(Path(SEED).read_bytes()[:13])
    return ["diagnose", str(path / "cut.pcap"), "-c", ETC]


def no_pjsip_conf(path: Path) -> list[str]:
    (path / "etc").mkdir()
    return ["diagnose", SEED, "-c", str(path / "etc")]


def dialplan(path: Path) -> list[str]:
    (path / "extensions.conf").write_text("[from-trunk]\nexten => 100,1,Hangup()\n")
    return ["diagnose", SEED, "-c", str(path / "extensions.conf")]


def events(_: Path) -> list[str]:
    """The kernel's events, after those that are there: reading goes on when there are more."""
    with suppress(OSError):
        handle = os.open("/proc/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while os.read(handle, 1 << 16):
                pass
        os.close(handle)
    return ["check", "-c", "/proc/kmsg"]


def events_alone(path: Path) -> list[str]:
    events(path)
    return ["diagnose", "/proc/kmsg", "-c", ETC]


BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "missing capture": (lambda path: ["diagnose", str(path / "gone.pcap"), "-c", ETC], "gone.pcap"),
    "empty file": (empty, "empty.pcap"),
    "not a capture": (not_a_capture, "notes.txt"),
    "truncated header": (cut_header, "cut.pcap"),
    "missing configuration": (lambda path: ["diagnose", SEED, "-c", str(path / "gone")], "gone"),
    "no pjsip.conf": (no_pjsip_conf, "pjsip.conf"),
    "unknown release": (lambda _: ["diagnose", SEED, "-c", ETC, "--asterisk", "newest"], "22"),
    "unknown format": (lambda _: ["diagnose", SEED, "-c", ETC, "--format", "docx"], "docx"),
    "output nowhere": (lambda path: ["diagnose", SEED, "-c", ETC, "-o", str(path / "no/such/dir.json")], "dir.json"),
    "bad source": (lambda _: ["explain", "provider.example", "-c", ETC], "provider.example"),
    "a capture for the configuration": (lambda _: ["diagnose", SEED, "-c", SEED], "is a capture, no configuration"),
    "hosts file missing": (lambda path: ["check", "-c", ETC, "--hosts", str(path / "gone")], "gone"),
    "bad time": (lambda _: ["diagnose", SEED, "-c", ETC, "--since", "yesterday"], "yesterday"),
    "unknown rule": (lambda _: ["rules", "no-such-rule"], "no-such-rule"),
    "a span without an end": (lambda _: ["diagnose", SEED, "-c", ETC, "--since", "08:54", "--until", "08:53"], "later"),
    "a time without --follow": (lambda _: ["diagnose", SEED, "-c", ETC, "--for", "5"], "--follow"),
    "a section without a line": (lambda _: ["diagnose", SEED, "-c", ETC, "--in", "foo"], "--try"),
    "a line without a section": (lambda _: ["diagnose", SEED, "-c", ETC, "--try", "match=1.2.3.4"], "--in"),
    "an identifier that is none": (lambda _: ["diagnose", SEED, "-c", ETC, "--try-order", "ip,foo"], "'foo'"),
    "an ending of no format": (lambda path: ["diagnose", SEED, "-c", ETC, "-o", str(path / "a.docx")], ".html"),
    "changes as a page": (
        lambda path: ["diagnose", SEED, "-c", ETC, "--try-order", "ip", "-o", str(path / "a.html")],
        "text or json",
    ),
    "nearly a rule": (lambda _: ["rules", "unmatched"], "Did you mean unmatched-source"),
    "nearly a command": (lambda _: ["diagnos", SEED], "Did you mean diagnose?"),
    "a device for a capture": (lambda _: ["diagnose", "/dev/zero", "-c", ETC], "it is a device"),
    "a device that is followed": (lambda _: ["diagnose", "/dev/zero", "--follow", "-c", ETC], "it is a device"),
    "a block of events for files": (events, "/proc/kmsg"),
    "a block of events for a capture": (events_alone, "/proc/kmsg"),
    "a time that never ends": (lambda _: ["diagnose", SEED, "-c", ETC, "--follow", "--for", "nan"], "nan"),
    "an endless time": (lambda _: ["diagnose", SEED, "-c", ETC, "--follow", "--for", "inf"], "inf"),
    "no word for a capture": (lambda _: ["diagnose", "", "-c", ETC], "empty word"),
    "no word for a configuration": (lambda _: ["check", "-c", ""], "empty word"),
    "no word for the result": (lambda _: ["diagnose", SEED, "-c", ETC, "-o", ""], "empty word"),
    "a word for an option": (lambda _: ["help"], "Did you mean --help?"),
    "a configuration without -c": (lambda _: ["check", ETC], "given with -c"),
    "a dialplan alone": (dialplan, "extensions.conf holds no object of PJSIP"),
    "a choice that is missing": (lambda _: ["allowlist", "-c", ETC], "Choose from: nft, ipset,"),
    "a change printed and written": (
        lambda path: ["suggest", SEED, "-c", ETC, "--diff", "-o", str(path / "changed")],
        "one of them",
    ),
    "compare one thing": (lambda _: ["compare", SEED, "-c", ETC], "twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(name: str, tmp_path: Path) -> None:
    make, says = BAD[name]
    result = run(*make(tmp_path))
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith(("Usage:", "Try ")) and line]
    assert says in line
    assert result.stdout == ""


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_unreadable_files_are_one_clear_line(tmp_path: Path) -> None:
    etc = Path(shutil.copytree(ETC, tmp_path / "etc"))
    capture = Path(shutil.copy(SEED, tmp_path / "closed.pcap"))
    assert run("diagnose", capture, "-c", etc).exit_code == 1
    capture.chmod(0)
    (etc / "pjsip.conf").chmod(0)
    with nobody():
        for arguments in (["diagnose", str(capture), "-c", ETC], ["check", "-c", str(etc)]):
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code == 2
            assert len(result.stderr.splitlines()) == 1


def test_a_folder_that_was_removed_needs_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    for arguments in (["diagnose", SEED, "-c", ETC], ["check", "-c", ETC, "--format", "sarif"]):
        assert run(*arguments).exit_code == 1
    result = run("diagnose", SEED, "-c", ETC, "-o", "report.json")
    assert result.exit_code == 2
    assert "was removed" in result.stderr


def test_without_a_configuration_the_capture_is_named_where_it_is_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pjsipdiag.cli.output.DEFAULT_CONFIG", tmp_path / "none")
    gone = run("diagnose", str(tmp_path / "typo.pcap"))
    assert (gone.exit_code, "typo.pcap: the capture cannot be opened" in gone.stderr) == (2, True)
    assert f"say where the configuration is: -c {ETC}" in run("diagnose", SEED, ETC).stderr
    assert "say where the configuration is: -c DIR" in run("diagnose", SEED).stderr
