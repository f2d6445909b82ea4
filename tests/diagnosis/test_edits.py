"""Changes of files keep everything but the lines that they name."""

import ipaddress
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.cli import main
from pjsipdiag.diagnosis.edits.text_changes import apply_edits, diff, style_line, with_name, with_value, write
from pjsipdiag.diagnosis.model import Edit, Suggestion
from pjsipdiag.errors import PjsipdiagError

TEXT = "[a]\ntype=endpoint\ncontext=in\n"


def suggestion(*edits: Edit) -> Suggestion:
    return Suggestion("pjsip.conf", 1, "a", "a", (), edits)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("match=203.0.113.1", "match=203.0.113.2"),
        ("match = 203.0.113.1 ; the first", "match = 203.0.113.2"),
        ("\tmatch   =>203.0.113.1", "\tmatch   =>203.0.113.2"),
        ("match += 203.0.113.1", "match = 203.0.113.2"),
        ("", "match=203.0.113.2"),
        ("[a]", "match=203.0.113.2"),
    ],
)
def test_a_new_line_takes_the_style_of_its_neighbour(model: str, line: str) -> None:
    assert style_line(model, "match", "203.0.113.2") == line


def test_a_changed_line_keeps_its_comment() -> None:
    assert with_value("auth = x ; why", "y") == "auth = y ; why"
    assert with_name("auth = x\\;1 ; why", "outbound_auth") == "outbound_auth = x\\;1 ; why"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False], ids=["with a last line end", "without a last line end"])
