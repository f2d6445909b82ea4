"""Asterisk's sentences in its log about requests that it refused, with or without the SIP beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pjsipdiag.capture.text.needles import places
from pjsipdiag.capture.text.ways import is_no_sender, place
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.sip import Address

NEEDLES = (
    *(
        b" failed for ",
        b"SecurityEvent=",
        b"rejected because extension",
        b"did not pass ACL test",
        b"SIP ACL: Rejecting '",
    ),
    *(
        b" not found for endpoint ",
        b"will exceed max contacts",
        b" has no configured ",
        b" on registration attempt to '",
    ),
)
LONGEST_LOG_LINE = 8192
"""LOGMSG_SIZE (main/logger.c): Asterisk writes no longer line."""
_HIDDEN = r"[^'\s]{1,80}|<[^>\n]{1,60}>(?::\d{1,5})?"
_PLACE = r"(?: \((?P<source>[^)\s]+)\))?"
_FORMS = (
    # log_failed_request, res/res_pjsip/pjsip_distributor.c; without the method before 13.10
    re.compile(
        rf"Request (?:'(?P<method>[^']*)' )?from '(?>(?P<sender>.*?)' failed for '?(?P<source>{_HIDDEN})'? "
        r"\(callid: )(?P<call_id>.*?)\) - (?P<reason>[A-Za-z]+(?: (?!after \d)[A-Za-z]+)*)",
        re.DOTALL,
    ),
    # new_invite, res/res_pjsip_session.c
    re.compile(
        r"Call (?:from '[^']*' )?\((?P<transport>\w+):(?P<source>\S+)\) to extension '(?P<dialled>.*?)' "
        r"(?P<reason>rejected because extension not found in context '[^'\n]*')\.?"
    ),
    # apply_acl, res/res_pjsip_acl.c, and what ast_apply_acl, main/acl.c, says before it
    re.compile(r"Incoming SIP message from (?P<source>\S+) (?P<reason>did not pass ACL test)"),
    re.compile(
        r"SIP ACL: Rejecting '(?P<source>[^'\s]+)' due to "
        r"(?P<reason>(?:a failure to pass|use of an invalid) ACL '[^'\n]*')"
    ),
    # rx_task and find_registrar_aor, res/res_pjsip_registrar.c; without the address before 13.16
    re.compile(rf"(?P<reason>AOR '(?P<aor>[^'\n]*)' not found for endpoint '(?P<endpoint>[^'\n]*)'){_PLACE}"),
    re.compile(
        rf"Registration attempt from endpoint '(?P<endpoint>[^'\n]*)'{_PLACE} to AOR '(?P<aor>[^'\n]*)'"
        r" (?P<reason>will exceed max contacts of \d+)"
    ),
    re.compile(rf"Endpoint '(?P<endpoint>[^'\n]*)'{_PLACE} (?P<reason>has no configured (?P<aor>AORs))"),
    re.compile(
        r"AOR '(?P<aor>[^'\n]*)' (?P<reason>has no configured max_contacts)\. "
        rf"Endpoint '(?P<endpoint>[^'\n]*)'{_PLACE} unable to register"
    ),
    # handle_registration_response, schedule_retry, res/res_pjsip_outbound_registration.c
    re.compile(
        r"(?P<reason>(?:(?:Temporal|Fatal) response '\d{3}'|'\d{3}' fatal response|403 Forbidden fatal response"
        r"|No response) received from '(?P<server>[^'\n]*)' on registration attempt to '(?P<sender>[^'\n]*)')"
    ),
)
_EVENT = re.compile(r'SecurityEvent="(?P<event>[A-Za-z]+)"(?P<rest>[^\n]*)')
_FIELD = re.compile(r'\b(\w+)="((?:[^"\\]|\\.)*)"')
_TWICE = (re.compile(r" failed for '?[^'\s]+'? \(callid: "), re.compile(r"' not found for endpoint '"))
"""Words that stand once in a sentence, between words that the sender of the request chose."""
_OTHERS = re.compile(r"\b(?:VERBOSE|DEBUG|DTMF)(?:\x1b\[[0-9;]*m)*\[|\bExecuting \[")
"""The beginnings of entries that never refuse a request: they tell what the dialplan does, with the caller's words."""
_REFUSING = {
    "InvalidAccountID": "no endpoint for the account",
    "ChallengeResponseFailed": "the credentials were refused",
    "InvalidPassword": "the credentials were refused",
    "FailedACL": "an access list denies the source",
    "RequestNotSupported": "the request is not supported",
    "RequestNotAllowed": "the request is not allowed",
    "MemoryLimit": "memory was short",
}
"""SECURITY events of Service PJSIP that refuse (main/security_events.c); ChallengeSent alone refuses nobody."""


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
    """It can be read in several ways, for the sender put such a sentence into his request."""


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
        named.get("method") or _method(named),
        named.get("sender", ""),
        named.get("call_id", ""),
        named.get("transport", ""),
        named.get("endpoint", ""),
        "" if source else place_of,
        doubtful=any(len(part.findall(text)) > 1 for part in _TWICE),
    )


def _sender(text: str) -> Address | None:
    found = place(text.encode("utf-8", "surrogateescape"))
    return None if found is None or is_no_sender(found.pack()) else found


def _unquoted(text: str) -> str:
    """The sentence as it was before somebody put it between quotation marks, in JSON, YAML or a table."""
    if 'SecurityEvent=\\"' in text:
        return re.sub(r"\\(.)", r"\1", text)
    if 'SecurityEvent=""' in text:
        return text.replace('""', '"')
    return text.replace("''", "'") if "Request ''" in text else text


def _method(named: Mapping[str, str]) -> str:
    """The method of a request whose sentence does not name it, by the module that says it."""
    return "REGISTER" if named.keys() & {"aor", "server"} else "INVITE" if "dialled" in named else ""


def _of_event(found: re.Match[str]) -> Sentence | None:
    if found["event"] not in _REFUSING:
        return None
    fields = dict(_FIELD.findall(found["rest"]))
    if fields.get("Service") != "PJSIP":
        return None
    _, transport, host, port = _remote(fields.get("RemoteAddress", ""))
    source = _sender(f"{host}:{port}")
    list_ = fields.get("ACLName", "")
    registers = list_.startswith("registrar_")
    said = f"no AOR takes the registration: {list_}" if registers else _REFUSING[found["event"]]
    reason = f"{said} (SecurityEvent {found['event']})"
    account = fields.get("AccountID", "")
    return Sentence(
        f'SecurityEvent="{found["event"]}", AccountID="{account}"',
        reason,
        source,
        "REGISTER" if registers else "",
        sender="" if account == "<unknown>" else account,
        endpoint="" if found["event"] == "InvalidAccountID" else account,
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
