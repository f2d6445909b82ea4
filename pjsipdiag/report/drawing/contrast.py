"""A call that failed beside one that came through: in what both differ.

What differs between any two calls (tags, branches, Call-ID, lengths, sessions) says nothing and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.traffic import CallRow, SpokenMessage
from pjsipdiag.report import wording
from pjsipdiag.sip import long_name

UNTELLING = frozenset(
    {
        *("call-id", "cseq", "content-length", "date", "session-id", "timestamp"),
        *("authorization", "proxy-authorization", "identity"),
    }
)
"""Headers that differ between any two calls."""
_ANEW = re.compile(r"(?<!\s)\s*;\s*(?:tag|branch|rport|received|icid-value|uuid)(?:=[^;,>]*)?", re.IGNORECASE)
_SDP = re.compile(r"(m=\w+) \d+( .*)|(a=rtpmap:.*|a=crypto:\S+ \S+|a=sendrecv|a=sendonly|a=inactive)")
_MOST = 60
"""Headers of a message that are compared."""


class HeaderDifference(NamedTuple):
    """A header's value on one side and on the other; empty where it is not there."""

    name: str
    bad: str
    good: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """`alike` are the headers that say the same in both, `own` those that do but for the address of the caller and the
    numbers."""

    bad: CallRow
    good: CallRow
    differences: tuple[HeaderDifference, ...]
    alike: tuple[str, ...]
    own: tuple[str, ...]


def contrast(bad: CallRow, good: CallRow, said: Sequence[SpokenMessage], beside: Sequence[SpokenMessage]) -> Contrast:
    """The differences of the two; `said` is what was said in the first, `beside` in the other."""
    texts = _invite(said), _invite(beside)
    ours, theirs = map(_headers, texts) if all(texts) else map(_known, (bad, good))
    names = list(dict.fromkeys([*ours, *theirs]))
    rows = [HeaderDifference(name, ours.get(name, ""), theirs.get(name, "")) for name in names]
    own = tuple(row.name for row in rows if row.bad != row.good and _plain(row.bad, bad) == _plain(row.good, good))
    facts = [
        HeaderDifference(name, what, other) for (name, what), (_, other) in zip(_facts(bad), _facts(good), strict=True)
    ]
    differences = tuple(row for row in (*facts, *rows) if row.bad != row.good and row.name not in own)
    return Contrast(bad, good, differences, tuple(row.name for row in rows if row.bad == row.good), own)


def _plain(text: str, call: CallRow) -> str:
    """A value without what any two calls of any two addresses differ in."""
    for mark, own in enumerate((ip_of(call.source), wording.user(call.from_), wording.user(call.request_uri))):
        if own:
            text = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", f"<{mark}>", text)
    return text


def _facts(call: CallRow) -> list[tuple[str, str]]:
    verdict = call.verdict
    return [
        ("Answered", str(call.observed_status or "not at all")),
        ("By these files", wording.outcome(verdict)),
        ("Identified by", " ".join(filter(None, [verdict.identifier, verdict.identify and f"[{verdict.identify}]"]))),
        ("Caller", wording.user(call.from_)),
        ("Called", wording.user(call.request_uri)),
        ("From address", call.source),
        ("To address", call.destination),
        ("Transport", call.transport),
    ]


def _invite(said: Sequence[SpokenMessage]) -> str:
    """The text of the first INVITE; empty where it is not known."""
    return next((one.text for one in said if one.text and one.line.startswith("INVITE ")), "")


def _known(call: CallRow) -> dict[str, str]:
    """The headers that are known of every INVITE: where the text of one is missing, those of the other tell nothing."""
    known = {"Request": call.request_uri, "From": _ANEW.sub("", call.from_), "User-Agent": call.user_agent}
    return {name: value for name, value in known.items() if value}


def _headers(text: str) -> dict[str, str]:
    """The request URI of an INVITE, its headers by name, and what its SDP offers."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
    found = {"Request": lines[0].removeprefix("INVITE ").removesuffix(" SIP/2.0")}
    for line in lines[1 : _MOST + 1]:
        name, colon, value = line.partition(":")
        name = _spelt(name)
        if colon and name.lower() not in UNTELLING:
            value = _ANEW.sub("", value).strip()
            found[name] = f"{found[name]}, {value}" if name in found else value
    offered = " / ".join("".join(parts).rstrip() for parts in _SDP.findall(body))
    return {**found, "SDP": offered} if offered else found


def _spelt(name: str) -> str:
    """The long name of a header as it is mostly spelt, so that both calls have the same."""
    return "-".join(part[:1].upper() + part[1:] for part in long_name(name.strip()).split("-"))
