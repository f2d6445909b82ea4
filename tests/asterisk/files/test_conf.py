"""The file grammar as far as recordings do not show it: places, files, and what is said about what was passed over."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.files.conf import parse
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.releases import release
from pjsipdiag.asterisk.section import Where
from pjsipdiag.errors import ConfigError

NEWEST, OLDEST = release("23"), release("16.0.0")


def test_variables_keep_the_line_they_were_written_on() -> None:
    files = Files(
        None,
        {
            "pjsip.conf": "[tpl](!)\ntype=endpoint\n\n[a](tpl)\ncontext=x\n#include more.conf\n[a](+)\naors=a\n",
            "more.conf": "callerid=later\n",
        },
    )
    parsed = parse("pjsip.conf", files, NEWEST)
    assert parsed.files == ("pjsip.conf", "more.conf")
    template, section = parsed.sections
    assert (template.name, template.is_template) == ("tpl", True)
    assert section.where == Where("pjsip.conf", 4, "a")
    assert section.parents == ("tpl",)
    assert [(v.name, v.value, v.where) for v in section.variables] == [
        ("type", "endpoint", Where("pjsip.conf", 2, "tpl")),
        ("context", "x", Where("pjsip.conf", 5, "a")),
        ("callerid", "later", Where("more.conf", 1, "a")),
        ("aors", "a", Where("pjsip.conf", 8, "a")),
    ]


def test_a_rejected_file_names_line_and_reason() -> None:
    parsed = parse("pjsip.conf", Files(None, {"pjsip.conf": "[a]\ntype=endpoint\n[b](nope)\n"}), NEWEST)
    assert not parsed.is_valid
    (problem,) = parsed.rejected_files
    assert problem.where == Where("pjsip.conf", 3, "b")
    assert "category 'nope' does not exist, line 3 of /etc/asterisk/pjsip.conf" in problem.log


def test_an_error_in_an_included_file_ends_only_that_file() -> None:
    files = Files(None, {"pjsip.conf": "#include bad.conf\n[after]\n", "bad.conf": "[before]\n[broken\n[lost]\n"})
    parsed = parse("pjsip.conf", files, NEWEST)
    assert parsed.is_valid
    assert [section.name for section in parsed.sections] == ["before", "after"]
    assert parsed.rejected_files[0].where == Where("bad.conf", 2, "broken")


def test_all_includes_that_lead_nowhere_are_named_and_a_copy_goes_on_without_them() -> None:
    text = "#include a.conf\n[x]\n#include b/*.conf\n#tryinclude c.conf\n#include d.conf\n[y]\n"
    files = Files(None, {"pjsip.conf": text, "d.conf": "#include e.conf\n[z]\n"})
    parsed, copy = parse("pjsip.conf", files, NEWEST), parse("pjsip.conf", files, NEWEST, partial=True)
    assert [one.why["file"] for one in parsed.missing_files] == ["a.conf", "b/*.conf", "e.conf"]
    assert parsed.missing_files == copy.missing_files
    assert (parsed.is_valid, len(parsed.rejected_files)) == (False, 1)
    assert (copy.is_valid, copy.rejected_files, [section.name for section in copy.sections]) == (
        True,
        (),
        ["x", "z", "y"],
    )


def test_a_byte_order_mark_ends_the_file_before_16_8() -> None:
    files = Files(None, {"pjsip.conf": "\ufeff[a]\ntype=endpoint\n"})
    assert [section.name for section in parse("pjsip.conf", files, NEWEST).sections] == ["a"]
    assert not parse("pjsip.conf", files, OLDEST).is_valid


def test_exec_is_said_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(f"[a]\n#exec /usr/bin/touch {tmp_path}/ran\n")
    parsed = parse("pjsip.conf", Files(tmp_path), NEWEST)
    unknown = f"what #exec /usr/bin/touch {tmp_path}/ran writes is not known"
    assert [one.reason.startswith(f"{unknown}, if it is run") for one in parsed.programs] == [True]
    (tmp_path / "asterisk.conf").write_text("[options]\nexecincludes = yes\n")
    runs = f"{unknown}; asterisk.conf has execincludes=yes, so Asterisk runs it"
    assert [one.reason for one in parse("pjsip.conf", Files(tmp_path), NEWEST).programs] == [runs]
    (tmp_path / "asterisk.conf").write_text("[options]\n")
    parsed = parse("pjsip.conf", Files(tmp_path), NEWEST)
    assert [(w.where.line, "#exec does nothing" in w.reason) for w in parsed.warnings] == [(2, True)]
    assert not parsed.programs
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ("[options]\nexecincludes=no\n[options]\nexecincludes=yes\n", False),
        ("[options]\nexecincludes=yes\n[options]\nexecincludes=no\n", True),
        ("[options](!)\nexecincludes=yes\n", False),
        ("[options]\nexecincludes=no\nexecincludes=yes\n", True),
        ("[options]\nexecincludes=no\n[options](+)\nexecincludes=yes\n", True),
        ("[options]\n;-- execincludes=no --;\nexecincludes=yes ; of course\n", True),
        ("[options]\n;-- not yet\nexecincludes=yes\n", False),
        ("[options]\n; see ;-- in the sample\nexecincludes=yes\n", True),
    ],
)
def test_the_first_options_of_asterisk_conf_allow_programs(options: str, runs: bool) -> None:
    """As real Asterisk 22.10.1 runs them."""
    assert Files(None, {"asterisk.conf": options}).runs_programs is runs


@pytest.mark.parametrize(
    ("directories", "etc"),
    [
        ("[directories](!)\nastetcdir => /etc/built-in\n", "/etc/built-in"),
        ("[directories](!)\nastetcdir => /etc/built-in\n[directories]\nastetcdir => /opt/pbx\n", "/opt/pbx"),
        ("[directories]\nastetcdir => /opt/pbx\n[directories]\nastetcdir => /opt/other\n", "/opt/pbx"),
        ("[directories]\nastetcdir => /opt/pbx\n[directories](!)\nastetcdir => /etc/built-in\n", "/opt/pbx"),
    ],
)
def test_the_first_directories_that_are_no_template_count(directories: str, etc: str) -> None:
    """`ast_category_get` passes over templates; the sample's, alone, shows what was built in."""
    assert Files(None, {"asterisk.conf": directories}).etc == etc


