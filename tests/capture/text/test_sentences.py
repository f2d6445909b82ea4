"""Asterisk's sentences about refused requests, in the wordings of its releases: who, how and why."""

from __future__ import annotations

import io
import textwrap

import pytest

from pjsipdiag.capture import read_stream
from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.passed_over import CUT_SENTENCE

STRANGER = "203.0.113.11"
FAILED = "Request {}from '<sip:a@203.0.113.11>' failed for '203.0.113.11:5060' (callid: x1) - {}"
SECURITY = (
    'SecurityEvent="{}",EventTV="2026-03-02T10:12:14.015+0000",Severity="Error",Service="PJSIP",EventVersion="1",'
    'AccountID="a",SessionID="s1",LocalAddress="IPV4/UDP/192.0.2.1/5060",RemoteAddress="IPV4/{}/203.0.113.11/5060"{}'
)
SENTENCES = (
    (FAILED.format("", "No matching endpoint found"), STRANGER, "", "No matching endpoint found"),
    (FAILED.format("'INVITE' ", "No matching endpoint found"), STRANGER, "INVITE", "No matching endpoint found"),
    (
        FAILED.format("'REGISTER' ", "No matching endpoint found after 5 tries in 1234.567 ms"),
        *(STRANGER, "REGISTER", "No matching endpoint found"),
    ),
    (FAILED.format("'INVITE' ", "Failed to authenticate"), STRANGER, "INVITE", "Failed to authenticate"),
    (FAILED.format("'INVITE' ", "Not match Endpoint ACL") + "$", STRANGER, "INVITE", "Not match Endpoint ACL"),
    ("Incoming SIP message from 203.0.113.11:5060 did not pass ACL test", STRANGER, "", "did not pass ACL test"),
    ("Incoming SIP message from 198.51.100.7:0 did not pass ACL test", "", "", "did not pass ACL test"),
    (
        "SIP ACL: Rejecting '203.0.113.11' due to a failure to pass ACL '(BASELINE)'",
        *(STRANGER, "", "a failure to pass ACL '(BASELINE)'"),
    ),
    ("Endpoint 'a' (203.0.113.11:5060) has no configured AORs", STRANGER, "REGISTER", "has no configured AORs"),
    ("Endpoint 'anonymous' has no configured AORs", "", "REGISTER", "has no configured AORs"),
    (
        "AOR '100' not found for endpoint 'a' (203.0.113.11:5060)",
        *(STRANGER, "REGISTER", "AOR '100' not found for endpoint 'a'"),
    ),
    ("AOR '100' not found for endpoint 'a'", "", "REGISTER", "AOR '100' not found for endpoint 'a'"),
    (
        "Registration attempt from endpoint 'a' to AOR 'a' will exceed max contacts of 1",
        *("", "REGISTER", "will exceed max contacts of 1"),
    ),
    (
        "AOR 'a' has no configured max_contacts. Endpoint 'a' (203.0.113.11:5060) unable to register",
        *(STRANGER, "REGISTER", "has no configured max_contacts"),
    ),
    (
        "Endpoint 'a' (203.0.113.11:5060) attempted to register to an AOR with a non-SIP URI",
        *(STRANGER, "REGISTER", "attempted to register to an AOR with a non-SIP URI"),
    ),
    (
        "Failed to validate contacts in REGISTER request from 'a'",
        *("", "REGISTER", "Failed to validate contacts in REGISTER request"),
    ),
    (
        "Invalid modifications made to REGISTER request from 'a' by intervening proxy",
        *("", "REGISTER", "Invalid modifications made to REGISTER request"),
    ),
    (
        "Fatal registration attempt to 'sip:100@192.0.2.9', stopping outbound registration",
        *("", "REGISTER", "Fatal registration attempt to 'sip:100@192.0.2.9'"),
    ),
    (
        "Maximum retries reached when attempting outbound registration to 'sip:192.0.2.9' with client"
        " 'sip:101@192.0.2.9', stopping registration attempt",
        *("", "REGISTER", "Maximum retries reached when attempting outbound registration to 'sip:192.0.2.9'"),
    ),
    (
        "sip_transport.c Dropping 252 bytes packet from UDP 203.0.113.11:5060 : PJSIP syntax error exception when"
        " parsing 'From' header on line 4 col 0: PJSIP syntax error exception when parsing 'To' header on line 5 col 0",
        *(STRANGER, "", "PJSIP syntax error exception when parsing 'From' header on line 4 col 0"),
    ),
    (
        "sip_transport.c Error processing 72 bytes packet from TCP 203.0.113.11:10991 : PJSIP syntax error exception"
        " when parsing 'Via' header on line 2 col 8:\nINVITE sip:1@192.0.2.1 SIP/2.0\nVia: x\n-- end of packet.",
        *(STRANGER, "INVITE", "PJSIP syntax error exception when parsing 'Via' header on line 2 col 8"),
    ),
    (
        "sip_endpoint.c Error processing packet from 203.0.113.11:5060: Missing required header(s) (PJSIP_EMISSINGHDR)"
        "  From [code 171050]:\nREGISTER sip:192.0.2.1 SIP/2.0\nTo: <sip:1@x>\n-- end of packet.",
        *(STRANGER, "REGISTER", "Missing required header(s) (PJSIP_EMISSINGHDR)  From"),
    ),
    (
        "SSL SSL_ERROR_SSL (Handshake): Level: 0 err: <337678594> <SSL routines-tls_early_post_process_client_hello-"
        "unsupported protocol> len: 0 peer: 203.0.113.11:42974",
        *(STRANGER, "TLS connection", "SSL_ERROR_SSL (Handshake): Level: 0 err: <337678594> <SSL routines-"),
    ),
    (SECURITY.format("InvalidAccountID", "WSS", ""), STRANGER, "", "no endpoint for the account"),
    (SECURITY.format("FailedACL", "TCP", ',ACLName="x"'), STRANGER, "", "an access list denies the source"),
    (
        SECURITY.format("FailedACL", "UDP", ',ACLName="registrar_attempt_without_configured_aors"'),
        *(STRANGER, "REGISTER", "no AOR takes the registration"),
    ),
    (
        SECURITY.format("RequestNotSupported", "UDP", ',RequestType="registrar_requested_aor_not_found"'),
        *(STRANGER, "REGISTER", "no AOR takes the registration: registrar_requested_aor_not_found"),
    ),
    (
        SECURITY.format("FailedACL", "UDP", ',ACLName="registrar_invalid_contacts_provided"'),
        *(STRANGER, "REGISTER", "the registration is not valid: registrar_invalid_contacts_provided"),
    ),
    (
        SECURITY.format("FailedACL", "UDP", ',ACLName="not_match_endpoint_contact_acl"'),
        *(STRANGER, "", "an access list denies the Contact"),
    ),
    (
        SECURITY.format("ChallengeResponseFailed", "UDP", "").replace('AccountID="a"', 'AccountID="<unknown>"'),
        *(STRANGER, "", "no endpoint for the account (SecurityEvent ChallengeResponseFailed)"),
    ),
)


