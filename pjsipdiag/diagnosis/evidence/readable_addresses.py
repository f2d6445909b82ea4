"""Addresses as people see them: private or public, a name or none, how far beside the rule that was meant for them."""

from __future__ import annotations

import ipaddress
import re
from _socket import inet_ntoa
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import overload

from pjsipdiag.asterisk.addresses.address_rule import bounds, make_ip, network_text, number, shared_bits
from pjsipdiag.asterisk.config import AddressRule
from pjsipdiag.digits import is_number, read_number
from pjsipdiag.sip import Address, parse_uri

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


def ip_of(place: str) -> str:
    """The IP address of "ip:port", "[ip]:port" or "ip", as `Address` prints them."""
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.partition(":")[0] if place.count(":") == 1 else place


def address_of(place: str) -> Address:
    """The address with its port, 0 where there is none."""
    host, _, port = place.rpartition(":")
    return Address(host.strip("[]"), read_number(port)) if is_number(port) and host else Address(place.strip("[]"))


def host_of(uri: str) -> str:
    """The host of a URI; empty where it has none."""
    parsed = parse_uri(uri)
    return parsed.host if parsed else ""


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
    address = make_ip(*number(ip))
    return any(address in network for network in _PRIVATE)


def near_miss(rule: AddressRule, ip: str) -> str:
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


class ShownIps(Sequence[str]):
    """The addresses at some places among packed ones, made when they are asked for."""

    def __init__(self, packed: Sequence[bytes], places: array[int]) -> None:
        self._packed, self._places = packed, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [show_ip(self._packed[place]) for place in self._places[number]]
        return show_ip(self._packed[self._places[number]])


def show_socket(packed: bytes) -> str:
    """The text of a packed transport address: IP and port, as `Address` prints it."""
    if len(packed) == 6 and (port := packed[4] << 8 | packed[5]):
        return f"{_ipv4_text(packed[:4])}:{port}"
    return str(Address.unpack(packed))


_ipv4_text = lru_cache(maxsize=4096)(inet_ntoa)
show_address = lru_cache(maxsize=4096)(show_socket)
"""`show_socket`, remembered for addresses that come again and again."""
