"""Reads the head of a message with as little work as its usual spelling allows.

Lenient, as a report is: what PJSIP makes of the same bytes is `pjsipdiag.asterisk.pjsip.message`.
"""

from __future__ import annotations

import re
from zlib import crc32

from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.rows import ACKED, CONNECTED, TAGGED
from pjsipdiag.digest import wide_digest
from pjsipdiag.sip import decode, parse_uri

has_credentials = re.compile(rb"\n(?:proxy-)?authorization[ \t]*:", re.IGNORECASE).search
"""Whether a head has a header with credentials."""
_VALUE = re.compile(rb"[^;,\s]*").match
_USER = re.compile(rb"(?>(?:[^%?@]*<)?)[^:<%?@]*+(?>(?::([^:<%?@]*+)[^<%?@]*+)?)@[^%?@]*+\Z").match
"""The user of a URI, or of the last one in angle brackets, without escapes and headers."""
COMPACT = {b"call-id": b"i", b"from": b"f", b"to": b"t", b"via": b"v"}

_USUAL_VALUES = re.compile(
    r"\S+ (\S+) SIP/2\.0\r\n(?:(?!From: |Call-ID: ).*+\n)*+From: (\S.*\S)\r\n(?![ \t])"
    r"(?:(?!Call-ID: ).*+\n)*+Call-ID: (\S+)\r\n",
    re.ASCII,
).match
"""Request URI, From and Call-ID of a head, each in a line of its own."""
_USUAL = {name.lower(): b"\n" + name + b": " for name in (b"From", b"To", b"CSeq", b"Call-ID", b"User-Agent")}


def value_of(head: bytes, name: bytes) -> bytes:
    """The first value of the header `name` (lower case), compact form too, folded lines joined; empty without one."""
    usual = _USUAL.get(name)
    if usual and (at := head.find(usual)) >= 0:
        end = head.find(b"\n", at + 1)
        if end >= 0 and head[end + 1 : end + 2] not in (b" ", b"\t"):
            return head[at + len(usual) : end].strip()
    short = COMPACT.get(name)
    lines = head.split(b"\n")
    for number, line in enumerate(lines[1:], 1):
        if line in (b"\r", b""):
            break
        spelt, colon, value = line.partition(b":")
        spelt = spelt.strip().lower()
        if colon and spelt in (name, short):
            for more in lines[number + 1 :]:
                if more[:1] not in (b" ", b"\t"):
                    break
                value = value.rstrip() + b" " + more.strip()
            return value.strip()
    return b""


def fields_of(head: bytes) -> Fields:
    """PARSED_FIELDS of a head that has no form, but for the user of its URI and the names of its sender."""
    to, sender = value_of(head, b"to"), value_of(head, b"from")
    return (
        call_id(head),
        value_of(head, b"cseq").partition(b" ")[0],
        branch_of(head),
        to if has_tag(to) else b"",
        tag_of(sender),
        head.partition(b" ")[2].partition(b" ")[0],
        b"",
        value_of(head, b"user-agent"),
    )


def call_id(head: bytes) -> bytes:
    at = head.find(b"\nCall-ID: ")
    return head[at + 10 : head.find(b"\n", at + 10)].strip() if at >= 0 else value_of(head, b"call-id")


def shown_values(head: bytes) -> tuple[str, str, str]:
    """The URI, the From value and the Call-ID of a request as text."""
    if usual := _USUAL_VALUES(decode(head)):
        return usual[1], usual[2], usual[3]
    uri = head[: head.find(b"\n")].rstrip().partition(b" ")[2].rpartition(b" ")[0]
    return decode(uri), decode(value_of(head, b"from")), decode(call_id(head))


def branch_of(head: bytes) -> bytes:
    """The branch of the top Via; empty without one."""
    at = head.find(b";branch=", max(head.find(b"\nVia: "), 0))
    return _VALUE(head, at + 8)[0] if at >= 0 else b""  # type: ignore[index]  # it matches nothing, too


def agent_of(head: bytes) -> bytes:
    """The User-Agent value as it is usually spelt; empty otherwise."""
    at = head.find(b"\nUser-Agent: ")
    return head[at + 13 : head.find(b"\r", at)] if at >= 0 else b""


def server_of(head: bytes) -> bytes:
    """The Server value, which answers have, as it is usually spelt; empty otherwise."""
    at = head.find(b"\nServer: ")
    return head[at + 9 : head.find(b"\r", at)] if at >= 0 else b""


def has_tag(to: bytes) -> bool:
    """Whether a To value has a tag: the request is inside a dialog."""
    parameters = to.rpartition(b">")[2] if b">" in to else to.partition(b";")[2]
    return any(part.strip().lower().startswith((b"tag=", b"tag =")) for part in parameters.split(b";"))


def tag_of(value: bytes) -> bytes:
    """The tag of a From or To value; empty without one."""
    parameters = value.rpartition(b">")[2] if b">" in value else value
    for part in parameters.split(b";")[1:]:
        name, _, tag = part.partition(b"=")
        if name.strip().lower() == b"tag":
            return tag.strip()
    return b""


def tagged(datagram: Datagram, head: bytes, what: int) -> bytes:
    """TAGGED of a message; empty where it shows nothing, as an ACK without a tag, and where the capture says that it
    went the other way."""
    caller, pbx, against, method = datagram.source, datagram.destination, "out", b"ACK" if what == ACKED else b"INVITE"
    if what > CONNECTED:
        caller, pbx, against = pbx, caller, "in"
    number, _, name = value_of(head, b"cseq").partition(b" ")
    tag = tag_of(value_of(head, b"to"))
    if datagram.direction == against or name.strip() != method or (what == ACKED and not tag):
        return b""
    request = wide_digest(caller[:-2], call_id(head)) + crc32(number).to_bytes(4, "little")
    return TAGGED.pack(request, crc32(tag) or 1, what, crc32(pbx[:-2]))


def realm_of(head: bytes) -> bytes:
    at = head.find(b'realm="')
    return head[at + 7 : head.find(b'"', at + 7)] if at >= 0 else b""


def user_of(value: bytes) -> str:
    """The user of the URI in a request line or a From value; empty without one."""
    usual = _USER(value)
    if usual:
        return decode(usual[1] or b"")
    uri = parse_uri(decode(value))
    return uri.user if uri else ""


def end_of(message: bytes) -> int:
    """Where the head of a message ends; -1 where it is cut before that."""
    end = message.find(b"\r\n\r\n") + 4
    if end >= 4:
        return end
    end = message.find(b"\n\n") + 2
    return end if end >= 2 else -1


PRODUCT = re.compile(rb"[A-Za-z][\w .-]{0,40}\(((?:certified[/-])?[12]\d\.\d+[\w.~+-]*)\)")
"""`FPBX-16.0.40(18.9-cert1)`: a name, and in brackets a release; other servers put more into theirs."""


class IsAsterisk(dict[bytes, bool]):
    """Whether a Server or User-Agent value is Asterisk's: its own name, or a product's with Asterisk's release in
    brackets, as FreePBX and others write."""

    def __missing__(self, value: bytes) -> bool:
        known = b"Asterisk" in value or b"FPBX" in value or PRODUCT.fullmatch(value.strip()) is not None
        if len(self) < 10_000:
            self[value] = known
        return known