def test_a_diff_applies_to_any_line_ends(tmp_path: Path, end: str, last: bool) -> None:
    text = TEXT.replace("\n", end)
    (tmp_path / "pjsip.conf").write_bytes((text if last else text.removesuffix(end)).encode())
    edits = (Edit("pjsip.conf", 2, ("type=endpoint",), ("type = endpoint",)), Edit("pjsip.conf", 4, (), ("x=1", "y=2")))
    patch = diff([suggestion(*edits)], load_config(tmp_path))
    done = subprocess.run(
        ["patch", "-p1", "--binary"], input=patch.encode(), cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    wanted = "[a]\ntype = endpoint\ncontext=in\nx=1\ny=2\n"
    assert (tmp_path / "pjsip.conf").read_bytes() == wanted.replace("\n", end).encode()


def test_bytes_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_bytes(b"; caf\xe9\n" + TEXT.encode())
    config = load_config(tmp_path)
    assert write([suggestion(Edit("pjsip.conf", 4, ("context=in",), ("context=out",)))], config, tmp_path / "new") == [
        "pjsip.conf"
    ]
    assert (tmp_path / "new" / "pjsip.conf").read_bytes() == b"; caf\xe9\n[a]\ntype=endpoint\ncontext=out\n"


def test_two_suggestions_that_share_an_edit_make_it_once(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(TEXT)
    edit = Edit("pjsip.conf", 4, (), ("x=1",))
    write([suggestion(edit), suggestion(edit)], load_config(tmp_path), tmp_path / "new")
    assert (tmp_path / "new" / "pjsip.conf").read_text() == TEXT + "x=1\n"


def test_the_copy_has_the_files_that_do_not_change(tmp_path: Path) -> None:
    (tmp_path / "trunks").mkdir()
    (tmp_path / "pjsip.conf").write_text("#include trunks/*.conf\n" + TEXT)
    (tmp_path / "trunks" / "one.conf").write_text("[b]\ntype=endpoint\n")
    write([], load_config(tmp_path), tmp_path / "new")
    assert (tmp_path / "new" / "trunks" / "one.conf").read_text() == "[b]\ntype=endpoint\n"


def test_the_original_is_never_written(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(TEXT)
    with pytest.raises(PjsipdiagError, match="is an input"):
        write([suggestion(Edit("pjsip.conf", 4, (), ("x=1",)))], load_config(tmp_path), tmp_path / "." / "")
    assert (tmp_path / "pjsip.conf").read_text() == TEXT


@pytest.mark.parametrize("end", "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
def test_only_a_newline_ends_a_line(tmp_path: Path, end: str) -> None:
    text = f"[a]\ntype=endpoint ; see wiki{end}context=other"
    (tmp_path / "pjsip.conf").write_bytes(text.encode())
    config = load_config(tmp_path)
    added = [suggestion(Edit("pjsip.conf", 3, (), ("context=in",)))]
    write(added, config, tmp_path / "new")
    assert (tmp_path / "new" / "pjsip.conf").read_bytes() == f"{text}\ncontext=in\n".encode()
    done = subprocess.run(
        ["patch", "-p1"], input=diff(added, config).encode(), cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "pjsip.conf").read_bytes() == (tmp_path / "new" / "pjsip.conf").read_bytes()


@pytest.mark.parametrize("name", ["a\n+++ b.conf", "a\tb.conf", 'a"b\\c.conf', "\u202ea.conf"])
def test_a_name_that_patch_may_misread_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "pjsip.conf").write_text("#include d/*\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_text(TEXT)
    with pytest.raises(PjsipdiagError, match="no diff can name this file"):
        diff([Suggestion(f"d/{name}", 1, "a", "a", (), (Edit(f"d/{name}", 4, (), ("x=1",)),))], load_config(tmp_path))


def test_a_secret_is_no_context_of_a_diff(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[a]\ntype=auth\npassword=hidden1\nusername=u\n")
    config = load_config(tmp_path)
    assert "hidden1" not in diff([suggestion(Edit("pjsip.conf", 5, (), ("realm=x",)))], config)
    with pytest.raises(PjsipdiagError, match="secret"):
        diff([suggestion(Edit("pjsip.conf", 3, ("password=hidden1",), ("password=x",)))], config)


def test_edits_are_made_in_the_text_that_was_loaded(tmp_path: Path) -> None:
    """Whatever has become of the file since; a text that stands in for a file counts, and one in memory."""
    (tmp_path / "pjsip.conf").write_text("[old]\n")
    edited = suggestion(Edit("pjsip.conf", 4, (), ("x=1",)))
    for config in (
        load_config(tmp_path, overlay={"pjsip.conf": TEXT}),
        load_config(None, overlay={"pjsip.conf": TEXT}),
    ):
        (tmp_path / "pjsip.conf").write_text("[new]\n" * 9)
        assert "+x=1" in diff([edited], config)
        assert apply_edits(config, edited.edits) == {"pjsip.conf": f"{TEXT}x=1\n"}


def test_a_configuration_that_is_loaded_again_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("#include d/*.conf\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.conf").write_text(TEXT)
    disk = Disk()
    before = load_config(tmp_path, disk=disk)
    (tmp_path / "d" / "a.conf").write_text("[b]\ntype=endpoint\n")
    (tmp_path / "d" / "c.conf").write_text("[c]\ntype=endpoint\n")
    after = load_config(tmp_path, disk=disk, overlay={"d/a.conf": f"{TEXT}allow=alaw\n"})
    assert [*before.endpoints] == [*after.endpoints] == ["a"]
    assert after.endpoints["a"].value("allow") == "alaw"
    assert [*load_config(tmp_path).endpoints] == ["b", "c"]


ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
WORDS = st.text(st.sampled_from(f"a=; \t[]é{ENDS}"), max_size=40)


@settings(max_examples=100)
@given(text=WORDS, at=st.integers(0, 50), new=st.sampled_from(["x=1", "match = 203.0.113.9"]))
def test_an_insertion_goes_where_it_was_announced(text: str, at: int, new: str) -> None:
    """Lines are counted by line feeds alone, in the copy and in the diff; nothing else changes."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "etc"
        folder.mkdir()
        (folder / "pjsip.conf").write_bytes(f"{TEXT};{text}".encode())
        config = load_config(folder)
        pieces = [piece for piece in re.split(rb"(?<=\n)", f"{TEXT};{text}".encode()) if piece]
        number = min(at, len(pieces))
        edits = [suggestion(Edit("pjsip.conf", number + 1, (), (new,)))]
        write(edits, config, Path(place) / "new")
        if number and not pieces[number - 1].endswith(b"\n"):
            pieces[number - 1] += b"\n"
        made = (Path(place) / "new" / "pjsip.conf").read_bytes()
        assert made == b"".join([*pieces[:number], new.encode() + b"\n", *pieces[number:]])
        patch = ["patch", "-p1", "--binary", "--fuzz=0", "-s"]
        done = subprocess.run(patch, input=diff(edits, config).encode(), cwd=folder, capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"")
        assert (folder / "pjsip.conf").read_bytes() == made


@pytest.mark.parametrize("name", ["a b.conf", "a  b c.conf", "é.conf", "a'b$c.conf", "-x.conf"])
def test_a_name_that_patch_reads_is_patched(tmp_path: Path, name: str) -> None:
    (tmp_path / "pjsip.conf").write_text("#include d/*\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_text(TEXT)
    made = diff([Suggestion("", 1, "a", "a", (), (Edit(f"d/{name}", 4, (), ("x=1",)),))], load_config(tmp_path))
    done = subprocess.run(["patch", "-p1"], input=made.encode(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "d" / name).read_text() == f"{TEXT}x=1\n"
    assert (tmp_path / "pjsip.conf").read_text() == "#include d/*\n"


@pytest.mark.parametrize("end", [*ENDS[1:], "", " ", "\n;"])
def test_what_is_suggested_loads_with_one_rule_more(tmp_path: Path, end: str) -> None:
    """All rules are compared, not only those that calls of the capture meet: no comment becomes a line that counts."""
    demo = Path(__file__).parents[2] / "fixtures" / "demo"
    etc = tmp_path / "etc"
    etc.mkdir()
    text = (demo / "etc" / "pjsip.conf").read_text().rstrip("\n")
    (etc / "pjsip.conf").write_bytes(f"{text} ; see wiki{end}match=198.51.100.0/24".encode())
    out = tmp_path / "out"
    arguments = ["suggest", str(demo / "capture.pcap"), "-c", str(etc), "-o", str(out)]
    CliRunner().invoke(main, arguments, catch_exceptions=False)
    before, after = (
        {(one.name, rule.network, rule.mask) for one in load_config(place).identifies for rule in one.rules}
        for place in (etc, out)
    )
    assert before <= after
    assert {ipaddress.IPv4Address(network) for _, network, _ in after - before} == {
        ipaddress.IPv4Address("203.0.113.13")
    }
