"""Bundles from others: whatever the archive holds, nothing is written outside of a private folder."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.cli import main
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.handover import bundle, tar

DEMO = Path(__file__).parents[2] / "fixtures/demo"
ROOT = f"{bundle.ROOT}/"


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=form) as made:
        for info, data in (member(ROOT + "about.txt", b"made by hand\n"), *members):
            made.addfile(info, io.BytesIO(data))
    return stream.getvalue()


CAPTURE = member(ROOT + "capture.pcap", (DEMO / "capture.pcap").read_bytes())
CONFIG = member(ROOT + "etc/pjsip.conf", (DEMO / "etc/pjsip.conf").read_bytes())


def diagnosed(data: bytes, folder: Path) -> tuple[int, str]:
    path = folder / "bundle.tgz"
    path.write_bytes(data)
    result = CliRunner().invoke(main, ["diagnose", str(path)])
    assert "fault of pjsipdiag" not in result.stderr
    return result.exit_code, result.stdout + result.stderr


def test_what_it_says_of_itself_is_told_unless_a_report_is_redacted(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tgz"
    path.write_bytes(archive(CAPTURE, CONFIG))
    plain, redacted = (CliRunner().invoke(main, ["diagnose", str(path), *more]) for more in ((), ("--redact",)))
    assert "made by hand" in plain.stderr
    assert "made by hand" not in redacted.stderr + redacted.stdout


@pytest.mark.parametrize(
    "extra",
    [
        member(ROOT + "etc/acl.conf", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member(ROOT + "etc/acl.conf", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        member(ROOT + "etc/acl.conf", type=tarfile.FIFOTYPE),
        member(ROOT + "etc/acl.conf", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        member("elsewhere/acl.conf", b"[acl]\n"),
    ],
)
def test_only_its_own_plain_files_are_taken(tmp_path: Path, extra: tuple[tarfile.TarInfo, bytes]) -> None:
    assert diagnosed(archive(CAPTURE, CONFIG, extra), tmp_path) == diagnosed(archive(CAPTURE, CONFIG), tmp_path)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: archive(member(ROOT + "../../evil", b"x")), "leads out of it"),
        (lambda: archive(member(ROOT + "/etc/evil", b"x")), "leads out of it"),
        (lambda: archive(member(ROOT + "etc/./evil", b"x")), "leads out of it"),
        (lambda: archive(member(ROOT + "etc", b"x"), member(ROOT + "etc/pjsip.conf", b"x")), "twice in the archive"),
        (lambda: archive(CAPTURE, CAPTURE), "twice in the archive"),
        (lambda: archive(CAPTURE, CONFIG)[:-500], "ends early"),
        (lambda: archive(CAPTURE, CONFIG)[:-8] + bytes(8), "damaged"),
        (lambda: gzip.compress(member(ROOT + "capture.pcap")[0].tobuf() + b"no header" * 100), "damaged"),
        (lambda: gzip.compress(member(ROOT + "about.txt", size=7 << 30)[0].tobuf()), "holds more than 4096 MB"),
        (lambda: archive(member(ROOT + "capture.pcap", bytes(100 << 20))), "which no capture does"),
        (lambda: archive(*(member(f"{number}") for number in range(tar.MOST_FILES))), "holds more than 20,000 files"),
    ],
    ids=range(11),
)
def test_what_is_none_is_refused_in_one_line(tmp_path: Path, made: Callable[[], bytes], said: str) -> None:
    status, text = diagnosed(made(), tmp_path)
    assert (status, said in text, len(text.strip().splitlines())) == (2, True, 1), text
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.tgz"]


def test_later_forms_of_headers_cost_no_memory(tmp_path: Path) -> None:
    """A header that says that the next name is long has the length of its choice."""
    long = archive(member(ROOT + "etc/" + 300 * "x", b"x"), CAPTURE, CONFIG, form=tarfile.PAX_FORMAT)
    assert diagnosed(long, tmp_path)[0] == 1


@settings(max_examples=200)
@given(st.data())
def test_changed_bytes_never_leave_the_folder(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(gzip.decompress(archive(CONFIG, member(ROOT + "etc/acl.conf", b"[acl]\n"))))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, 4 * tar.BLOCK))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("changed")
    inside = folder / "inside"
    try:
        names = tar.unpack(io.BytesIO(bytes(whole)), inside, ROOT, 1 << 20)
    except PjsipdiagError:
        names = []
    assert {path.name for path in folder.iterdir()} <= {"inside"}
    assert all((inside / name).is_file() for name in names)
