"""The manager interface over a real socket, with what real ones answered."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pjsipdiag.asterisk.addresses.address_rule import canonical
from pjsipdiag.asterisk.dialplan.find import Presence, find
from pjsipdiag.asterisk.live import ami, interface, saved
from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.asterisk.live.running import running_config
from pjsipdiag.asterisk.live.snapshot import LiveError, WantedNames
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.basis.name_sources import load
from tests.asterisk.live import servers
from tests.asterisk.live.servers import command
from tests.asterisk.live.test_running import recorded as requests
from tests.conformance import message

WANTED = WantedNames(
    ("alias.example", "203.0.113.10"), dialplan=True,
    names={"identify": ("dangling-id", "dropped-id", "trunk-id-plain"), "transport": ("transport-udp",)},
)  # fmt: skip
SHOWING = (
    "ListCommands",
    "Command",
    "CoreSettings",
    "ModuleCheck",
    "PJSIPShow",
    "Getvar",
    "ShowDialPlan",
)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interface.SECRET, servers.SECRET)


@pytest.mark.parametrize("version", ["22", "16"])
def test_with_command_it_tells_what_the_command_line_does(version: str) -> None:
    asked: list[str] = []
    with servers.manager(servers.with_command(version), asked) as address:
        over_ami = ask_live(address, WANTED)
    by_command = ask_live(command(version), WANTED)
    assert replace(over_ami, origin="") == replace(by_command, origin="")
    assert all(question.startswith(SHOWING) for question in asked)
    assert not [question for question in asked if " auth" in question]


@pytest.mark.parametrize("name", ["22-system", "22-reporting", "16-system"])
def test_without_command_nothing_is_certain_and_what_is_missing_is_said(name: str) -> None:
    version = name[:2]
    asked: list[str] = []
    with servers.manager(servers.recorded(name)["ami"], asked) as address:
        live = ask_live(address, WANTED)
    full = ask_live(command(version), WANTED)
    assert all(question.startswith(SHOWING) for question in asked)
    assert {item.name for item in live.of("endpoint")} == {item.name for item in full.of("endpoint")}
    theirs = {item.name: item.all("match") for item in full.of("identify")}
    dangling = {item.name for item in full.of("identify") if item.first("endpoint") == "no-such-endpoint"}
    ours = {item.name: tuple(",".join(item.all("match")).split(",")) for item in live.of("identify")}
    # names that have no address here were not loaded when this was recorded
    assert set(theirs) - set(ours) - {"trunk-id-srv"} == (set() if "reporting" in name else dangling)
    assert all(sorted(ours[name]) == sorted(theirs[name]) for name in ours if theirs[name] and "trunk-id" in name)
    (said,) = live.unknown
    assert "AMI privilege command" in said
    assert ("the global settings" in said) == ("reporting" not in name)
    replay = Replay(running_config(live))
    for request in requests(version):
        assert replay.verdict(message(request, {})).outcome is Outcome.UNKNOWN


def test_with_reporting_it_tells_aliases_settings_and_the_dialplan() -> None:
    with servers.manager(servers.recorded("22-reporting")["ami"]) as address:
        config = running_config(ask_live(address, WANTED))
    assert set(config.domain_aliases) == {"alias.example"}
    assert config.globals.endpoint_identifier_order == "ip,header,request_uri,username,auth_username,anonymous"
    assert config.transports["transport-udp"].domain == "udp.example"
    dialplan = config.dialplan()
    assert dialplan is not None
    assert find(dialplan, "from-internal", "100").presence is Presence.FOUND
    assert find(dialplan, "from-anonymous", "9").presence is Presence.MISSING
    assert find(dialplan, "from-anonymous", "200").presence is Presence.FOUND


@pytest.mark.parametrize("name", ["22-system", "22-reporting", "16-system"])
def test_passwords_that_it_tells_are_not_kept(name: str) -> None:
    answers = servers.recorded(name)["ami"]
    assert "very-secret-6001" in "".join(answers.values())
    with servers.manager(answers) as address:
        text = saved.to_text(ask_live(address, WANTED))
    assert "secret" not in text


def test_a_wrong_secret_is_one_line_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interface.SECRET, "not the one")
    with servers.manager({}) as address, pytest.raises(LiveError, match="Authentication failed") as error:
        ask_live(address)
    assert "not the one" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_user_who_may_ask_nothing_is_one_line() -> None:
    nothing = {"ListCommands": "Response: Success\r\nPing: Keepalive command.  (Priv: <none>)"}
    with servers.manager(nothing) as address, pytest.raises(LiveError, match="write=system,reporting"):
        ask_live(address)


@pytest.mark.parametrize(
    ("said", "stay", "reason"),
    [
        (b"", True, "no answer within"),
        (b"Asterisk Call Manager/11.0.0\r\n", True, "Challenge MD5: no answer within"),
        (b"Asterisk Call Manager/11.0.0\r\n", False, "connection was closed|reset"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", True, "no manager interface"),
        (b"\xff\x00" * 1000, False, "closed|reset"),
        (b"x" * (ami.MOST_LINE + 70_000), True, "longer than any of Asterisk"),
    ],
)
def test_whoever_else_answers_is_one_line_in_time(
    said: bytes, stay: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ami, "ANSWER_SECONDS", 0.3)
    started = time.monotonic()
    with servers.saying(said, stay=stay) as port, pytest.raises(LiveError, match=reason) as error:
        ask_live(f"ami://diag@127.0.0.1:{port}")
    assert "\n" not in str(error.value)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", ["22-system", "22-reporting", "16-system"])
def test_names_beside_files_stand_for_the_addresses_that_it_has(name: str) -> None:
    """It tells all rules of an identify in one value, with commas."""
    etc = servers.FIXTURES / f"etc{name[:2]}"
    with servers.manager(servers.recorded(name)["ami"]) as address:
        live = ask_live(address)
    config = load(etc, {"asterisk": live.version}, live)
    named = next(identify for identify in config.identifies if identify.name == "trunk-id-name")
    addresses = ("2001:db8:5:1::1", "203.0.113.100", "203.0.113.101")
    assert [canonical(rule).partition("/")[0] for rule in named.rules] == [*addresses]
    assert not any(identify.unresolved for identify in config.identifies)
    assert config.otherwise == ()
