"""Meaning of answers that an extension's actions lead to: `hangup_cause2sip` of channels/chan_pjsip.c, backwards."""

from __future__ import annotations

from pjsipdiag.dataclass import NamedTuple


class DialplanAnswer(NamedTuple):
    """The reason of an answer where an extension took the call, and where to look."""

    cause: str
    advice: str


DIALPLAN_ANSWERS: dict[int, DialplanAnswer] = {
    403: DialplanAnswer("the call was rejected (cause 21)", "who was dialled, or Hangup(21), rejects the call"),
    404: DialplanAnswer(
        "what was dialled does not exist or is not there (cause 1, 2 or 3)",
        "`pjsip show contacts` shows whether the telephone that Dial() rings is registered; else the number that Dial()"
        " passes on is unknown there",
    ),
    408: DialplanAnswer(
        "who was dialled never answered its call (cause 18)", "check that the other side of Dial() is there"
    ),
    410: DialplanAnswer("the number was changed (cause 22)", "who was dialled has another number"),
    480: DialplanAnswer(
        "nobody answers, or nobody is registered (cause 19, 20 or 31)",
        "`pjsip show contacts` shows whether the telephone that Dial() rings is registered",
    ),
    484: DialplanAnswer(
        "the number has another format than who was dialled takes (cause 28)", "see what Dial() passes on"
    ),
    500: DialplanAnswer(
        "the call could not be carried out (cause 38 or 127)",
        "see WARNING and ERROR lines of Asterisk's log about this call: an application that failed, or no channel",
    ),
    501: DialplanAnswer("a facility was rejected (cause 29)", "see what Dial() asks of the other side"),
    502: DialplanAnswer("the destination is out of order (cause 27)", "check the trunk or telephone that Dial() uses"),
    503: DialplanAnswer(
        "there was congestion, or no channel could be made (cause 34, 42 or 66; also where Dial() is the last line and"
        " reaches nobody)",
        "check what Dial() uses: a telephone that is not registered (`pjsip show contacts`), a trunk that is down,"
        " Congestion(), or a technology that is not loaded",
    ),
    603: DialplanAnswer(
        "the dialplan ended with a cause that SIP has no answer for (cause 16 as a rule): Hangup(), or its last line",
        "see which line ends the call before anybody is rung: a condition that sends it there, or a missing Dial()",
    ),
}
"""Status -> its reason."""
