"""Answers of the command line interface taken apart (res_pjsip/pjsip_cli.c and others print them for people).

Lines that are in no known form are passed over: a running Asterisk may print a message between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_VERSION = re.compile(r"^Asterisk (?:certified/)?(\S+)", re.MULTILINE)
_ROW = re.compile(r"^ ([@A-Za-z0-9_]+) +: ?(.*)$")
_IDENTIFY = re.compile(r"^ +Identify:  (?!<Identify/)(.+/.*)$")
_ENDPOINT = re.compile(r"^ Endpoint:  (?!<Endpoint/CID)(.{1,51}?) +(?:\S.{0,11}?) +\d+ of \S+ *$")
_TRANSPORT = re.compile(r"^Transport:  (?!<TransportId)(.+?) +(?:udp|tcp|tls|ws|wss|flow) +\d+ +\d+  \S+ *$")
_REGISTRATION = re.compile(r"^ (?!<Registration/)(\S.*?)/sips?:")
_AUTH = re.compile(r"^ +(?:InAuth|I/OAuth):  (?!<AuthId/)(.+)/[^/]*$")
_RULE = re.compile(r"^ *\d+: +(deny|allow) - (\S+) *$")
_MODULE = re.compile(r"^(\S+)\.so .* (?<!Not )Running ")
_LIST = re.compile(
    r"<(?:Identify/Endpoint|Endpoint/CID|TransportId|Registration/ServerURI)\.|^Module +Description", re.MULTILINE
)
_END = re.compile(r"^(?:Objects found: \d+|No objects found\.|\d+ modules? loaded)\s*$", re.MULTILINE)
_CUT_MODULE = re.compile(r"^\S+\.so (?!.*Running ).*$", re.MULTILINE)
NAME_WIDTH = 51
"""Bytes of an endpoint's name that a list shows."""
_NAMES = ("ip", "username", "anonymous", "auth_username", "header", "request_uri", "transport")


def version(text: str) -> str:
    """The release that `core show version` names, as it writes it."""
    found = _VERSION.search(text)
    if found is None:
        return ""
    return f"certified/{found[1]}" if "certified/" in found[0] else found[1]


def ends_early(text: str) -> bool:
    """Whether a list of objects or modules came in part: it has no end, or its lines have none."""
    return bool(_LIST.search(text)) and not (_END.search(text) and not _CUT_MODULE.search(text))


def rows(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of each line below `ParameterName : ParameterValue`, up to the next empty line."""
    inside = False
    for line in text.split("\n"):
        if line.startswith(" ParameterName"):
            inside = True
        elif not line.strip():
            inside = False
        elif inside and (found := _ROW.match(line)):
            yield found[1], found[2].rstrip()


def identifiers(text: str) -> tuple[str, ...]:
    """`pjsip show identifiers`: the order in force."""
    lines = [line.strip() for line in text.split("\n")]
    return tuple("line" if line == "name not specified" else line for line in lines if line in (*_NAMES, _LINE))


_LINE = "name not specified"


def _all(pattern: re.Pattern[str], text: str) -> list[str]:
    found = map(pattern.match, text.split("\n"))
    return list(dict.fromkeys(match[1] for match in found if match))


def identifies(text: str) -> list[str]:
    """`name/endpoint` of each identify that a list or an endpoint shows, in its order."""
    return _all(_IDENTIFY, text)


def endpoints(text: str) -> list[str]:
    """The names of `pjsip show endpoints`, each perhaps cut, perhaps with `/` and a caller's number behind it: several
    may be cut to the same."""
    found = map(_ENDPOINT.match, text.split("\n"))
    return [match[1].rstrip() for match in found if match]


def is_cut(name: str) -> bool:
    """Whether a name fills its column in that list."""
    return len(name.encode("utf-8", "surrogateescape")) >= NAME_WIDTH


def begins(name: str, listed: str) -> bool:
    """Whether a name may be the one that was cut, perhaps inside of a letter."""
    return name.encode("utf-8", "surrogateescape").startswith(listed.encode("utf-8", "surrogateescape"))


def transports(text: str) -> list[str]:
    return _all(_TRANSPORT, text)


def registrations(text: str) -> list[str]:
    return _all(_REGISTRATION, text)


def auths(text: str) -> list[str]:
    """The auth objects that exist, as `pjsip show endpoint` names them."""
    return _all(_AUTH, text)


def acls(text: str) -> list[str]:
    """The names of `acl show`."""
    lines = [line.strip() for line in text.split("\n")]
    start = next((at for at, line in enumerate(lines) if line == "---"), len(lines))
    return [line for line in lines[start + 1 :] if line and line != NO_ACLS]


NO_ACLS = "ACL configuration isn't available."
"""The line in place of the list where acl.conf was refused (main/named_acl.c): then no named list denies."""


def rules(text: str) -> list[tuple[str, str]]:
    """(permit or deny, network) of `acl show NAME`, in order."""
    found = map(_RULE.match, text.split("\n"))
    return [("permit" if match[1] == "allow" else "deny", match[2]) for match in found if match]


def modules(text: str) -> list[str]:
    """The modules that run, of `module show`."""
    found = map(_MODULE.match, text.split("\n"))
    return [match[1] for match in found if match]


def evaluation(text: str) -> str | None:
    """The result of `dialplan eval function`: empty also where it fails, as for an object that is not there; None for a
    text that is no answer."""
    found = re.search(r"^Result: ?(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else None
