"""What -o names: never an input, never what exists unasked, never in halves, never wider than its source."""

import os
import resource
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.outputs import Content, write_file, write_folder
from tests.command import CAPTURE, ETC


def test_an_input_is_never_replaced(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("KEEP")
    (tmp_path / "link").symlink_to(given)
    (tmp_path / "hard").hardlink_to(given)
    for name in ("given", "link", "hard"):
        with (
            pytest.raises(PjsipdiagError, match="is an input"),
            write_file(str(tmp_path / name), inputs=[given], force=True) as stream,
        ):
            stream.write("x")
    assert given.read_text() == "KEEP"


def test_a_file_that_a_pattern_means_is_an_input(tmp_path: Path) -> None:
    capture = tmp_path / "1.pcap"
    shutil.copy(CAPTURE, capture)
    before = capture.read_bytes()
    result = CliRunner().invoke(
        main, ["diagnose", str(tmp_path / "*.pcap"), "-c", str(ETC), "--format", "text", "-o", str(capture), "--force"]
    )
    assert (result.exit_code, "is an input" in result.stderr, capture.read_bytes() == before) == (2, True, True)


def test_what_exists_is_replaced_only_when_asked_and_as_a_whole(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("KEEP")
    with pytest.raises(PjsipdiagError, match="--force"), write_file(str(report)) as stream:
        stream.write("x")
    with pytest.raises(PjsipdiagError, match="full"), write_file(str(report), force=True) as stream:
        stream.write("x")
        raise PjsipdiagError("full")
    assert report.read_text() == "KEEP"
    with write_file(str(report), force=True) as stream:
        stream.write("new")
    assert report.read_text() == "new"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "link/x"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    with pytest.raises(PjsipdiagError, match="lies outside"):
        write_folder(tmp_path / "out", {"a": Content(b"a"), name: Content(b"x")}, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["link"]


def _contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_files_that_cannot_all_be_written_stay_as_they_were(tmp_path: Path, elsewhere: bool) -> None:
    """The last one's folder is a file, or lies on another file system: renames before it are taken back."""
    for name in ("a.conf", "sub/b.conf", "last/c.conf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"old {name}")
    files = {name: Content(b"new") for name in ("a.conf", "sub/b.conf", "new/one/d.conf")}
    if elsewhere and (
        os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "last"], check=False).returncode
    ):
        pytest.skip("only root mounts file systems")
    try:
        last = "last/x.conf" if elsewhere else "last/c.conf/x.conf"
        before = _contents(tmp_path)
        with pytest.raises(PjsipdiagError, match="cannot be written"):
            write_folder(tmp_path, {**files, last: Content(b"new")}, force=True)
        assert _contents(tmp_path) == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.conf", "last", "sub"]
    finally:
        if elsewhere:
            subprocess.run(["umount", tmp_path / "last"], check=True)


def test_a_copy_is_as_private_as_its_source(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", {"d/a": Content(b"a", 0o600)})
    assert stat.S_IMODE((tmp_path / "out" / "d" / "a").stat().st_mode) == 0o600
    with pytest.raises(PjsipdiagError, match="not empty"):
        write_folder(tmp_path / "out", {"b": Content(b"b")})


def test_what_does_not_fit_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(out, {"a": Content(b"old a"), "b": Content(b"old b")})
    (tmp_path / "report").write_text("old")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        with pytest.raises(PjsipdiagError, match="cannot be written"):
            write_folder(out, {"a": Content(b"new a"), "b": Content(bytes(5000))}, force=True)
        with (
            pytest.raises(PjsipdiagError, match="cannot be written"),
            write_file(str(tmp_path / "report"), force=True) as stream,
        ):
            stream.write("x" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"a": b"old a", "b": b"old b"}
    assert (tmp_path / "report").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "report"]


@pytest.mark.parametrize(("mode", "copy"), [(0o600, 0o600), (0o640, 0o640), (0o644, 0o644), (0o666, 0o644)])
def test_modes_of_what_commands_write(tmp_path: Path, mode: int, copy: int) -> None:
    """A changed copy is as its source, a report for its owner, a redacted copy as the umask says."""
    demo = Path(__file__).parents[1] / "fixtures" / "demo"
    etc = tmp_path / "etc"
    shutil.copytree(demo / "etc", etc)
    (etc / "pjsip.conf").chmod(mode)
    capture, before = str(demo / "capture.pcap"), os.umask(0o022)
    try:
        for arguments in (
            ["suggest", capture, "-c", str(etc), "-o", str(tmp_path / "copy")],
            ["diagnose", capture, "-c", str(etc), "-o", str(tmp_path / "report.html")],
            ["redact", capture, "-c", str(etc), "-o", str(tmp_path / "redacted")],
        ):
            assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code in (0, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "copy" / "pjsip.conf").stat().st_mode) == copy
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "redacted" / "capture.pcap").stat().st_mode) == 0o644
