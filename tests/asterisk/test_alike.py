"""Requests with one key get one verdict: the short way answers what the full replay answers, over random requests."""

from __future__ import annotations

from pjsipdiag.asterisk.identifiers import Replay
from pjsipdiag.asterisk.verdict import Check
from tests.conformance import load, message
from tests.differential_cases import generate


def facts(trace: tuple[Check, ...]) -> list[tuple[object, ...]]:
    """Everything but the wording of the reasons."""
    return [(c.step, c.match, c.where, c.identify, c.endpoint, c.result, c.status, c.count) for c in trace]


def test_the_short_way_is_the_full_replay() -> None:
    compared = 0
    for number in range(1, 12):
        case = generate(31, number)
        loaded = {"identifiers": ["line", "ip", "username", "anonymous", "auth_username", "header", "request_uri"]}
        config = load({**case, "asterisk": "22.10.1", "loaded": loaded})
        replay = Replay(config)
        sent = [message(request, {}) for request in case["requests"]]
        for one in [*sent, *sent]:
            short = replay.verdict_of(one.raw, one.transport, one.source.pack(), one.destination.pack())
            if short.outcome == "unknown":
                continue
            assert facts(short.trace) == facts(replay.verdict(one).trace), one.raw
            compared += 1
    assert compared > 200
