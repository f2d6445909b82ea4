"""Every value and every section of fixtures/options is taken or dropped as real Asterisk did."""

import json
import re
from importlib import resources

import pytest

from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES, apply, default, first_releases, knows, names
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.values import HANDLERS
from tests.asterisk.loading.values import cases

OPTIONS = [(name, option) for name in cases.option_files() for option in cases.options(name)]


def readable(path: str) -> bool:
    return path in cases.READABLE


def has_profile(name: str) -> bool:
    return name in cases.PROFILES


SECRET = r"(Error parsing (?:md5_cred|password_digest)=).*(?= at line)"
"""What Asterisk prints and we hide."""


@pytest.mark.parametrize(("file", "option"), OPTIONS, ids=lambda text: text)
def test_each_value_is_taken_by_the_releases_that_took_it(file: str, option: str) -> None:
    object_type = file.removesuffix(".toml")
    for value, takers in cases.expected(cases.options(file)[option]):
        section = cases.section(object_type, "s", cases.with_option(cases.base(file), option, value))
        taken = {
            branch
            for branch, version in cases.RELEASES.items()
            if apply(object_type, section, version, readable, has_profile).problem is None
        }
        assert taken == takers, f"{option}={value}"


@pytest.mark.parametrize("case", cases.sections(), ids=lambda case: f"{case['type']} {' '.join(case['lines'])}"[:70])
@pytest.mark.parametrize("branch", cases.RELEASES)
def test_each_section_is_dropped_in_asterisks_words(case: dict[str, str], branch: str) -> None:
    section = cases.section(case["type"], "NAME", [cases.split(line) for line in case["lines"]])
    problem = apply(case["type"], section, cases.RELEASES[branch], readable, has_profile).problem
    recorded = re.sub(
        r"(Error parsing (?:md5_cred|password_digest)=).*(?= at line)", r"\1(hidden)", case[f"log_{branch}"]
    )
    if recorded in ("", "(silent)"):
        assert (problem is None) == (recorded == "")
    else:
        assert problem is not None
        ours, theirs = problem.log.splitlines()[-1], recorded
        place = ours.rfind(" at line ")  # the recorded sections stood further down in their file
        assert ours[:place] == theirs[: theirs.rfind(" at line ")] if place > 0 else ours == theirs


def test_a_refused_value_names_its_line_and_an_included_file() -> None:
    section = cases.section("endpoint", "e", [("context", "a"), ("dtmf_mode", "rfc2833")])
    problem = apply("endpoint", section, "22.10.1").problem
    assert problem is not None
    assert (problem.where.line, problem.log) == (4, "Error parsing dtmf_mode=rfc2833 at line 4 of ")


@pytest.mark.parametrize(
    ("version", "log"), [("18.26.4", "{} for auth 'a'"), ("20.11.1", "{} for auth 'a'"), ("20.12.0", "a: {}")]
)
def test_an_account_of_google_that_lacks_its_secrets_is_dropped_in_the_words_of_the_release(
    version: str, log: str
) -> None:
    section = cases.section("auth", "a", [("auth_type", "google_oauth"), ("username", "u")])
    problem = apply("auth", section, version).problem
    words = "'google_oauth' authentication specified but refresh_token, oauth_clientid, or oauth_secret not specified"
    assert problem is not None
    assert problem.log.splitlines()[0] == log.format(words)


def test_every_handler_of_the_table_is_there_and_used() -> None:
    text = (resources.files("pjsipdiag.asterisk") / "loading" / "options.json").read_text(encoding="utf-8")
    table = json.loads(text)
    used = {entry["handler"] for options in table.values() for entries in options.values() for entry in entries}
    assert used == set(HANDLERS)
    assert set(table) == set(OBJECT_TYPES)


def test_every_default_is_taken() -> None:
    for object_type in OBJECT_TYPES:
        for name in names(object_type, "22.10.1"):
            section = cases.section(object_type, "s", [(name, default(object_type, name, "22.10.1"))])
            problem = apply(object_type, section, "22.10.1").problem
            assert problem is None or not problem.log.startswith("Error parsing"), name


@pytest.mark.parametrize(
    ("object_type", "option", "version", "known"),
    [
        ("endpoint", "allow_unauthenticated_options", "16.17.0", False),
        ("endpoint", "allow_unauthenticated_options", "16.18.0", True),
        ("endpoint", "security_negotiation", "16.28.0", False),
        ("endpoint", "RTP_PORT_START", "22.10.0", True),
        ("endpoint", "rtp_port_start", "21.12.3", False),
        ("identify", "match_request_uri", "20.7.0", False),
        ("identify", "match_request_uri", "20.8.0", True),
        ("identify", "match_request_uri", "17.9.4", False),
        ("identify", "match_request_uri", "19.8.1", False),
        ("endpoint", "allow_unauthenticated_options", "17.9.4", False),
        ("endpoint", "allow_unauthenticated_options", "19.0.0", True),
        ("identify", "transport", "20.8.0", True),
        ("identify", "transport", "20.8.1", False),
        ("endpoint", "tenantid", "certified-20.7-cert2", False),
        ("endpoint", "tenantid", "certified-20.7-cert3", True),
        ("auth", "password_digest", "certified-22.8-cert1", True),
        ("aor", "@anything", "16.0.0", True),
    ],
)
def test_an_option_is_known_from_the_release_that_brought_it(
    object_type: str, option: str, version: str, known: bool
) -> None:
    assert knows(object_type, option, version) is known


NEWER = ("22.11", "22.99.1", "23.5.0", "98", "99.1.0", "GIT-master-6a2f9d1", "GIT-22-6a2f9d1M", "certified-22.8-cert99")
KNOWN_OR_OLDER = ("22.10.1", "22.3.7", "18.20.1", "12", "certified-20.7", "22.10.1~dfsg+~cs6.17.60671434-1")
UNKNOWN_OPTION = {
    "pjsip.conf": "[t]\ntype=transport\nbind=0.0.0.0\nunheard_of=1\n[e]\ntype=endpoint\nUnheard_Of=1\n"
    "[i]\ntype=identify\nendpoint=e\nmatch=192.0.2.1\nunheard_of=1\n"
}


@pytest.mark.parametrize("version", NEWER)
def test_what_nobody_knows_drops_nothing_in_a_newer_release(version: str) -> None:
    config = load_config(None, version, overlay=UNKNOWN_OPTION)
    assert (list(config.transports), list(config.endpoints), len(config.identifies)) == (["t"], ["e"], 1)
    assert {problem.why["release"] for problem in config.warnings} == {version}
    assert config.newer == version


@pytest.mark.parametrize("version", KNOWN_OR_OLDER)
def test_what_nobody_knows_drops_its_object_in_a_known_release(version: str) -> None:
    config = load_config(None, version, overlay=UNKNOWN_OPTION)
    assert not config.transports and not config.endpoints and not config.identifies
    assert not config.newer


def test_an_option_of_other_lines_is_not_new() -> None:
    text = "[e]\ntype=endpoint\n[i]\ntype=identify\nendpoint=e\nmatch=192.0.2.1\ntransport=t\n"
    assert not load_config(None, "22.11", overlay={"pjsip.conf": text}).identifies


def test_the_releases_to_come_are_named_for_an_option_that_they_bring() -> None:
    assert first_releases("transport", "external_signaling_hostname") == ("20.21.0", "22.11.0", "23.5.0")
