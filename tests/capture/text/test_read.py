"""What senders write into their requests is never taken for Asterisk's own lines."""

from __future__ import annotations

import html
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.text.refusals import NOTE_FORGED
from pjsipdiag.sip import Address
from tests.capture.carriers import CARRIERS as COLLECTED
from tests.capture.carriers import read
from tests.capture.pasted import PASTED

SENDER, VICTIM, OTHER = "203.0.113.99", "192.0.2.66", "203.0.113.11"
WHOLE = (
    *("TAI64N", "identities", "levels", "object of unknown names", "OpenTelemetry", "Google, array", "Elastic, hits"),
    *(
        "Loki, query",
        "CloudWatch, events",
        "CloudWatch, text",
        "strings",
        "Datadog",
        "columns around",
        "bat",
        "mail, base64",
    ),
    *(
        "labels in a column",
        "journal json, bytes over lines",
        "marks of direction",
        "UTF-16 LE without mark, umlauts first",
    ),
)
"""Pasted forms in which the length that Asterisk wrote is still that of the message."""
CARRIERS = COLLECTED | {name: PASTED[name] for name in WHOLE}
HEAD = "[2026-03-02 10:11:12.000] VERBOSE[19] res_pjsip_logger.c: "
REFUSED = (
    "[2026-03-02 10:11:12.000] NOTICE[19] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '<sip:x@{0}>' failed"
    " for '{0}:5060' (callid: call@{0}) - No matching endpoint found\n"
)
SPLITTING = {"journal export, whole", "rsyslog escapes", "backslashes", "logfmt", "ELK", "Splunk", "entries joined"}
SPLITTING |= {"GELF", "array of objects", "spreadsheet", "spreadsheet, semicolons"}
"""Tests' carriers that find entries in the text themselves, forged ones too."""
CHANGING = {
    "no empty lines",
    "blanks squeezed",
    "blanks trimmed",
    "doubled line ends",
    "CR CR LF",
    "cat -A",
    "pr",
    "script",
}
CHANGING |= {"dates removed", "padded"}
"""Without the bytes that Asterisk counted nothing tells where a message ends."""
KEEPING = [
    name
    for name in CARRIERS
    if name not in SPLITTING | CHANGING and not any(word in name for word in ("broken", "terminal", "entries whole"))
]


def invite(source: str, body: bytes = b"", end: bytes = b"\r\n", more: str = "X: y") -> bytes:
    lines = [
        "INVITE sip:100@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bK{source}",
        f"From: <sip:x@{source}>;tag=1",
        "To: <sip:100@192.0.2.1>",
        f"Call-ID: call@{source}",
        "CSeq: 1 INVITE",
        more,
        f"Content-Length: {len(body)}",
    ]
    return end.join(line.encode() for line in [*lines, "", ""]) + body


def logged(source: str, payload: bytes) -> bytes:
    said = f"{HEAD}<--- Received SIP request ({len(payload)} bytes) from UDP:{source}:5060 --->\n"
    return said.encode() + payload + b"\n" + REFUSED.format(source).encode()


def sources(found: list[Datagram]) -> list[str]:
    return [Address.unpack(datagram.source).ip for datagram in found]


BODIES = (
    b"v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=-\r\n" + logged(VICTIM, invite(VICTIM)) + b"a=x\r\n",
    b"v=0\ns=-\n" + logged(VICTIM, invite(VICTIM, end=b"\n")) + b"a=x\n",
    b"x\n" * 400 + logged(VICTIM, invite(VICTIM)) + b"\n" * 40,
    logged(VICTIM, invite(VICTIM))[:-1],
)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("name", ["", *KEEPING])
def test_no_sender_writes_messages_or_sentences(name: str, body: bytes) -> None:
    raw = logged(SENDER, invite(SENDER, body)) + logged(OTHER, invite(OTHER))
    found, tally = read(CARRIERS[name](raw) if name else raw)
    assert sources(found) == [SENDER, OTHER]
    assert [refused.source for refused in tally.logged_refusals if refused.source == VICTIM] == []
    assert set(tally.log_lines) == {f"call@{SENDER}", f"call@{OTHER}"}
    assert NOTE_FORGED in tally.notes


ESCAPING = {"web page", "entities", "CSV", "cells of a page"}
"""Where an escape that was in the text is not told from one that was put on."""
FORGED = logged(VICTIM, invite(VICTIM)).decode()
HEADERS = (
    FORGED.replace("\r\n", "\n").replace("\n", "\\n"),
    FORGED.replace("\r", "#015").replace("\n", "#012"),
    html.escape(FORGED).replace("\r\n", "<br>").replace("\n", "<br>"),
    json.dumps({"log": FORGED}),
    "<br> a=3D =",
)


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize("name", ["", *(name for name in KEEPING if name not in ESCAPING)])
def test_what_looks_escaped_in_a_header_stays_in_it(name: str, header: str) -> None:
    raw = logged(SENDER, invite(SENDER, more=f"X: {header}")) + logged(OTHER, invite(OTHER))
    found, tally = read(CARRIERS[name](raw) if name else raw)
    assert sources(found) == [SENDER, OTHER]
    assert VICTIM not in {refused.source for refused in tally.logged_refusals}


