"""Folds of parts are the fold of the whole, wherever random messages are cut, and stay within their bounds."""

from __future__ import annotations

import random
import re
from dataclasses import fields
from itertools import pairwise

import pytest

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls import fold, merge, rows
from pjsipdiag.diagnosis.calls import fold_content as holding
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.fold_content import CapturePart, MergedFolds
from pjsipdiag.diagnosis.calls.heads import branch_of, call_id, value_of
from pjsipdiag.diagnosis.calls.outside import kinds
from pjsipdiag.diagnosis.calls.rows import COUNT, FIRST, FIRST_TIME, LAST, LAST_TIME
from tests.diagnosis.calls.test_fold import capture

pytestmark = pytest.mark.usefixtures("extensions")


def traffic(rnd: random.Random) -> list[Datagram]:
    """Random messages in the order of time; each address says the same of itself in all of them, and one machine
    answers a transaction."""
    found: list[Datagram] = []
    answering: dict[object, bytes] = {}
    for one in sorted(capture(rnd), key=lambda one: one.time):
        agent = b"Asterisk PBX 22.10.1" if one.source[-3] % 2 else b"Phone"
        first, end, rest = re.sub(rb"\r\n(User-Agent|Server):[^\r]*", b"", one.payload).partition(b"\r\n")
        header = b"Server: " if first.startswith(b"SIP/2.0") else b"User-Agent: "
        transaction = call_id(one.payload), value_of(one.payload, b"cseq"), branch_of(one.payload)
        if first.startswith(b"SIP/2.0") and answering.setdefault(transaction, one.source) != one.source:
            continue
        if len(one.source) == len(one.destination) and end and first:
            found.append(one._replace(payload=first + end + header + agent + end + rest))
    return found


def merged(messages: list[Datagram], places: list[int]) -> MergedFolds:
    """What the parts between these places come to; each counts its frames from 1, as a reader does."""
    parts = []
    for start, end in pairwise(places):
        folded = Fold()
        folded.feed([one._replace(frame=at) for at, one in enumerate(messages[start:end], 1)])
        parts.append(CapturePart(folded, 0, start))
    return merge.merge(parts)


def learnt(whole: MergedFolds) -> dict[str, object]:
    """All of it but in which part it stands."""
    transactions = [
        (key, [whole.request(whole.parts[part], row) for part, row in views], whole.packets(key), whole.statuses(key))
        for number, keys in enumerate(whole.keys)
        for _, key, views in whole.transactions(number, range(len(keys)))
    ]
    told = {name: getattr(whole, name) for name in (one.name for one in fields(MergedFolds))}
    for name in ("parts", "keys", "senders", "called", "begun", "clusters", "views", "answers", "seen", "strays"):
        del told[name]
    told["answerers"] = set(whole.answerers)  # how often may be told twice where an answer is in two parts
    told["registrations"] = {name: one._replace(frame=0) for name, one in whole.registrations.items()}
    told["others"] = {
        kind: [one[at] for at in (COUNT, LAST, LAST_TIME, FIRST, FIRST_TIME)] for kind, one in whole.others.items()
    }
    for name in ("pairs", "received", "local"):
        told[name] = {what: count for what, count in told[name].items() if count}
    return {**told, "transactions": transactions}


@pytest.mark.parametrize("seed", range(60))
def test_where_messages_are_cut_does_not_matter(seed: int) -> None:
    rnd = random.Random(seed)
    messages = traffic(rnd)
    whole = learnt(merged(messages, [0, len(messages)]))
    for parts in (1, 2, 9):
        places = sorted(rnd.sample(range(1, len(messages)), parts))
        assert learnt(merged(messages, [0, *places, len(messages)])) == whole


BOUNDS = {"MOST_PEERS": 3, "MOST_PAIRS": 3, "MOST_NAMES": 2, "LONGEST_NAME": 12, "MOST_VIEWS": 2, "MOST_AGENTS": 2}
BOUNDS |= {"MOST_GREETINGS": 2, "LONGEST_GREETING": 40, "MOST_REGISTRATIONS": 2, "MOST_DELAYS": 1, "LONGEST_AGENT": 5}
BOUNDS |= {
    "MOST_METHODS": 5,
    "MOST_REPEATED": 1,
    "MOST_KINDS": 2,
    "LONGEST_SEEN": 60,
    "MOST_ANSWERS": 2,
    "MOST_TAGS": 44,
}


@pytest.mark.parametrize("seed", range(20))
def test_nothing_grows_beyond_its_bound(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BOUNDS.items():
        for module in (fold, holding, rows, kinds):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    names = ["MOST_PEERS", "MOST_PAIRS", "MOST_NAMES", "LONGEST_NAME", "MOST_ANSWERS", "MOST_REGISTRATIONS"]
    names += ["MOST_METHODS", "MOST_KINDS", "LONGEST_SEEN", "MOST_TAGS"]
    monkeypatch.setattr(fold, "LIMITS", tuple(BOUNDS[name] for name in names))
    folded = Fold()
    folded.feed(capture(random.Random(seed)))
    assert max(len(folded.pairs), len(folded.received), len(folded.answering)) <= 3
    assert max(len(folded.greetings), len(folded.registrations)) <= 2
    assert max(len(folded.delays), len(folded.repeats)) <= 1
    assert max(len(folded.senders), len(folded.called), len(folded.user_agents)) <= 2
    assert max((sum(map(len, filter(None, names))) for names in folded.senders), default=0) <= 12
    assert max(map(len, folded.called), default=0) <= 12
    assert max(map(len, folded.user_agents)) <= 5
    assert max(map(len, folded.greetings.values()), default=0) <= 40
    assert max(map(len, folded.views.values()), default=0) <= 2
    assert max(map(len, folded.answers.values()), default=0) <= 2 * rows.ANSWER.size
    assert len(folded.tags) <= 2 * rows.TAGGED.size
    assert len(folded.others) <= 5
    assert len(folded.seen) <= 2
    assert max((len(one.payload) for some in folded.seen.values() for one in some), default=0) <= 60
