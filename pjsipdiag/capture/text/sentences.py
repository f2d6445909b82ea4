"""Asterisk's sentences in its log about requests that it refused, with or without the SIP beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pjsipdiag.capture.text.needles import places
from pjsipdiag.capture.text.ways import is_no_sender, place
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.sip import Address

_PARTS = (
    *(b"Request '", b"Request from '"),
    *(b"No matching endpoint found", b"Failed to authenticate", b"Error to authenticate", b"Not match Endpoint "),
)
"""The beginnings of log_failed_request's sentences, and the reasons that they end with."""
NEEDLES = (
    *(
        b" failed for ",
        b"SecurityEvent=",
        b"rejected because extension",
        b"did not pass ACL test",
        b"SIP ACL: Rejecting ",
    ),
    *_PARTS,
    *(
        b" not found for endpoint ",
        b" has no configured ",
        b" with a non-SIP URI",
        b" REGISTER request from '",
        b"egistration attempt",
    ),
    *(b" bytes packet from ", b"Error processing packet from "),
    b" (Handshake): ",
    b"c: Source address ",
    b"_check: Source address ",
)
LONGEST_LOG_LINE = 8192
"""LOGMSG_SIZE (main/logger.c): Asterisk writes no longer line."""
_HIDDEN = r"[^'\s]{1,80}|<[^>\n]{1,60}>(?::\d{1,5})?"
_PLACE = r"(?: \((?P<source>[^)\s]+)\))?"
_FORMS: dict[re.Pattern[str], str] = {
    # log_failed_request, res/res_pjsip/pjsip_distributor.c; without the method before 13.10
    re.compile(
        rf"Request (?:'(?P<method>[^']*)' )?from '(?>(?P<sender>.*?)' failed for '?(?P<source>{_HIDDEN})'? "
        r"\(callid: )(?P<call_id>.*?)\) -{1,3} (?P<reason>[A-Za-z]+(?: (?!after \d)[A-Za-z]+)*)",
        re.DOTALL,
    ): "",
    # new_invite, res/res_pjsip_session.c
    re.compile(
        r"Call (?:from '[^']*' )?\((?P<transport>\w+):(?P<source>\S+)\) to extension '.*?' "
        r"(?P<reason>rejected because extension not found in context '[^'\n]*')\.?"
    ): "INVITE",
    # apply_contact_acl, res/res_pjsip_acl.c: the address is one of the Contact's host, which has no port
    re.compile(r"Incoming SIP message from \S+:0 (?P<reason>did not pass ACL test)"): "",
    # apply_acl, res/res_pjsip_acl.c, and what ast_apply_acl, main/acl.c, says before it
    re.compile(r"Incoming SIP message from (?P<source>\S+) (?P<reason>did not pass ACL test)"): "",
    re.compile(
        r"SIP ACL: Rejecting '(?P<source>[^'\s]+)' due to "
        r"(?P<reason>(?:a failure to pass|use of an invalid) ACL '[^'\n]*')"
    ): "",
    # pjsip_tpmgr_receive_packet, sip_transport.c of PJSIP, and endpt_on_rx_msg of sip_endpoint.c
    re.compile(
        r"(?:Dropping|Error processing) \d+ bytes packet from (?P<transport>[A-Za-z]+)6? (?P<source>\S+) : "
        r"(?P<reason>PJSIP syntax error exception when parsing '[^'\n]*' header on line \d+ col \d+)"
    ): "",
    re.compile(r"Error processing packet from (?P<source>\S+): (?P<reason>[^\n]*?) +\[code \d+\]"): "",
    # STATUS_FROM_SSL_ERR2, ssl_sock_ossl.c of PJSIP: who connects gets no request through
    re.compile(
        r"(?P<reason>SSL_ERROR_\w+ \(Handshake\): Level: \d+ err: <\d+> <[^>\n]*>) len: -?\d+ peer: (?P<source>\S+)"
    ): "TLS connection",
    # res/res_pjsip_registrar.c: registrar_on_rx_request, find_registrar_aor, register_aor_core; before 13.16 without
    # the address
    re.compile(rf"(?P<reason>AOR '[^'\n]*' not found for endpoint '(?P<endpoint>[^'\n]*)'){_PLACE}"): "REGISTER",
    re.compile(
        rf"Registration attempt from endpoint '(?P<endpoint>[^'\n]*)'{_PLACE} to AOR '[^'\n]*'"
        r" (?P<reason>will exceed max contacts of \d+)"
    ): "REGISTER",
    re.compile(
        rf"Endpoint '(?P<endpoint>[^'\n]*)'{_PLACE} "
        r"(?P<reason>has no configured AORs|attempted to register to an AOR with a non-SIP URI)"
    ): "REGISTER",
    re.compile(
        r"AOR '[^'\n]*' (?P<reason>has no configured max_contacts)\. "
        rf"Endpoint '(?P<endpoint>[^'\n]*)'{_PLACE} unable to register"
    ): "REGISTER",
    re.compile(
        r"(?P<reason>(?:Failed to validate contacts in|Invalid modifications made to) REGISTER request)"
        r" from '(?P<endpoint>[^'\n]*)'"
    ): "REGISTER",
    # handle_registration_response, schedule_retry, res/res_pjsip_outbound_registration.c
    re.compile(
        r"(?P<reason>(?:(?:(?:Temporal|Fatal) response '\d{3}'|'\d{3}' fatal response|403 Forbidden fatal response"
        r"|No response) received from '[^'\n]*' on|Fatal) registration attempt to '(?P<sender>[^'\n]*)')"
    ): "REGISTER",
    re.compile(
        r"(?P<reason>Maximum retries reached when attempting outbound registration to '[^'\n]*'"
        r" with client '(?P<sender>[^'\n]*)', stopping registration attempt)"
    ): "REGISTER",
}
"""Asterisk's sentences -> the method of the request, where the sentence does not name it."""
_UNPARSED = ("PJSIP syntax error", "Missing required header")
_METHOD = re.compile(rb"(?<![A-Za-z])([A-Z]{3,12}) (?:sips?|tel):[^\n]{1,400} SIP/2\.0\r?(?:\n|\Z)")
_EVENT = re.compile(r'SecurityEvent="(?P<event>[A-Za-z]+)"(?P<rest>[^\n]*)')
_FIELD = re.compile(r'\b(\w+)="((?:[^"\\]|\\.)*)"')
_PART = re.compile(
    r"\bRequest (?:'[A-Z]{3,12}' )?from '|[)\u2026.>] ?-{1,3} "
    r"(?:No matching endpoint found|(?:Failed|Error) to authenticate|Not match Endpoint )"
)
"""The beginning or the end of a sentence on a refused request."""
_TRIED = re.compile(
    r"DEBUG(?:\x1b\[[0-9;]*m)*\[\d+\](?:\[C-[0-9a-f]+\])?:? (?:\x1b\[[0-9;]*m)*"
    r"res_pjsip_endpoint_identifier_ip\.c(?:\x1b\[[0-9;]*m)*(?::(?:\x1b\[[0-9;]*m)*\d+(?:\x1b\[[0-9;]*m)*)?"
    r"(?: (?:\x1b\[[0-9;]*m)*\w+(?:\x1b\[[0-9;]*m)*)?: "
    r"(?P<text>Source address (?P<source>\S+) (?:matches|does not match) identify '[^'\n]*')"
)
"""The words of ip_identify_match_check (res_pjsip_endpoint_identifier_ip.c) from `core set debug 3` on, in a file and
on a console."""
_LEVEL = re.compile(r"\b(?:VERBOSE|DEBUG|NOTICE|WARNING|ERROR|SECURITY)\b")
_TWICE = (re.compile(r" failed for '?[^'\s]+'? \(callid: "), re.compile(r"' not found for endpoint '"))
"""Words that stand once in a sentence, between words that the sender of the request chose."""
_OTHERS = re.compile(r"\b(?:VERBOSE|DEBUG|DTMF)(?:\x1b\[[0-9;]*m)*\[|\bExecuting \[")
"""The beginnings of entries that never refuse a request: they tell what the dialplan does, with the caller's words."""
_REFUSING = {
    "InvalidAccountID": "no endpoint for the account",
    "ChallengeResponseFailed": "the credentials were refused",
    "InvalidPassword": "the credentials were refused",
    "FailedACL": "an access list denies the source",
    "not_match_endpoint_contact_acl": "an access list denies the Contact",
    "RequestNotSupported": "the request is not supported",
    "RequestNotAllowed": "the request is not allowed",
    "MemoryLimit": "memory was short",
    "registrar_requested_aor_not_found": "no AOR takes the registration",
    "registrar_attempt_without_configured_aors": "no AOR takes the registration",
    "registrar_attempt_without_registration_permitted": "no AOR takes the registration",
    "registrar_attempt_exceeds_maximum_configured_contacts": "no AOR takes the registration",
    "registrar_invalid_contacts_provided": "the registration is not valid",
    "registrar_invalid_uri_in_to_received": "the registration is not valid",
}
"""SECURITY events of Service PJSIP that refuse (main/security_events.c), and what they name as ACLName or RequestType
(res_pjsip_registrar.c, pjsip_distributor.c); ChallengeSent alone refuses nobody."""
_NO_ACCOUNT = "<unknown>"
"""The AccountID of a request for which no endpoint was found (get_account_id, res_pjsip/security_events.c)."""


