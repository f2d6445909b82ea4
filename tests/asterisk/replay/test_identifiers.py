"""Each identifier's cases: a configuration, one request, and what Asterisk does with it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.replay.identifiers import IDENTIFIERS, Replay, identify
from tests.sip_text import messages

FIXTURES = Path(__file__).parents[3] / "fixtures" / "identify"
TRANSPORTS = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(FIXTURES.glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    config = load_config(
        None,
        asterisk=case.get("asterisk", "22.10.1"),
        hosts=Hosts({}, {}, complete=not case.get("unresolved", False)),
        overlay={"pjsip.conf": TRANSPORTS + case["config"], "acl.conf": ""},
    )
    (message,) = messages(case["message"])
    verdict = identify(message, config, case.get("tokens"))
    found = (verdict.outcome, verdict.identifier, verdict.identify, verdict.endpoint)
    assert found == (case["outcome"], *(case.get(key, "") for key in ("identifier", "identify", "endpoint")))
    assert verdict.status == case.get("status", verdict.status)
    for reason in case.get("reasons", ()):
        assert any(reason in check.reason for check in verdict.trace), [check.reason for check in verdict.trace]
    payload = message.raw if b"\r\n\r\n" in message.raw else message.raw + b"\r\n\r\n"
    short = Replay(config, case.get("tokens", {})).verdict_of(
        payload, message.transport, message.source.pack(), message.destination.pack()
    )
    assert [check.match for check in short.trace] == [check.match for check in verdict.trace]
    assert (short.outcome, short.endpoint, short.status) == (verdict.outcome, verdict.endpoint, verdict.status)


def test_every_identifier_has_cases() -> None:
    assert set(IDENTIFIERS) <= {path.stem for path in FIXTURES.glob("*.toml")}


def test_alike_requests_get_the_same_verdict_object() -> None:
    config = load_config(
        None, asterisk="22.10.1", overlay={"pjsip.conf": TRANSPORTS + "[trunk]\ntype=endpoint\n", "acl.conf": ""}
    )
    replay = Replay(config)
    verdicts = {
        id(replay.verdict_of(one.raw, one.transport, one.source.pack(), one.destination.pack()))
        for source in ("203.0.113.10", "203.0.113.99", "198.51.100.3")
        for one in messages(
            f"@ 0 {source}:5060 > 192.0.2.1:5060\nINVITE sip:100@192.0.2.1 SIP/2.0\nFrom: <sip:{source}@a.b>;tag=1"
        )
    }
    assert len(verdicts) == 1


def test_two_identifiers_whose_order_is_not_told() -> None:
    config = load_config(
        None,
        asterisk="22.10.1",
        overlay={
            "pjsip.conf": TRANSPORTS
            + "[bob]\ntype=endpoint\nidentify_by=auth_username\n[trunk]\ntype=endpoint\n"
            + "[trunk-id]\ntype=identify\nendpoint=trunk\nmatch_header=X-Trunk: red\n",
            "acl.conf": "",
        },
    )
    assert {"auth_username", "header"} <= set(config.uncertain_identifiers)
    (message,) = messages(
        "@ 0 203.0.113.10:5060 > 192.0.2.1:5060\nINVITE sip:100@192.0.2.1 SIP/2.0\nX-Trunk: red\n"
        'Authorization: Digest username="bob", realm="x", nonce="n", uri="sip:x", response="r"'
    )
    assert identify(message, config).outcome == "unknown"


def test_names_that_are_not_resolved_have_one_check_for_all_sources() -> None:
    text = "".join(f"[i{at}]\ntype=identify\nendpoint=one\nmatch=sip{at}.example.com\n" for at in range(9))
    overlay = {"pjsip.conf": f"{TRANSPORTS}[one]\ntype=endpoint\n{text}", "acl.conf": ""}
    replay = Replay(load_config(None, asterisk="22.10.1", hosts=Hosts({}, {}, complete=False), overlay=overlay))
    head = "@ 0 {}:5060 > 192.0.2.1:5060 in\nINVITE sip:100@192.0.2.1 SIP/2.0\n\n"
    found = [messages(head.format(ip))[0] for ip in ("203.0.113.10", "198.51.100.3")]
    one, other = (replay.verdict(message).unknown for message in found)
    assert len(one) == len(other) == 9
    assert all(check is same for check, same in zip(one, other, strict=True))