def test_comments_that_nobody_closes_are_read_once() -> None:
    start = process_time()
    assert Files(None, {"asterisk.conf": ";--x" * 250_000 + "\n" + ";--x\n" * 250_000}).etc == "/etc/asterisk"
    assert process_time() - start < 5


def test_an_open_comment_is_where_it_begins_whatever_opened_and_closed_inside_it() -> None:
    """Asterisk 16.28.0 and 22.10.1 log line 2 of this text."""
    text = "[a]\ntype=x;-- open\ncontext=y\n;-- a --;auth=z\n"
    (problem,) = parse("pjsip.conf", Files(None, {"pjsip.conf": text}), NEWEST).warnings
    assert problem.where == Where("pjsip.conf", 2)
    assert problem.log == "Unterminated comment detected beginning on line 2"


def test_a_directory_that_was_copied_keeps_its_absolute_includes(tmp_path: Path) -> None:
    (tmp_path / "asterisk.conf").write_text("[directories]\nastetcdir => /opt/pbx/etc\n")
    (tmp_path / "pjsip.conf").write_text("#include /opt/pbx/etc/own.conf\n#include /etc/asterisk/std.conf\n")
    (tmp_path / "own.conf").write_text("[own]\n")
    (tmp_path / "std.conf").write_text("[std]\n")
    parsed = parse("pjsip.conf", Files(tmp_path), NEWEST)
    assert [section.name for section in parsed.sections] == ["own", "std"]


