"""A running Asterisk, by the answers that real ones gave: what is loaded, and what it does with requests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.addresses.address_rule import canonical
from pjsipdiag.asterisk.live import cli_answers, saved
from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.asterisk.live.loaded_otherwise import loaded_otherwise
from pjsipdiag.asterisk.live.running import running_config
from pjsipdiag.asterisk.live.snapshot import Item, LiveAnswers, LiveError, WantedNames
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.loading.show_output import without_colours
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.cli.group import main
from pjsipdiag.diagnosis.basis.name_sources import load
from pjsipdiag.diagnosis.configuration import check
from tests.asterisk.live import servers
from tests.asterisk.live.servers import command
from tests.conformance import message, verdict_differences

FIXTURES = Path(__file__).parents[3] / "fixtures" / "live"
NAMES = Hosts({
    "sbc.example.net": ["203.0.113.100", "203.0.113.101", "2001:db8:5:1::1"],
    "sbc2.example.net": ["203.0.113.110"],
}, complete=True)  # fmt: skip


@pytest.fixture(scope="module", params=["22", "16"])
def version(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture(scope="module")
def live(version: str) -> LiveAnswers:
    return ask_live(command(version), WantedNames(("alias.example",)))


def recorded(version: str) -> list[dict[str, Any]]:
    found = json.loads((FIXTURES / f"{version}.json").read_text())["requests"]
    assert isinstance(found, list)
    return found


def test_it_holds_what_the_files_load(version: str, live: LiveAnswers) -> None:
    release = {"22": "22.10.1", "16": "16.28.0"}[version]
    files, running = load_config(FIXTURES / f"etc{version}", release, NAMES), running_config(live)
    assert running.version == release
    ours = {one.name: sorted(map(canonical, one.rules)) for one in running.identifies}
    theirs = {one.name: sorted(map(canonical, one.rules)) for one in files.identifies}
    resolved = {"trunk-id-srv"}  # SRV records are in no table of names
    assert {name: rules for name, rules in ours.items() if name not in resolved} == theirs
    assert set(running.endpoints) == set(files.endpoints)
    assert {t.name: (t.bind, t.port, t.domain) for t in running.transports.values()} == {
        t.name: (t.bind, t.port, t.domain) for t in files.transports.values()
    }
    assert running.identifiers[:2] == ("line", "ip")
    assert set(running.domain_aliases) == {"alias.example"}
    assert [r.line for r in running.registrations.values()] == [True]


def test_its_verdicts_are_asterisks_or_unknown_for_a_reason(version: str, live: LiveAnswers) -> None:
    config = running_config(live)
    alone, let_in = Replay(config), Replay(replace(config, not_shown=config.not_shown - {"acl"}))
    for request in recorded(version):
        assert alone.verdict(message(request, {})).outcome is Outcome.UNKNOWN  # type=acl is never shown
        verdict = let_in.verdict(message(request, {}))
        if verdict.outcome is Outcome.UNKNOWN:
            reasons = [check.reason for check in verdict.trace if check.match == "unknown"]
            assert [r for r in reasons if not r.startswith(("of several access lists", "a running Asterisk"))] == []
            assert (verdict.endpoint, verdict.identify) == (
                request["expect"]["endpoint"],
                request["expect"]["identify"],
            )
        else:
            assert verdict_differences(request["expect"], verdict) == []


def test_what_was_saved_is_what_was_told(live: LiveAnswers, tmp_path: Path) -> None:
    path = tmp_path / "told.conf"
    path.write_text(saved.to_text(live))
    assert ask_live(str(path)) == replace(live, file="told.conf")


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20), max_size=4))
def test_any_value_is_saved_and_read(values: list[str]) -> None:
    values = [value.strip() for value in values]
    item = Item("identify", "i", tuple(("match_header", value) for value in values))
    live = LiveAnswers("a", "22.10.1", ("ip",), ("res_pjsip",), (item,))
    assert saved.from_text(saved.to_text(live), "x").items == (item,)


def test_no_secret_is_kept(live: LiveAnswers) -> None:
    text = saved.to_text(live)
    assert "very-secret" not in text
    assert "password" not in text.split("\n", 1)[1]


@given(st.text())
def test_any_answer_is_taken_apart(text: str) -> None:
    text = without_colours(text)
    for take in (
        cli_answers.identifiers,
        cli_answers.identifies,
        cli_answers.endpoints,
        cli_answers.transports,
        cli_answers.registrations,
    ):
        take(text)
    for take_too in (cli_answers.rows, cli_answers.rules, cli_answers.acls, cli_answers.modules, cli_answers.auths):
        list(take_too(text))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("false", "core show version"),
        ("no-such-command-anywhere -rx", "cannot run no-such-command-anywhere"),
        ("echo", "names no release"),
        ("yes", "longer than any of Asterisk"),
        ("", "names no command"),
        ("'unclosed", "No closing quotation"),
        ("ami://pbx", "takes a command"),
    ],
)
def test_what_cannot_be_asked_is_one_line(asked: str, said: str) -> None:
    with pytest.raises(LiveError, match=said) as error:
        ask_live(asked)
    assert "\n" not in str(error.value)


def test_files_that_were_edited_and_not_reloaded_are_named(version: str, tmp_path: Path) -> None:
    for path in (FIXTURES / f"etc{version}").iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    conf = tmp_path / "pjsip.conf"
    text = conf.read_text().replace("203.0.113.12", "203.0.113.13").replace("[dangling-id]", "[renamed-id]")
    conf.write_text(text.replace("context=from-internal", "context=elsewhere"))
    arguments = ["check", "-c", str(tmp_path), "--live", command(version), "-q", "--format", "json"]
    report = json.loads(CliRunner().invoke(main, arguments).stdout)
    found = [finding["message"] for finding in report["findings"] if finding["rule"] == "loaded-otherwise"]
    named = sorted(text.split("'")[1] for text in found)
    assert named == ["dangling-id", "phone-6001", "renamed-id", "trunk-id-plain"]


def test_files_that_are_loaded_as_they_are_have_no_difference(version: str) -> None:
    arguments = ["check", "-c", str(FIXTURES / f"etc{version}"), "--live", command(version), "-q"]
    assert "loaded-otherwise" not in CliRunner().invoke(main, arguments).stdout


def test_no_named_list_denies_where_acl_conf_was_refused() -> None:
    assert cli_answers.acls("\nacl\n---\nACL configuration isn't available.\n") == []
    assert cli_answers.acls("\nacl\n---\none\ntwo words\n") == ["one", "two words"]


def test_the_addresses_of_a_name_stand_in_any_order(version: str, live: LiveAnswers) -> None:
    """Asterisk resolves a name to its addresses of both families, the newer one first or last."""
    files = load_config(FIXTURES / f"etc{version}", running_config(live).version, NAMES)
    turned = tuple(
        replace(one, rules=one.rules[::-1]) if one.unresolved or one.rules[1:] else one for one in files.identifies
    )
    found = {
        str(one.reason).split("'")[1]
        for one in loaded_otherwise(replace(files, identifies=turned), running_config(live), live)
    }
    assert "trunk-id-name" not in found
    assert "trunk-id-plain" in found


def test_a_host_without_alias_was_asked_for_where_the_function_runs(version: str, tmp_path: Path) -> None:
    """AST_SORCERY fails for an object that is not there, and where no module has it."""
    wanted = WantedNames(("alias.example", "pbx.example"))
    config = running_config(ask_live(command(version), wanted))
    assert config.aliases_asked == frozenset({"alias.example", "pbx.example"})
    answers = servers.told(version)
    del answers["module show like func_sorcery"]
    live = ask_live(servers.program(answers, tmp_path / "asterisk"), wanted)
    assert running_config(live).aliases_asked == frozenset()
    assert live.unknown == ("aliases of domains could not be asked for: func_sorcery does not run",)


def test_a_shown_difference_is_what_differs_and_its_line(tmp_path: Path) -> None:
    kept = ",".join(f"198.51.100.{number}" for number in range(60))
    section = "[a]\ntype={type}\nendpoint=e\nmatch={kept}\nmatch={match}\n"
    (tmp_path / "pjsip.conf").write_text(section.format(type="identify", kept=kept, match="192.0.2.0/24"))
    told = "[asterisk]\ntype=live\nversion=22.10.1\n" + section.format(
        type="identify", kept=kept, match="192.0.2.0/255.255.255.128"
    )
    (problem,) = load(tmp_path, {}, saved.from_text(told, "told")).otherwise
    assert problem.reason == (
        "identify 'a': loaded is match=192.0.2.0/25 beside 60 that both have, written match=192.0.2.0/24 beside 60"
        " that both have (pjsip.conf:5)"
    )


def test_a_saved_file_that_is_cut_off_is_one_line(live: LiveAnswers) -> None:
    lines = saved.to_text(live).splitlines(keepends=True)
    for kept in (1, len(lines) // 2, len(lines) - 1):
        with pytest.raises(LiveError, match="is cut off"):
            saved.from_text("".join(lines[:kept]), "pbx.live")


def test_saving_without_asking_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", "-c", str(tmp_path), "--save-live", str(tmp_path / "pbx.live")])
    assert (result.exit_code, "--save-live saves what --live asks for" in result.output) == (2, True)


def test_what_runs_did_load(live: LiveAnswers) -> None:
    assert not [one for one in check(running_config(live)) if one.rule == "not-loaded"]