def told(text: str) -> list[tuple[str, str, str]]:
    tally = Tally("log")
    assert list(read_stream(io.BytesIO(text.encode()), tally)) == []
    assert not tally.unread_messages
    return [(one.source, one.method, one.reason) for one in tally.logged_refusals]


@pytest.mark.parametrize(("said", "source", "method", "reason"), SENTENCES)
@pytest.mark.parametrize(
    "before", ["[2026-03-02 10:11:12] WARNING[9] x.c: ", "pbx  | [Mar  2 10:11:12] NOTICE[9]: x.c:1 f: "]
)
def test_who_was_refused_and_why(before: str, said: str, source: str, method: str, reason: str) -> None:
    ((who, how, why),) = told(f"{before}{said}\n")
    assert (who, how) == (source, method)
    assert why.startswith(reason)


def test_security_events_of_the_manager_interface() -> None:
    lines = (
        SECURITY.format("ChallengeResponseFailed", "UDP", "").replace('"', "").replace(",", "\r\n").replace("=", ": ")
    )
    event = lines.removeprefix("Security") + "\r\n\r\n"
    assert told("Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n" + event) == [
        (STRANGER, "", "the credentials were refused (SecurityEvent ChallengeResponseFailed)")
    ]


CALLER = "[2026-03-02 10:11:12] NOTICE[9] x.c: " + FAILED.format("'INVITE' ", "No matching endpoint found")
ESCAPED = "[2026-03-02 10:11:12] SECURITY[9] x.c: " + SECURITY.format("InvalidAccountID", "UDP", "")


