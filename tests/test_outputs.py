"""What -o names: never an input, never what exists unasked, never in halves, never wider than its source."""

import stat
from pathlib import Path

import pytest

from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.outputs import Content, write_file, write_folder


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


def test_a_copy_is_as_private_as_its_source(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", {"d/a": Content(b"a", 0o600)})
    assert stat.S_IMODE((tmp_path / "out" / "d" / "a").stat().st_mode) == 0o600
    with pytest.raises(PjsipdiagError, match="not empty"):
        write_folder(tmp_path / "out", {"b": Content(b"b")})
