"""Captures that somebody forged: what he writes lets nobody in, takes nothing away, and accuses nobody."""

from __future__ import annotations

import ipaddress
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pjsipdiag.cli import main
from pjsipdiag.diagnosis.diagnose import Observation
from pjsipdiag.report import render
from pjsipdiag.sip import Address
from tests.diagnosis.carried import BLIND, OPEN, TUNNELS
from tests.diagnosis.faults import faults
from tests.diagnosis.forger import MINE, Call, Honest, HonestCaptures, forge, honest_capture, look
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

FOLDER = Path(__file__).parents[2] / "fixtures" / "adversary"
CASES = json.loads((FOLDER / "cases.json").read_text())

AGENTS = ("", "friendly-scanner", "Asterisk PBX 16.1.0", "Asterisk PBX 23.1.0", "Provider-SBC 4.1", "pplsip")
HEADERS = (
    "Contact: <sip:1@{}>",
    "Via: SIP/2.0/UDP {};branch=z9hG4bKother",
    "P-Asserted-Identity: <sip:2@{}>",
    "Remote-Party-ID: <sip:3@{}>",
    "Record-Route: <sip:{};lr>",
    'Authorization: Digest username="{}",realm="asterisk",nonce="a",uri="sip:x",response="0"',
)
STATUSES = (100, 180, 200, 401, 403, 404, 486, 488, 500)


def run(command: str, case: dict[str, Any], *options: str) -> str:
    arguments = [command, str(FOLDER / case["capture"]), "-c", str(FOLDER / case["config"]), *options]
    return CliRunner().invoke(main, arguments, catch_exceptions=False).stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["capture"])
def test_claims_neither_make_nor_take_a_likely_line(case: dict[str, Any]) -> None:
    values = re.findall(r"^\s*\+\s*match=(\S+)", run("suggest", case, *case["arguments"]), re.MULTILINE)
    networks = [ipaddress.ip_network(value) for value in values]
    let_in = [
        ip for ip in (*case["never_covered"], *case["covered"]) for net in networks if ipaddress.ip_address(ip) in net
    ]
    assert let_in == case["covered"]
    said = " ".join(run("diagnose", case).split())
    assert [words for words in case["never_said"] if words in said] == []


@pytest.fixture(scope="session")
def captures(tmp_path_factory: pytest.TempPathFactory) -> HonestCaptures:
    return HonestCaptures(tmp_path_factory.mktemp("honest"))


def known_addresses(honest: Honest) -> list[str]:
    """Those of the capture and of the files, some beside them, and the adversary's."""
    found = [*sorted(honest.sources), MINE, honest.pbx.ip, "0.0.0.0", "203.0.113.200", "10.7.7.7", "2001:db8::66"]
    for identify in honest.config.identifies:
        for rule in (rule for rule in identify.rules if rule.version == 4):
            found += [str(ipaddress.ip_address(max(0, rule.network + steps))) for steps in (0, 1, -1, 4, 9, -9, 60)]
    return [*found, *(known.bind for known in honest.config.transports.values() if known.bind.count(".") == 3)]


def known_hosts(honest: Honest) -> list[str]:
    config = honest.config
    found = [name.host for identify in config.identifies for name in identify.unresolved]
    found += [rule.host for identify in config.identifies for rule in identify.rules if rule.host]
    uris = [known.server_uri for known in config.registrations.values()]
    uris += [contact for aor in config.aors.values() for contact in aor.contacts]
    return [*found, *(uri.split("@")[-1].removeprefix("sip:") for uri in uris)]


def any_call(honest: Honest, dice: Random) -> Call:
    """Any request of the adversary, or many: what he writes is what the provider, an account or a scanner would."""
    addresses, names = known_addresses(honest), list(honest.config.endpoints)
    users = [*names, *map(str.swapcase, names), "100", "admin", "004912345"]
    hosts = [*addresses, *known_hosts(honest), "sip.provider.example"]
    wanted = [known.match_header for known in honest.config.identifies if known.match_header]
    more = [dice.choice(HEADERS).format(dice.choice([*hosts, *users])) for _ in range(dice.randrange(5))]
    more += [line.replace("/", "").replace("^", "") for line in wanted if dice.random() < 0.5]
    answers = [
        (dice.choice(addresses), dice.choice(STATUSES), dice.choice(AGENTS)) for _ in range(dice.choice([0, 0, 1, 2]))
    ]
    source = dice.choice(addresses)
    return Call(
        Address(source, dice.choice([5060, 5060, 5070, 33333, 0])),
        dice.choice(["INVITE"] * 5 + ["OPTIONS", "REGISTER", "ACK", "BYE", "CANCEL"]),
        dice.choice([1, 2, 3, 8, 30]),
        dice.choice(users),
        dice.choice(["", *hosts]),
        dice.choice(["100", "00972595301234", *users]),
        dice.choice(AGENTS),
        tuple(dict.fromkeys(more)),
        tuple(answers),
        dice.random(),
        dice.choice([""] * 8 + [*TUNNELS, *BLIND, *([OPEN] * 4 if source == MINE else ())]),
        dice.choice(["", "", "", "guessed"]),
    )


