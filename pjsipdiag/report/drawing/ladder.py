"""The ladder of one call: its messages as arrows between the source and the PBX, each with its text."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.traffic import CallRow, SpokenMessage

KINDS_OF_STATUS = {"1": "going", "2": "good", "3": "going", "4": "bad", "5": "bad", "6": "bad"}
"""How an answer looks, by the class of its status."""
VERSION_ENDING = " SIP/2.0"
"""The version that each first line has."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """`after` is the time since the first message as text, `kind` one of KINDS_OF_STATUS, "request" or "sign", `ends`
    says who speaks where these are others than those of the call, `text` are the lines of the message."""

    rightwards: bool
    label: str
    after: str
    kind: str
    ends: str = ""
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ladder:
    """`is_whole` says that every message is there, not only the INVITEs and their answers."""

    source: str
    destination: str
    arrows: tuple[Arrow, ...]
    is_whole: bool


def ladder(call: CallRow, spoken: Sequence[SpokenMessage] = ()) -> Ladder:
    """The messages of `call`: those that were `spoken`, else what folding kept of them."""
    said = spoken or [
        SpokenMessage(time, *ends, line)
        for time, direction, line in call.messages
        for ends in [(call.source, call.destination) if direction == ">" else (call.destination, call.source)]
    ]
    start = said[0].time if said else 0
    return Ladder(call.source, call.destination or "PBX", tuple(_arrow(one, call, start) for one in said), bool(spoken))


def _arrow(spoken: SpokenMessage, call: CallRow, start: int) -> Arrow:
    caller, pbx = ip_of(call.source), ip_of(call.destination)
    source, destination = ip_of(spoken.source), ip_of(spoken.destination)
    others = "" if {source, destination} == {caller, pbx} else f"{spoken.source} to {spoken.destination}"
    kind = "sign" if spoken.is_sign else KINDS_OF_STATUS.get(_answer(spoken.line), "request")
    text = tuple(line.rstrip("\r") for line in spoken.text.rstrip("\r\n").split("\n")) if spoken.text else ()
    rightwards = source == caller or destination == pbx
    label = spoken.line.removesuffix(VERSION_ENDING).removeprefix(VERSION_ENDING.strip()).strip()
    return Arrow(rightwards, label, since(spoken.time - start), kind, others, text)


def since(nanoseconds: int) -> str:
    """A time after another one."""
    milliseconds = nanoseconds / 1_000_000
    return f"+{milliseconds:,.1f} ms" if milliseconds < 10_000 else f"+{milliseconds / 1000:,.1f} s"


def _answer(line: str) -> str:
    return line[8:9] if line.startswith("SIP/2.0 ") else ""
