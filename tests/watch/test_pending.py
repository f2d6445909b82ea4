"""Each message of a call is judged once, together with the rest of its call, and memory stays bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.watch import pending
from pjsipdiag.watch.pending import GRACE, SECOND, TRANSACTION_TIMEOUT, PendingTalks
from tests.watch.traffic import BAD, EPOCH, GOOD, PBX, call, message, minute

START = EPOCH * SECOND


def filled(*messages: Datagram) -> PendingTalks:
    found = PendingTalks()
    for place, one in enumerate(messages):
        found.add(one, (0, place))
    return found


def test_a_call_is_settled_after_its_answer() -> None:
    messages = [*call(0, BAD, "one", "401 Unauthorized")]
    waiting = filled(*messages)
    last = messages[-1].time
    assert waiting.take_settled(last + GRACE - 1) == []
    assert waiting.take_settled(last + GRACE) == messages
    assert (waiting.take_settled(last + TRANSACTION_TIMEOUT), waiting.size, waiting.place) == ([], 0, None)


def test_a_challenged_caller_has_time_to_try_again() -> None:
    first, *_ = call(0, GOOD, "one", "401 Unauthorized")
    challenge = message(0.1, PBX, GOOD, "SIP/2.0 401 Unauthorized", "one", "INVITE", tag="t")
    again = message(0.2, GOOD, PBX, f"INVITE sip:200@{PBX} SIP/2.0", "one", "INVITE", number=2)
    waiting = filled(first, challenge, again)
    assert waiting.take_settled(again.time + 10 * SECOND) == []
    answer = message(11, PBX, GOOD, "SIP/2.0 200 OK", "one", "INVITE", number=2, tag="t")
    waiting.add(answer, None)
    assert waiting.take_settled(answer.time + GRACE) == [first, challenge, again, answer]


def test_who_gets_no_answer_or_rings_is_settled_when_nobody_waits_any_more() -> None:
    for answers in ((), ("180 Ringing",)):
        messages = [*call(0, GOOD, "one", *(answers or ("100 Trying",)))][: 1 + len(answers)]
        waiting = filled(*messages)
        assert waiting.take_settled(START + TRANSACTION_TIMEOUT - 1) == []
        assert waiting.take_settled(START + TRANSACTION_TIMEOUT) == messages


@given(st.permutations(range(2)), st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_every_message_of_a_call_comes_out_once(order: list[int], pauses: list[int]) -> None:
    """However often it is looked, and whatever calls go on beside."""
    messages = [one for number in order for one in minute(number)]
    waiting, out, now = PendingTalks(), list[Datagram](), 0
    for place, one in enumerate(sorted(messages, key=lambda one: one.time)):
        waiting.add(one, (0, place))
        now = one.time
        if place % 7 == 0 and pauses:
            now += pauses.pop() * SECOND
            out += waiting.take_settled(now)
    out += waiting.take_all()
    assert len(out) == len(set(out))
    invites = {one for one in messages if one.payload.startswith((b"INVITE", b"OPTIONS"))}
    assert invites <= set(out)
    assert (waiting.size, waiting.take_all()) == (0, [])


def test_the_place_is_that_of_the_oldest_call_that_waits() -> None:
    waiting = filled(*call(0, BAD, "one", "401 Unauthorized"), *call(50, GOOD, "two", "100 Trying"))
    assert waiting.place == (0, 0)
    waiting.take_settled(START + 20 * SECOND)
    assert waiting.place == (0, 3)


def test_memory_is_bounded_and_what_is_given_up_is_counted() -> None:
    waiting = PendingTalks()
    for number in range(80_000):
        waiting.add(message(0, GOOD, PBX, f"INVITE sip:200@{PBX} SIP/2.0", f"c{number}", "INVITE"), None)
    assert waiting.size > pending.WAITING_BYTES / 2
    waiting.trim()
    assert waiting.size <= pending.WAITING_BYTES
    kept = len(waiting.take_all())
    assert (waiting.overrun, kept + waiting.overrun) == (80_000 - kept, 80_000)


def test_one_call_id_for_ever_is_judged_in_parts() -> None:
    waiting = PendingTalks()
    for number in range(150):
        at = number / 10
        waiting.add(message(at, BAD, PBX, f"INVITE sip:{number}@{PBX} SIP/2.0", "same", "INVITE", number=number), None)
        waiting.add(message(at + 0.01, PBX, BAD, "SIP/2.0 401 No", "same", "INVITE", number=number, tag="t"), None)
    assert len(waiting.take_settled(START + 15 * SECOND)) == 300