@settings(max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_whatever_he_adds(captures: HonestCaptures, seed: int) -> None:
    """No address outside of the bound enters the likely lines, no honest one disappears, nobody becomes a scanner."""
    dice = Random(seed)
    honest = captures.answered(dice)
    added = [any_call(honest, dice) for _ in range(dice.choice([1, 1, 2, 4]))]
    link, aggregate = dice.choice(["sll", "raw"]), dice.random() < 0.5
    assert faults(honest, look(forge(honest, added), honest.etc, honest.hosts, link, aggregate=aggregate)) == []


def forged(honest: Honest, *added: Call, link: str = "sll") -> Observation:
    return look(forge(honest, added), honest.etc, honest.hosts, link)


def test_a_version_under_the_address_of_the_pbx_is_no_release_of_it(captures: HonestCaptures) -> None:
    """It names itself in Server when it answers, and in User-Agent when it asks."""
    honest = next(one for one in captures if one.seen.report.asterisk_version == "22.10.1")
    call = Call(honest.pbx, "INVITE", 30, agent="Asterisk PBX 16.1.0")
    for link in ("sll", "raw"):
        assert forged(honest, call, link=link).report.asterisk_version == "22.10.1"


def test_credentials_under_the_address_of_a_provider_are_not_his(captures: HonestCaptures) -> None:
    login = 'Authorization: Digest username="x",realm="asterisk",nonce="a",uri="sip:x",response="0"'
    call = Call(Address("203.0.113.30", 33333), "INVITE", 30, more=(login,))
    honest = captures["auth-on-trunk"]
    assert honest is not None
    (suggestion,) = forged(honest, call).report.suggestions
    assert suggestion.edits[0].old == ("auth=provider-auth",)


@pytest.mark.parametrize("link", ["sll", "raw"])
def test_a_forged_answer_does_not_make_a_copy_incomplete(captures: HonestCaptures, link: str) -> None:
    """What the PBX seems to have accepted, and these files do not let in, it accepted only if it said so itself."""
    honest = next(one for one in captures if one.config.missing_files and not one.config.is_partial)
    call = Call(Address("198.51.100.9", 5060), "INVITE", 5, answers=((honest.pbx.ip, 200, "Asterisk PBX 22.10.1"),))
    assert not forged(honest, call, link=link).situation.config.is_partial


FORGED = tomllib.loads((FOLDER / "forged.toml").read_text())


@cache
def honest_of(name: str) -> Honest:
    """One of `honest` in forged.toml."""
    told = FORGED["honest"][name]
    with TemporaryDirectory() as folder:
        found = honest_capture(name, FOLDER / told["etc"], write_scene(told["calls"], Path(folder) / "c.pcap"), None)
    assert found is not None
    return found


def call_of(told: dict[str, Any]) -> Call:
    host, _, port = told["source"].rpartition(":")
    lists = {name: tuple(map(tuple, told[name])) for name in ("answers",) if name in told}
    more = tuple(told.get("more", ()))
    return Call(**{**told, **lists, "source": Address(host.strip("[]"), int(port)), "more": more})


@pytest.mark.parametrize(("link", "aggregate"), [("sll", False), ("raw", True)])
@pytest.mark.parametrize("case", FORGED["case"], ids=lambda case: case["name"])
def test_what_is_forged_reaches_nothing(case: dict[str, Any], link: str, aggregate: bool) -> None:
    honest = honest_of(case["honest"])
    packets = forge(honest, map(call_of, case["forged"]))
    seen = look(packets, honest.etc, None, link, aggregate=aggregate)
    assert faults(honest, seen) == []
    values = [line.removeprefix("match=") for one in seen.report.suggestions for line in one.add]
    networks = list(map(ipaddress.ip_network, values))
    wanted = (*case["covered"], *case.get("never_covered", ()))
    assert [ip for ip in wanted if any(ipaddress.ip_address(ip) in net for net in networks)] == case["covered"]
    said = " ".join(render(seen.report, "text").split())
    assert [words for words in case.get("never_said", ()) if words in said] == []
    assert [words for words in case.get("said", ()) if words not in said] == []