def test_an_overlay_stands_in_for_files_and_adds_some(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("#include d/*.conf\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.conf").write_text("[one]\n")
    overlay = {"d/1.conf": "[changed]\n", "d/2.conf": "[new]\n"}
    parsed = parse("pjsip.conf", Files(tmp_path, overlay), NEWEST)
    assert [section.name for section in parsed.sections] == ["changed", "new"]


def test_an_unreadable_include_is_an_error_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("#include secret.conf\n")

    class Locked(Files):
        def read(self, name: str) -> bytes | None:
            if name == "secret.conf":
                raise ConfigError(f"cannot read {name}: Permission denied")
            return super().read(name)

    (tmp_path / "secret.conf").write_text("[x]\n")
    with pytest.raises(ConfigError, match=r"cannot read secret\.conf"):
        parse("pjsip.conf", Locked(tmp_path), NEWEST)


def test_templates_that_multiply_without_end_are_refused() -> None:
    text = "[t0](!)\n" + "a=1\n" * 64
    text += "".join(f"[t{n}](!,{','.join([f't{n - 1}'] * 16)})\n" for n in range(1, 9))
    with pytest.raises(ConfigError, match="multiply"):
        parse("pjsip.conf", Files(None, {"pjsip.conf": text}), NEWEST)


def test_a_file_that_includes_itself_ends_where_asterisk_ends() -> None:
    files = Files(None, {"pjsip.conf": "[a]\n#include pjsip.conf\n#include pjsip.conf\n"})
    parsed = parse("pjsip.conf", files, NEWEST)
    assert len(parsed.sections) == 11
    too_deep = [w.where for w in parsed.warnings if "Maximum Include level (10) exceeded" in w.log]
    assert too_deep
    assert not parsed.missing_files  # it is there
    assert parsed.rejected_files
    assert all(problem.reason.startswith("includes nest too deep") for problem in parsed.rejected_files)
    assert {(where.file, where.line in (2, 3)) for where in too_deep} == {("pjsip.conf", True)}


def test_files_that_include_one_another_without_end_are_given_up(tmp_path: Path) -> None:
    for name in ("pjsip.conf", "b.conf", "c.conf"):
        (tmp_path / name).write_text("[x]\n" + "#tryinclude *\n" * 3)
    warnings = parse("pjsip.conf", Files(tmp_path), NEWEST).warnings
    assert any("include one another without end" in warning.reason for warning in warnings)


@given(st.binary(max_size=300), st.sampled_from([b"", b"[a]\ntype=endpoint\n", b"[a](!)\n[b](a)\n"]))
def test_no_bytes_break_the_parser(tail: bytes, head: bytes) -> None:
    files = Files(None, {})
    files.overlay["pjsip.conf"] = head + tail
    parsed = parse("pjsip.conf", files, NEWEST)
    assert parsed.is_found
    for section in parsed.sections:
        assert len(section.name.encode("utf-8", "surrogateescape")) <= 79


_NAMES = st.text(st.sampled_from("abcXYZ019_-. @"), min_size=1, max_size=12).map(str.strip).filter(bool)
_VALUES = st.text(st.sampled_from("abcXYZ019_-. @=:/,<>\"'[]()!"), max_size=20).map(str.strip)


@given(st.lists(st.tuples(_NAMES, st.lists(st.tuples(_NAMES, _VALUES), max_size=4)), max_size=5))
def test_what_is_written_plainly_is_read_back(sections: list[tuple[str, list[tuple[str, str]]]]) -> None:
    text = "".join(f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in rows) for name, rows in sections)
    parsed = parse("pjsip.conf", Files(None, {"pjsip.conf": text}), NEWEST)
    read = [(s.name, [(v.name, v.value) for v in s.variables]) for s in parsed.sections]
    assert read == [(name, rows) for name, rows in sections]
