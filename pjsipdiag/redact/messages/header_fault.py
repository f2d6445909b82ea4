"""The fault for which PJSIP drops a request: its redacted form has one in the same header, to be dropped as well."""

from __future__ import annotations

from pjsipdiag.asterisk.pjsip.message import Dialect, UnparsableMessage, parse
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.sip import long_name

_FAULTS = (b' "', b";", b",", b" <")
"""Signs behind a value with which some header or other is no more one of its kind."""


def keep_fault(raw: bytes, redacted: bytes, disguise: Disguise, dialect: Dialect) -> bytes:
    """The redacted form of a request, with a fault of its own in the header for which PJSIP drops the plain one."""
    if raw.lstrip(b"\r\n").startswith(b"SIP/2.0"):
        return redacted
    before = parse(raw, dialect)
    if not isinstance(before, UnparsableMessage) or not before.header:
        return redacted
    if isinstance(parse(redacted, dialect), UnparsableMessage):
        return redacted
    wanted = long_name(before.header)
    head, blank, body = redacted.partition(b"\r\n\r\n")
    lines = head.removesuffix(b"\r\n").split(b"\r\n")
    named = [at for at, line in enumerate(lines) if at and _name_of(line) == wanted]
    if not named:  # it was left out
        lines.append(disguise.header(before.header).encode() + b": value")
        named = [len(lines) - 1]
    for fault in _FAULTS:
        broken = [*lines[: named[-1]], lines[named[-1]] + fault, *lines[named[-1] + 1 :]]
        message = b"\r\n".join(broken) + (blank or b"\r\n") + body
        after = parse(message, dialect)
        if isinstance(after, UnparsableMessage) and long_name(after.header) == wanted:
            return message
    return redacted


def _name_of(line: bytes) -> str:
    return long_name(line.partition(b":")[0].decode("latin-1").strip())
