"""ARI over a real socket, with what real ones answered."""

from __future__ import annotations

import time

import pytest

from pjsipdiag.asterisk.live import ari, interface, saved
from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.asterisk.live.running import running_config
from pjsipdiag.asterisk.live.snapshot import LiveError, WantedNames
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Outcome
from tests.asterisk.live import servers
from tests.asterisk.live.servers import command
from tests.asterisk.live.test_running import recorded as requests
from tests.conformance import message

NAMES = {
    "identify": ("dangling-id", "dropped-id", "trunk-id-plain"),
    "transport": ("transport-udp",),
    "registration": ("provider-reg",),
}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interface.SECRET, servers.SECRET)


@pytest.mark.parametrize("version", ["22", "16"])
def test_it_tells_what_it_is_asked_for_by_name(version: str) -> None:
    with servers.rest(servers.recorded(f"{version}-system")["ari"]) as address:
        live = ask_live(address, WantedNames(("alias.example",), names=NAMES))
    full = ask_live(command(version))
    assert {item.name for item in live.of("endpoint")} == {item.name for item in full.of("endpoint")}
    told = {item.name: item for item in live.of("identify")}
    assert set(told) == {"dangling-id", "trunk-id-plain", "wiz-identify", "wiz-match-identify"}
    assert told["trunk-id-plain"].all("match") == tuple(f"203.0.113.{n}/255.255.255.255" for n in (10, 11, 12))
    config = running_config(live)
    assert set(config.domain_aliases) == {"alias.example"}
    assert config.transports["transport-udp"].domain == "udp.example"
    assert config.registrations["provider-reg"].line
    assert config.version == {"22": "22.10.1", "16": "16.28.0"}[version]
    assert "secret" not in saved.to_text(live)
    replay = Replay(config)
    for request in requests(version):
        assert replay.verdict(message(request, {})).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({}, "names no release"),
        ({"/asterisk/info": (200, "<html>")}, "no JSON"),
        ({"/asterisk/info": (200, '["version"]')}, "names no release"),
        ({"/asterisk/info": (200, "[" * 100_000)}, "no JSON"),
        ({"/asterisk/info": (503, "{}")}, "answered 503"),
    ],
)
def test_whatever_else_answers_is_one_line(answers: dict[str, tuple[int, str]], reason: str) -> None:
    with servers.rest(answers) as address, pytest.raises(LiveError, match=reason) as error:
        ask_live(address)
    assert "\n" not in str(error.value)


def test_half_a_character_in_a_name_is_asked_for_as_a_sign() -> None:
    answers = {
        "/asterisk/info": (200, '{"system": {"version": "22.10.1\\ud800"}}'),
        "/asterisk/modules": (200, '[{"name": "res_pjsip.so", "status": "Running"}]'),
        "/endpoints/PJSIP": (200, '[{"resource": "a\\udc80"}]'),
        "/asterisk/config/dynamic/res_pjsip/endpoint/a%3F": (200, '[{"attribute": "context", "value": "in"}]'),
    }
    with servers.rest(answers) as address:
        live = ask_live(address)
    assert [one.name for one in live.of("endpoint")] == ["a?"]
    assert saved.to_text(live).encode("utf-8")


def test_a_wrong_password_is_one_line_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interface.SECRET, "not the one")
    with servers.rest({}) as address, pytest.raises(LiveError, match=r"diag is refused \(401\)") as error:
        ask_live(address)
    assert "not the one" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "stay", "reason"),
    [
        (b"", True, "no answer within"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", True, "no answer within"),
        (b"HTTP/1.1 200 OK\r\n", False, "Error|Disconnected|Incomplete|JSON"),
        (b"220 smtp\r\n", False, "BadStatusLine"),
    ],
)
def test_whoever_else_answers_is_one_line_in_time(
    said: bytes, stay: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ari, "ANSWER_SECONDS", 0.3)
    started = time.monotonic()
    with servers.saying(said, stay=stay) as port, pytest.raises(LiveError, match=reason) as error:
        ask_live(f"http://diag@127.0.0.1:{port}")
    assert "\n" not in str(error.value)
    assert time.monotonic() - started < 10
