"""Redacted requests against redacted configurations get the verdicts of the plain ones: real cases of all kinds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.material import Material, redact
from tests.conformance import Case, cases, line_tokens, load, message

pytestmark = pytest.mark.usefixtures("extensions")

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures" / "conformance").glob("*.jsonl.gz"))
EVERY = 12
"""One of so many recorded cases is redacted: all of them take a minute."""


def hosts(case: Case, disguise: Disguise) -> Hosts:
    """What the names resolve to, in stand-ins."""
    services = {disguise.host(name): [disguise.host(row[3]) for row in rows] for name, rows in case["srv"].items()}
    addresses = {disguise.host(name): [disguise.host(ip) for ip in ips] for name, ips in case["hosts"].items()}
    return Hosts(addresses, services, complete=True)


def differences(case: Case) -> list[str]:
    config = load(case)
    tokens = line_tokens(config)
    requests = [message(request, tokens) for request in case["requests"]]
    traffic = tuple(Datagram(0, 0, m.transport, m.source.pack(), m.destination.pack(), m.raw) for m in requests)
    texts = {name: text.encode("utf-8", "surrogateescape") for name, text in case["files"].items()}
    redacted, disguise, _ = redact(Material(texts, (traffic,)), config)
    overlay = {name: text.decode("utf-8", "surrogateescape") for name, text in redacted.texts.items()}
    resolver = hosts(case, disguise)
    after = load_config(None, case["asterisk"], resolver, overlay=overlay, readable=lambda _: False)
    after = dataclasses.replace(after, identifiers=config.identifiers, uncertain_identifiers=())
    new_tokens = {disguise.section(name): disguise.opaque("tag", token) for name, token in tokens.items()}
    old_replay, new_replay = Replay(config, tokens), Replay(after, new_tokens)
    found = []
    for plain, datagram in zip(requests, redacted.traffic[0], strict=True):
        old, new = old_replay.verdict(plain), new_replay.verdict(datagram.message())
        wanted = (old.outcome, old.identifier, disguise.section(old.endpoint))
        if wanted != (new.outcome, new.identifier, new.endpoint):
            found.append(f"{case['id']}: {wanted} became {(new.outcome, new.identifier, new.endpoint)}")
    return found


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name)
def test_recorded_cases_keep_their_verdicts(recording: Path) -> None:
    assert [line for at, case in enumerate(cases(recording)) if not at % EVERY for line in differences(case)] == []