class Sentence(NamedTuple):
    """One refusal that a line tells: `text` is Asterisk's sentence, the rest what it names, "" where it does not.
    `source` is None where the address cannot be read (`hidden` is what stands there)."""

    text: str
    reason: str
    source: Address | None
    method: str = ""
    sender: str = ""
    call_id: str = ""
    transport: str = ""
    endpoint: str = ""
    hidden: str = ""
    event: bool = False
    doubtful: bool = False
    """Whether it can be read in several ways, for the sender put such a sentence into his request."""


def sentence(line: bytes) -> Sentence | None:
    """Reads the sentence in a line of the log that says why a request was refused; None where there is none."""
    if len(line) > LONGEST_LOG_LINE:
        return None
    text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    text = _unquoted(text)
    matches = [found for form in (*_FORMS, _EVENT) if (found := form.search(text)) is not None]
    if not matches:
        return None
    # Asterisk's own words come first in a line; a form that fits further on may lie in what the sender wrote.
    found = min(matches, key=lambda one: one.start())
    if _OTHERS.search(text, 0, found.start()) is not None:
        return None
    if found.re is _EVENT:
        return _of_event(found)
    named = {name: value or "" for name, value in found.groupdict().items()}
    # Some sentences have the address with its port, others alone, an IPv6 one without brackets then.
    place_of = named.get("source", "")
    source = _sender(place_of) or _sender(f"[{place_of}]:0")
    return Sentence(
        found[0].rstrip(".") if "rejected because" not in found[0] else found[0],
        named["reason"].strip(),
        source,
        named.get("method") or _FORMS[found.re],
        named.get("sender", ""),
        named.get("call_id", ""),
        named.get("transport", ""),
        named.get("endpoint", ""),
        "" if source else place_of,
        doubtful=any(len(part.findall(text)) > 1 for part in _TWICE),
    )