@pytest.mark.parametrize(
    "said",
    [
        CALLER.replace("'", "\u2019").replace(" - ", " \u2013 "),
        CALLER.replace(" - ", " \u2014 "),
        ESCAPED.replace('"', "&quot;"),
        ESCAPED.replace('"', "&#34;"),
    ],
)
def test_sentences_that_a_word_processor_or_a_page_changed(said: str) -> None:
    assert [source for source, *_ in told(said + "\n")] == [STRANGER]


PASTED = (
    "Endpoint 'a' (203.0.113.11:5060) has no configured AORs",
    "AOR '100' not found for endpoint 'a' (203.0.113.11:5060)",
    "Registration attempt from endpoint 'a' (203.0.113.11:5060) to AOR 'a' will exceed max contacts of 1",
    "Incoming SIP message from 203.0.113.11:5060 did not pass ACL test",
    "Call from 'a' (UDP:203.0.113.11:5060) to extension '1' rejected because extension not found in context 'in'.",
    FAILED.format("'INVITE' ", "Failed to authenticate"),
    FAILED.format("", "Not match Endpoint ACL"),
)


@pytest.mark.parametrize("said", PASTED)
def test_one_line_that_was_broken_or_typeset(said: str) -> None:
    line = f"[2026-03-02 10:11:12] NOTICE[1943] res_pjsip/pjsip_distributor.c: {said}"
    broken = "\n".join(textwrap.wrap(line, 72, break_on_hyphens=False))
    terminal = "\n".join(line[at : at + 80] for at in range(0, len(line), 80))
    (whole,) = told(f"{line}\n")
    for changed in (broken, terminal, line.replace("'", "\u2019")):
        assert told(f"Hello,\nthis is what I see:\n\n{changed}\n\nWhat is it?\n") == [whole]


EVENT = "[2026-03-02 10:11:12] SECURITY[9] x.c: " + SECURITY.format("InvalidAccountID", "UDP", "").replace("s1", "x1")


def unread(*lines: str) -> dict[tuple[str, str], int]:
    tally = Tally("log")
    assert list(read_stream(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), tally)) == []
    assert sum(tally.undecoded.values()) == sum(tally.unread_messages.values())
    return dict(tally.unread_messages)


@pytest.mark.parametrize("end", range(CALLER.index(" from '") + 7, CALLER.index(" No matching")))
def test_a_sentence_that_was_cut_off_is_counted(end: int) -> None:
    assert unread(CALLER[:end]) == {(CUT_SENTENCE, ""): 1}


@pytest.mark.parametrize(
    "said",
    [CALLER[:60] + "\u2026" + CALLER[-30:], CALLER.replace(" (callid: x1)", ""), EVENT[: EVENT.index(",Remote")]],
)
def test_a_sentence_without_its_source_is_counted(said: str) -> None:
    assert unread(said) == {(CUT_SENTENCE, ""): 1}


@pytest.mark.parametrize(
    "reason",
    [
        "No matching endpoint found after 6 tries in 2.000 ms",
        "Failed to authenticate",
        "Error to authenticate",
        "Not match Endpoint ACL",
        "Not match Endpoint Contact ACL",
    ],
)
@pytest.mark.parametrize("start", [" failed for", "led for", "1:5060", "callid"])
def test_so_is_one_whose_beginning_is_lost(start: str, reason: str) -> None:
    said = FAILED.format("'INVITE' ", reason)
    assert unread(said[said.index(start) :]) == {(CUT_SENTENCE, ""): 1}


def test_an_event_beside_its_sentence_is_not_counted() -> None:
    assert unread(CALLER, EVENT[: EVENT.index(",Remote")]) == {}
    hidden = CALLER.replace(STRANGER, "x.x.x.x"), EVENT.replace(STRANGER, "x.x.x.x")
    assert unread(*hidden) == {("hidden", "x.x.x.x"): 1}
    assert unread(hidden[1]) == {("hidden", "x.x.x.x"): 1}


@pytest.mark.parametrize("said", ["    -- Executing [1@in:1] NoOp({})", "[2026-03-02 10:11:12] VERBOSE[9] x.c: {}"])
def test_the_words_of_a_caller_are_no_sentence(said: str) -> None:
    assert unread(said.format("Request 'INVITE' from '<sip:a@b>'"), CALLER) == {}
