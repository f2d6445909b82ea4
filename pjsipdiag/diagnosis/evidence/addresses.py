"""Addresses beside the rules that were meant for them: which rule fits, by how much it misses, whose network it is."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from socket import inet_ntoa

from pjsipdiag.asterisk.config import Identify, Rule
from pjsipdiag.sip import Address, ip_text

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
"""RFC 1918, RFC 6598, RFC 3927, RFC 4193 and loopback: addresses that the public network does not carry."""

BITS = {4: 32, 6: 128}


@lru_cache(maxsize=65536)
def number(ip: str) -> tuple[int, int]:
    """(family, integer) of an address; IPv4-mapped IPv6 counts as IPv4, as in `ast_sockaddr_ipv4_mapped`."""
    address = ipaddress.ip_address(ip.split("%", 1)[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.version, int(address)


def is_address(text: str) -> bool:
    """Whether `text` is an IP address (and not a host name)."""
    try:
        number(text)
    except ValueError:
        return False
    return True


_NAME = re.compile(r"(?:[a-z0-9_-]+\.)*[a-z_][a-z0-9_-]*\.?(?::\d+)?", re.IGNORECASE)


def is_name(text: str) -> bool:
    """Whether `text` can be a host name with or without a port: the last label of one does not begin with a digit."""
    return bool(_NAME.fullmatch(text))


@lru_cache(maxsize=65536)
def is_private(ip: str) -> bool:
    """Whether no packet from the public network can carry this source (documentation ranges count as public)."""
    family, value = number(ip)
    address = ipaddress.ip_address(value) if family == 6 else ipaddress.IPv4Address(value)
    return any(address in network for network in _PRIVATE)


def fits(rule: Rule, ip: str) -> bool:
    """Whether the rule's network holds the address; the port is not looked at."""
    family, value = number(ip)
    return rule.version == family and value & rule.mask == rule.network


def deciding(rules: tuple[Rule, ...], source: Address) -> Rule | None:
    """The rule that decides in an access list: the last one that fits address and port (`ast_apply_acl`)."""
    return next((rule for rule in reversed(rules) if rule.port in (0, source.port) and fits(rule, source.ip)), None)


def taken_by(identify: Identify, source: Address) -> Rule | None:
    """The rule by which the identify matches the source, or None."""
    rule = deciding(identify.rules, source)
    return rule if rule and not rule.deny else None


def length(rule: Rule) -> int:
    """How many bits the rule fixes: 32 or 128 is one address, 0 is everybody."""
    return rule.mask.bit_count()


def is_whole_world(rule: Rule) -> bool:
    """Whether a rule lets in so much that it says nothing about who calls."""
    return length(rule) <= (7 if rule.version == 4 else 15)


def shared_bits(rule: Rule, ip: str) -> int:
    """How many leading bits the address has in common with the rule's network; -1 in another family."""
    family, value = number(ip)
    return BITS[family] - (value ^ rule.network).bit_length() if rule.version == family else -1


def bounds(rule: Rule) -> tuple[int, int]:
    """The first and the last address that the rule holds."""
    return rule.network, rule.network | (rule.mask ^ ((1 << BITS[rule.version]) - 1))


def network_text(rule: Rule) -> str:
    """The rule as an administrator would write it."""
    ip = str(ipaddress.IPv4Address(rule.network)) if rule.version == 4 else ip_text(rule.network)
    bits = length(rule)
    return ip if bits == BITS[rule.version] else f"{ip}/{bits}"


def near_miss(rule: Rule, ip: str) -> str:
    """ "203.0.113.12 is one above match=203.0.113.8/30" for an address beside the rule, else an empty string."""
    family, value = number(ip)
    if rule.version != family or rule.deny:
        return ""
    first, last = bounds(rule)
    shown = f"match={rule.text}" if not rule.host else f"match={rule.text} ({network_text(rule)})"
    if 0 < value - last <= 16:
        return f"{ip} is {in_words(value - last)} above {shown}"
    if 0 < first - value <= 16:
        return f"{ip} is {in_words(first - value)} below {shown}"
    if shared_bits(rule, ip) >= (24 if family == 4 else 64):
        return f"{ip} is in the same /{24 if family == 4 else 64} as {shown}"
    return ""


def in_words(steps: int) -> str:
    """A small number as a word."""
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[steps - 1] if steps <= len(words) else str(steps)


def show_ip(packed: bytes) -> str:
    """The text of a packed IP address."""
    return inet_ntoa(packed) if len(packed) == 4 else Address.unpack(packed + b"\0\0").ip


@lru_cache(maxsize=4096)
def show_address(packed: bytes) -> str:
    """The same of a packed transport address: IP and port, as `Address` prints it."""
    if len(packed) == 6 and (packed[4] or packed[5]):
        return f"{inet_ntoa(packed[:4])}:{packed[4] << 8 | packed[5]}"
    return str(Address.unpack(packed))