def tried_identify(line: bytes) -> tuple[Address, str] | None:
    """The source that an identify was held against, and Asterisk's sentence; None where the line is another, or may be
    what a sender wrote into one."""
    text = line[:LONGEST_LOG_LINE].decode("utf-8", "surrogateescape")
    found = _TRIED.search(text)
    source = _sender(found["source"]) if found and not _LEVEL.search(text, 0, found.start()) else None
    return (source, found["text"]) if found and source else None


def is_unparsed(reason: str) -> bool:
    """Whether the request could not be read: Asterisk's SIP logger never shows such a one."""
    return reason.startswith(_UNPARSED)


def method_in(line: bytes) -> str:
    """The method of the request that a line begins: it stands behind a sentence on what could not be read."""
    found = _METHOD.search(line[:LONGEST_LOG_LINE])
    return found[1].decode() if found else ""


def is_part(line: bytes) -> bool:
    """Whether a line without a sentence holds a part of one: its rest was cut off, or changed."""
    if not any(part in line for part in _PARTS):
        return False
    text = line[:LONGEST_LOG_LINE].decode("utf-8", "surrogateescape")
    found = _PART.search(text)
    return found is not None and _OTHERS.search(text, 0, found.start()) is None


def _sender(text: str) -> Address | None:
    found = place(text.encode("utf-8", "surrogateescape"))
    return None if found is None or is_no_sender(found.pack()) else found


def _unquoted(text: str) -> str:
    """The sentence as it was before somebody put it between quotation marks, in JSON, YAML or a table."""
    text = text.replace("\\'", "'")
    if 'SecurityEvent=\\"' in text:
        return re.sub(r"\\(.)", r"\1", text)
    if 'SecurityEvent=""' in text:
        return text.replace('""', '"')
    return text.replace("''", "'") if "Request ''" in text else text


def _of_event(found: re.Match[str]) -> Sentence | None:
    if found["event"] not in _REFUSING:
        return None
    fields = dict(_FIELD.findall(found["rest"]))
    if fields.get("Service") != "PJSIP":
        return None
    _, transport, host, port = _remote(fields.get("RemoteAddress", ""))
    source = _sender(f"{host}:{port}")
    account = fields.get("AccountID", "")
    what = fields.get("ACLName") or fields.get("RequestType") or ""
    registers = what.startswith("registrar_")
    unknown = account == _NO_ACCOUNT or found["event"] == "InvalidAccountID"
    said = _REFUSING["InvalidAccountID" if unknown else what if what in _REFUSING else found["event"]]
    said = f"{said}: {what}" if registers else said
    return Sentence(
        f'SecurityEvent="{found["event"]}", AccountID="{account}"',
        f"{said} (SecurityEvent {found['event']})",
        source,
        "REGISTER" if registers else "",
        sender="" if account == _NO_ACCOUNT else account,
        endpoint="" if unknown else account,
        call_id=fields.get("SessionID", ""),
        transport=transport,
        hidden="" if source else host,
        event=True,
    )


def _remote(text: str) -> tuple[str, str, str, str]:
    """IPV4/UDP/203.0.113.11/5060."""
    family, _, rest = text.partition("/")
    transport, _, rest = rest.partition("/")
    host, _, port = rest.rpartition("/")
    return family, transport, host, port


def lines_with(text: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """(offset, line) of each line of `text` up to `end` that may hold a sentence, in order."""
    stop = 0
    for at in places(text, NEEDLES, 0, end):
        if at >= stop:
            start, stop = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
            stop = stop if stop >= 0 else len(text)
            yield start, text[start:stop]
