"""FLEET.toml: a mistake is one line with its place."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.fleet.plan import Pbx, read_plan
from tests.fleet.build import write_fleet
from tests.fleet.conftest import fleet

GOOD = """[fleet]
captures = "s3://captures/{name}/*.pcap"
asterisk = "22"

[[pbx]]
name = "one"
config = "etc"
addresses = ["192.0.2.1", "2001:db8::1"]

[[pbx]]
name = "two"
live = "ssh two asterisk -rx"
captures = ["/var/spool/a.pcap", "b"]
databases = ["asterisk=postgresql://reader@db/asterisk"]
"""


def test_what_holds_for_all_and_what_for_one(tmp_path: Path) -> None:
    (tmp_path / "FLEET.toml").write_text(GOOD)
    assert read_plan(f"{tmp_path}/FLEET.toml").pbxs == (
        Pbx("one", ("s3://captures/one/*.pcap",), f"{tmp_path}/etc", addresses=("192.0.2.1", "2001:db8::1"),
            asterisk="22"),
        Pbx("two", ("/var/spool/a.pcap", f"{tmp_path}/b"), live="ssh two asterisk -rx",
            databases=("asterisk=postgresql://reader@db/asterisk",), asterisk="22"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ('name = "one"', 'name = "one', 6, "Illegal character"),
        ('name = "one"', 'name = "two"', 11, "there is a PBX two already"),
        ('name = "two"', 'name = "ONE"', 11, "already"),
        ('name = "one"', 'name = "../one"', 6, "letters, digits"),
        ('name = "one"\n', "", 5, "it has no name"),
        ("[fleet]", "[flet]", 1, "flet: a fleet has [fleet] and [[pbx]] only"),
        ('config = "etc"', 'konfig = "etc"', 7, "konfig is nothing that [pbx] may say"),
        ('config = "etc"\n', "", 5, "neither config nor live"),
        ('captures = "s3://captures/{name}/*.pcap"\n', "", 4, "one has no captures"),
        ('config = "etc"', "config = 7", 7, "config wants a text"),
        ('config = "etc"', 'config = ["etc"]', 7, "config wants a text"),
        ('config = "etc"', 'config = "https://me:secret@host/etc/"', 7, "leave credentials out"),
        ('"192.0.2.1"', '"192.0.2.300"', 8, "192.0.2.300"),
        ('asterisk = "22"', 'asterisk = "one"', 3, "one"),
        ("reader@db", "reader:secret@db", 14, "leave the password out"),
        ('captures = ["/var/spool/a.pcap", "b"]', "captures = []", 13, "captures wants"),
        ("[[pbx]]\nname = \"one\"", "[pbx]\nname = \"one\"", 10, "Cannot overwrite"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(before: str, after: str, line: int, words: str, tmp_path: Path) -> None:
    assert before in GOOD
    path = tmp_path / "FLEET.toml"
    path.write_text(GOOD.replace(before, after, 1))
    done = fleet(path)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert f"{path}:{line}: " in done.stderr
    assert words in done.stderr
    assert "secret" not in done.stderr


def test_an_empty_file_and_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "FLEET.toml").write_text("")
    for name, words in (("FLEET.toml", "there is no [[pbx]]"), ("nowhere.toml", "No such file")):
        done = fleet(tmp_path / name)
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
        assert words in done.stderr


WORDS = st.sampled_from(
    ["[fleet]", "[[pbx]]", "[pbx]", "name", "captures", "config", "=", '"a"', "{name}", "[", "]", "\n", "7", "true",
     '"""', "#", "pbx = 1", 'fleet = ["x"]', "\x00", "'", '"https://u:p@h/"', "pbx.name"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_any_text_is_a_plan_or_one_line(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "FLEET.toml"
        path.write_text(text)
        try:
            assert read_plan(str(path)).pbxs
        except PjsipdiagError as error:
            assert str(error).startswith(f"{path}:")
            assert "\n" not in str(error)


def test_no_output_replaces_what_the_plan_names(tmp_path: Path) -> None:
    plan = write_fleet(tmp_path, 1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in before:
        result = fleet(plan, "-o", path, "--force")
        assert (result.exit_code, "is an input" in result.stderr) == (2, True), path
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
