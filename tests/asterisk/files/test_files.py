"""Names and patterns of #include: the C library's glob(3) on the same files is the judge."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from pjsipdiag.asterisk.files.files import Disk, Files
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.errors import ConfigError

GLOB_BRACE, GLOB_NOMAGIC = 1 << 10, 1 << 11
NAMES = [
    "a.conf", "b.conf", "B.conf", "a1.conf", "a b.conf", ".hid.conf", "x/a.conf", "x/b.conf", "x/.h.conf", "y/a.conf",
    "{q}.conf", "[z].conf", "10.conf", "9.conf", "a-b.conf", "x/s/d.conf", "a,b", "back\\slash.conf", "!x.conf",
]  # fmt: skip
PATTERNS = [
    "a.conf", "*.conf", "*", "?.conf", "[ab]*.conf", "[!a]*.conf", "[^ab]*", "[a-b].conf", "[[:digit:]]*.conf", "*/*",
    "x/*.conf", "*/a.conf", "{x,y}/a.conf", "{b,a}*.conf", "{a,b,}.conf", "{q}.conf", "{{a,b},9}.conf", "{a", "a}b",
    ".h*", "x/.h*", "\\[z].conf", "[[]z].conf", "[z", "nothing", "nothing*", "x", "x/", "*{}", "[--a]*", "[z-a]*",
    "back\\\\*", "x/*/d.conf", "[]!]*",
]  # fmt: skip


class _Glob(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_size_t),
        ("paths", ctypes.POINTER(ctypes.c_char_p)),
        ("offset", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("functions", ctypes.c_void_p * 5),
    )


def c_library(directory: Path, pattern: str) -> list[str]:
    found = _Glob()
    wanted = os.fsencode(f"{directory}/{pattern}")
    if ctypes.CDLL(None).glob(wanted, GLOB_BRACE | GLOB_NOMAGIC, None, ctypes.byref(found)):
        return []
    paths = [os.fsdecode(found.paths[index] or b"") for index in range(found.count)]
    return [os.path.relpath(path, directory) for path in paths if Path(path).is_file()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_find_what_the_c_library_finds(tree: Path, pattern: str) -> None:
    expected = c_library(tree, pattern)
    assert Files(tree).expand(pattern) == expected
    assert Files(None, dict.fromkeys(NAMES, "")).expand(pattern) == expected


def test_absolute_paths_below_the_configuration_directory_are_its_own(tree: Path) -> None:
    files = Files(tree)
    assert files.expand("/etc/asterisk/x/*.conf") == ["x/a.conf", "x/b.conf"]
    assert files.expand(f"{tree}/a.conf") == ["a.conf"]
    assert files.expand("/etc/asterisk/../asterisk/a.conf") == ["a.conf"]


def test_what_lies_elsewhere_is_not_read(tmp_path: Path, tree: Path) -> None:
    other = tmp_path.parent / "elsewhere.conf"
    other.write_text("[a]\n")
    (tree / "link.conf").symlink_to(other)
    for name in (str(other), "../elsewhere.conf", "link.conf"):
        files = Files(tree)
        assert files.expand(name) == []
        assert "lies outside of" in files.given_up
        assert files.read(name) is None
    assert Files(None, {}).read("a.conf") is None


def test_what_lies_elsewhere_is_read_where_the_user_says_so(tmp_path: Path, tree: Path) -> None:
    asked, other = tmp_path.parent / "asked", tmp_path.parent / "asked-for-not"
    for folder in (asked, other):
        folder.mkdir(exist_ok=True)
        (folder / "a.conf").write_text("[a]\n")
    (asked / "out.conf").unlink(missing_ok=True)
    (asked / "out.conf").symlink_to(other / "a.conf")
    files = Files(tree, disk=Disk([asked]))
    assert files.expand(f"{asked}/a.conf") == [f"{asked}/a.conf"] == files.expand(f"{asked}/a*")
    assert files.read(f"{asked}/a.conf") == b"[a]\n"
    for name in (f"{other}/a.conf", f"{asked}/out.conf", f"{asked}/../asked-for-not/a.conf"):
        assert files.expand(name) == []
        assert "--include-from" in files.given_up
        assert files.read(name) is None


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "pjsip.conf").open("wb") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(ConfigError, match="larger than 256 MiB"):
        Files(tmp_path).read("pjsip.conf")


CONFIGURATION = "[a]\ntype=endpoint\ncontext=caf\u00e9\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (CONFIGURATION.encode("utf-16"), "is UTF-16 or UTF-32 text"),
        (CONFIGURATION.encode("utf-16-le"), "is UTF-16 or UTF-32 text"),
        (CONFIGURATION.encode("utf-16-be"), "is UTF-16 or UTF-32 text"),
        (CONFIGURATION.encode("utf-32"), "is UTF-16 or UTF-32 text"),
        (bytes(5000), "holds nothing but zeros"),
        (CONFIGURATION.replace("\n", "\r").encode(), "has carriage returns alone"),
    ],
)
def test_what_is_no_text_to_asterisk_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "pjsip.conf").write_text("[t]\ntype=transport\n#include more.conf\n")
    (tmp_path / "more.conf").write_bytes(data)
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/more\.conf {said}"):
        load_config(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_what_asterisk_reads_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "pjsip.conf").write_bytes(CONFIGURATION.replace("\n", "\r\n").encode(encoding) + bytes(400))
    assert [section.name for section in load_config(tmp_path).sections] == ["a"]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_main_file_that_is_none_is_not_said_to_be_missing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pjsip.conf"
    path.mkdir() if kind == "folder" else path.symlink_to("/nowhere/pjsip.conf")
    with pytest.raises(ConfigError, match=r"^pjsip\.conf in \S+ is no plain file"):
        load_config(tmp_path)


def test_a_link_that_leads_nowhere_is_missing_where_a_pattern_fits_it(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[t]\ntype=transport\nbind=0.0.0.0\n#include more/*.conf\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/a.conf").write_text("")
    (tmp_path / "more/b.conf").symlink_to("/nowhere/b.conf")
    (tmp_path / "more/folder.conf").symlink_to(tmp_path)
    config = load_config(tmp_path)
    assert [one.why["file"] for one in config.missing_files] == ["more/b.conf"]
    assert not config.rejected_files