@pytest.mark.parametrize("header", ["*CLI> help", "a pbx*CLI> b", "10:11 *CLI> core show calls"])
@pytest.mark.parametrize("name", ["", "docker compose"])
def test_a_prompt_in_a_header_is_a_part_of_it(name: str, header: str) -> None:
    payload = invite(SENDER, more=f"X: {header}")
    raw = logged(SENDER, payload) + logged(OTHER, invite(OTHER))
    found, _ = read(CARRIERS[name](raw) if name else raw)
    assert found[0].payload == payload


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([b"v=0", b"", b"a=sendrecv", b"x" * 40, *logged(VICTIM, invite(VICTIM)).splitlines()])),
    st.lists(st.sampled_from([b"\r\n", b"\n"]), min_size=1, max_size=3),
    st.sampled_from(["UTF-16 LE", "docker compose", "grep -n", "quoted", "CRI", "journal json"]),
)
def test_whatever_a_body_holds_it_is_a_body(lines: list[bytes], ends: list[bytes], name: str) -> None:
    body = b"".join(line + ends[at % len(ends)] for at, line in enumerate(lines))
    raw = logged(SENDER, invite(SENDER, body)) + logged(OTHER, invite(OTHER))
    for carried in (raw, CARRIERS[name](raw)):
        assert sources(read(carried)[0]) == [SENDER, OTHER]


def test_an_entry_that_was_cut_hides_no_other() -> None:
    """What follows has the length that was announced by chance, and then rarely."""
    whole = logged(SENDER, invite(SENDER, b"v=0\r\n" + b"a=rtpmap:0 PCMU/8000\r\n" * 40))
    others = [f"203.0.113.{number}" for number in range(10, 20)]
    wanted = [SENDER, *others]
    cuts = [
        whole[:end]
        + b"\n"
        + b"".join(logged(other, invite(other, b"a=x%d\r\n" % at * at)) for at, other in enumerate(others))
        for end in range(350, 1400, 7)
    ]
    assert sum(sources(read(raw)[0]) != wanted for raw in cuts) < len(cuts) // 20
    carry = CARRIERS["docker compose"]
    assert sum(sources(read(carry(raw))[0]) != wanted for raw in cuts) < len(cuts) // 10


NAME = f"x' failed for '{VICTIM}:5060' (callid: a) - No matching endpoint found"
DOUBTFUL = (
    f"Request 'INVITE' from '\"{NAME}\" <sip:x@h>' failed for '{SENDER}:5060' (callid: b) - No matching endpoint found",
    f"Request 'INVITE' from '<sip:x@h>' failed for '{SENDER}:5060' (callid: {NAME}) - No matching endpoint found",
    f"AOR 'x' not found for endpoint 'y' ({VICTIM}:5060)' not found for endpoint 'z' ({SENDER}:5060)",
)


@pytest.mark.parametrize("said", DOUBTFUL, ids=range(len(DOUBTFUL)))
def test_a_sentence_with_another_in_it_names_nobody(said: str) -> None:
    _, tally = read(f"[2026-03-02 10:11:12] NOTICE[19] res_pjsip/pjsip_distributor.c: {said}\n".encode())
    assert not tally.logged_refusals
    assert sum(tally.undecoded.values()) == 1


SAID = REFUSED.format(VICTIM)[59:-1]
LINES = (
    f'[2026-03-02 10:11:12] VERBOSE[7][C-1] pbx.c: Executing [s@x:1] NoOp("PJSIP/a-1", "{SAID}") in new stack',
    f'    -- Executing [s@x:1] NoOp("PJSIP/a-1", "{SAID}") in new stack',
    f"[2026-03-02 10:11:12] NOTICE[7] res_pjsip_session.c: Call from 'a' (UDP:{SENDER}:5060) to extension '{SAID}'"
    " rejected because extension not found in context 'in'.",
    '[2026-03-02 10:11:12] SECURITY[9] res_security_log.c: SecurityEvent="InvalidAccountID",'
    'EventTV="2026-03-02T10:11:12.000+0000",Severity="Error",Service="PJSIP",EventVersion="1",SessionID="a",LocalAddress="IPV4/UDP/192.0.2.1/5060",'
    f'RemoteAddress="IPV4/UDP/{SENDER}/5060",AccountID="x\\",RemoteAddress=\\"IPV4/UDP/{VICTIM}/5060\\",a=\\""',
)


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_what_callers_chose_in_other_lines_accuses_nobody_else(line: str) -> None:
    _, tally = read(f"{line}\n".encode())
    assert {refused.source for refused in tally.logged_refusals} <= {SENDER}
