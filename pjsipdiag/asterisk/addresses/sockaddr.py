"""Numeric addresses as Asterisk reads them: `ast_sockaddr_parse` (main/netsock2.c) over glibc's getaddrinfo with
AI_NUMERICHOST and AI_NUMERICSERV, which takes more than canonical text (`1.2.3` is 1.2.0.3).
"""

from __future__ import annotations

import ipaddress
import re
import string

from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.digits import is_number, read_number

_PART = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
_C_BLANK = re.compile(r"[ \t\n\v\f\r]")
_STRTOUL = re.compile(r"[ \t\n\v\f\r]*([+-]?)(\d*)")


class NumericAddress(NamedTuple):
    """A parsed address: `version` 4 or 6, `ip` as a number, `port` 0 where there is none."""

    version: int
    ip: int
    port: int = 0


_PJ_LONGEST = 15
"""Bytes of an IPv4 address that PJSIP hands to `inet_aton` (PJ_INET_ADDRSTRLEN with its zero)."""
_PLAIN = re.compile(r"\.".join([r"(0|[1-9][0-9]{0,2})"] * 4))
"""Four numbers, none of them octal."""


def split_host_port(text: str) -> tuple[str, str | None]:
    """`ast_sockaddr_split_hostport`: the host without brackets, and what follows the colon (None: no colon)."""
    if text.startswith("["):
        host, bracket, after = text[1:].partition("]")
        return host, after[1:] if bracket and after.startswith(":") else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def parse(text: str, *, ports: bool = True) -> NumericAddress | None:
    """The address that `text` is, or None where Asterisk sees none (a name, for instance).

    With `ports` a port may follow; without, a port makes the text invalid (PARSE_PORT_FORBID).
    """
    host, port = split_host_port(text)
    number = 0
    if port is not None:
        if not ports:
            return None
        parsed = service(port)
        if parsed is None:
            return None
        number = parsed
    if host == "*":
        # No host at all to getaddrinfo: the loopback address, if there is a port.
        return None if port in (None, "*") else NumericAddress(6, 1, number)
    address = _inet_aton(host)
    if address is not None:
        return NumericAddress(4, address, number)
    address = _inet_pton6(host)
    return None if address is None else NumericAddress(6, address, number)


def parse_bound(host: str) -> NumericAddress | None:
    """The address that the host of a `bind=` is (`pj_inet_aton`, pjlib/src/pj/sock_bsd.c): C's `inet_aton` passes over
    what stands behind a blank (`0.0.0.0 # all`), and PJSIP gives it short texts only."""
    if ":" not in host and len(host.encode("utf-8", "surrogateescape")) <= _PJ_LONGEST:
        host = _C_BLANK.split(host, maxsplit=1)[0] or host
    return parse(f"[{host}]", ports=False)


def service(port: str) -> int | None:
    """A numeric service as getaddrinfo takes it: `strtoul`, cut to 16 bits; None when it is not a number, or when it is
    below zero as a C int."""
    if port == "*":
        return 0
    matched = _STRTOUL.fullmatch(port)
    if matched is None or (not matched[2] and port):
        return None
    value = min(read_number(matched[2] or "0"), 2**64 - 1)
    value = (-value if matched[1] == "-" else value) & 0xFFFFFFFF
    return None if value >> 31 else value & 0xFFFF


def zone(text: str) -> str:
    """The interface that a link-local address names (`eth0` of `fe80::1%eth0`); empty where there is none, where it is
    a number, and for `lo`, which every machine has. Without that interface Asterisk refuses the address."""
    address, percent, name = split_host_port(text.partition("/")[0].removeprefix("!"))[0].partition("%")
    if not percent or name.isdigit() or name == "lo" or parse(f"[{address}%{name}]") is None:
        return ""
    return name


def unmap(address: NumericAddress) -> NumericAddress:
    """An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) as the IPv4 address that it stands for."""
    if address.version == 6 and address.ip >> 32 == 0xFFFF:
        return NumericAddress(4, address.ip & 0xFFFFFFFF, address.port)
    return address


def text_of(version: int, ip: int) -> str:
    """The address as `getnameinfo` writes it."""
    if version == 4:
        return str(ipaddress.IPv4Address(ip))
    if ip >> 32 == 0xFFFF:
        return f"::ffff:{ipaddress.IPv4Address(ip & 0xFFFFFFFF)}"
    if 0xFFFF < ip < 1 << 32:
        return f"::{ipaddress.IPv4Address(ip)}"
    return str(ipaddress.IPv6Address(ip))


def _inet_aton(host: str) -> int | None:
    plain = _PLAIN.fullmatch(host)
    if plain is not None:  # what nearly all are, and quicker
        a, b, c, d = map(int, plain.groups())
        return a << 24 | b << 16 | c << 8 | d if max(a, b, c, d) < 256 else None
    parts = host.split(".")
    if len(parts) > 4 or not all(_PART.fullmatch(part) for part in parts):
        return None
    # Fewer than four parts: the last one fills all bytes that are left (1.2.3 is 1.2.0.3).
    *leading, last = (_strtoul(part) for part in parts)
    if any(value > 0xFF for value in leading) or last >= 1 << 8 * (5 - len(parts)):
        return None
    address = last
    for position, value in enumerate(leading):
        address |= value << 8 * (3 - position)
    return address


def _strtoul(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:], 16)
    return int(part, 8) if part.startswith("0") else read_number(part)


def _inet_pton6(host: str) -> int | None:
    text, percent, scope = host.partition("%")
    if ":" not in text or not set(text) <= set(string.hexdigits + ":."):
        return None
    try:
        address = int(ipaddress.IPv6Address(text))
    except ValueError:
        return None
    if percent and not (is_number(scope) and read_number(scope) <= 0xFFFFFFFF):
        # The name of an interface: only the machine that Asterisk runs on knows it, and no packet that is not
        # of that link can match it.
        return address if scope and _is_link_local(address) else None
    return address


def _is_link_local(address: int) -> bool:
    """Whether the C library looks for an interface of that name: link-local, or multicast of a link or a node."""
    return address >> 118 == 0x3FA or address >> 112 & 0xFF0F in (0xFF01, 0xFF02)
