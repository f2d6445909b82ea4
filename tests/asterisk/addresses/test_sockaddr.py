"""Numeric addresses: getaddrinfo() of the C library is the judge."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.addresses.sockaddr import parse, split_host_port, text_of


def c_library(text: str) -> tuple[int, int, int] | None:
    host, port = split_host_port(text)
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_DGRAM, flags=numeric)
    except OSError:
        return None
    version = 4 if family == socket.AF_INET else 6
    return version, int(ipaddress.ip_address(str(address[0]).partition("%")[0])), int(address[1])


_NUMBER = st.integers(0, 300).map(str) | st.integers(0, 2**33).map(hex) | st.sampled_from(["", "08", "017", "0x", " 1"])
_DOTTED = st.lists(_NUMBER, min_size=1, max_size=5).map(".".join)
_HEXES = st.lists(st.integers(0, 0x1FFFF).map(lambda n: f"{n:x}") | st.just(""), max_size=9).map(":".join)
_PORT = st.sampled_from(["", ":", ":5060", ":99999", ":-1", ":+5", ":*", ": 7", ":7 ", ":4294967296", ":x"])


@given(st.tuples(_DOTTED | _HEXES | _HEXES.map(lambda text: f"[{text}]"), _PORT).map("".join))
def test_reads_what_the_c_library_reads(text: str) -> None:
    assert parse(text) == c_library(text)


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "127.1", "0x7f.1", "010.1.1.1", "4294967295", "4294967296", "1.2.3.4:99999", "1.2.3.4:*", "*:5", "*",
     "[1.2.3.4]:9", "[1.2.3.4", "::1.2.3.4", "fe80::1%3", "1.2.3.4 ", "2001:db8::1%99999999999", "::ffff:1.2.3.4",
     "2001:db8::1%4294967295", "2001:db8::1%4294967296", "fe80::1%", "1.2.3.256", "1.2.65536", "1.16777216", "256.1"],
)  # fmt: skip
def test_odd_but_taken_or_refused(text: str) -> None:
    assert parse(text) == c_library(text)


def test_names_of_interfaces_are_taken_of_links_and_nodes_alone() -> None:
    """`lo` is there on every machine; the first two bytes say what kind of address it is."""
    texts = [f"{first:x}::1%lo" for first in (*range(0xFE00, 0x10000), *range(0, 0x10000, 251))]
    assert [text for text in texts if parse(text) != c_library(text)] == []


@given(st.ip_addresses())
def test_writes_what_the_c_library_writes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    assert text_of(address.version, int(address)) == socket.inet_ntop(family, address.packed)


def test_writes_the_first_and_last_of_each_length_so_too() -> None:
    edges = [ipaddress.IPv6Address(max(2**bits + more, 0)) for bits in range(128) for more in (-1, 0, 1)]
    wanted = [socket.inet_ntop(socket.AF_INET6, edge.packed) for edge in edges]
    assert [text_of(6, int(edge)) for edge in edges] == wanted
