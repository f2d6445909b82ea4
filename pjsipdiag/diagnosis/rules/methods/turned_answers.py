"""Answers to the PBX's own requests that turned: a success at one time, a refusal or nothing at another."""

from __future__ import annotations

from enum import StrEnum

from pjsipdiag.diagnosis.rules.cause import clock, counted, enumerated
from pjsipdiag.diagnosis.rules.wire.pauses import has_stopped
from pjsipdiag.diagnosis.situation import Exchange


class Turn(StrEnum):
    """The ways in which answers turn; MIXED ones take turns."""

    STOPPED = "stopped"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    MIXED = "mixed"


def turn_of(exchange: Exchange, end: int) -> Turn | None:
    """How the answers to an exchange turned; None where all were alike, or none was a success."""
    if not exchange.successes:
        return None
    if has_stopped(exchange, end):
        return Turn.STOPPED
    if not exchange.refusals:
        return None
    answered, refused = _span(exchange, success=True), _span(exchange, success=False)
    if answered[1] < refused[0]:
        return Turn.REFUSED
    return Turn.ACCEPTED if refused[1] < answered[0] else Turn.MIXED


def say_turn(exchange: Exchange, turn: Turn) -> str:
    """The sentence on who answered what, and until when."""
    own = f"the PBX's own {exchange.method}"
    counts = [f"{status} ({counted(count, 'time')})" for status, count in sorted(exchange.refusals.items())]
    refusals, successes = enumerated(counts), counted(exchange.successes, "time")
    if turn is Turn.STOPPED:
        return f"{exchange.server} had its last answer to {own} at {clock(exchange.last_answer)}, and none since"
    answered, refused = _span(exchange, success=True), _span(exchange, success=False)
    if turn is Turn.REFUSED:
        return (
            f"{exchange.server} accepted {own} until {clock(answered[1])} ({successes}), and refuses it since"
            f" {clock(refused[0])} with {refusals}"
        )
    if turn is Turn.ACCEPTED:
        return (
            f"{exchange.server} refused {own} until {clock(refused[1])} with {refusals}, and accepts it since"
            f" {clock(answered[0])} ({successes})"
        )
    return f"{exchange.server} accepts {own} at times ({successes}), and refuses it at others with {refusals}"


def _span(exchange: Exchange, *, success: bool) -> tuple[int, int]:
    """The first and the last time of its successes, or of its refusals."""
    statuses = [one for one in exchange.statuses if 200 <= one < 300] if success else exchange.refusals
    spans = [exchange.spans[status] for status in statuses]
    return min(first for first, _ in spans), max(last for _, last in spans)
