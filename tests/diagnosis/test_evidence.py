"""What says whose an address is: near misses, as the reports say them, and the hosts that a request names."""

import pytest

from pjsipdiag.asterisk.addresses.match import parse_match
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.evidence.owners import hosts_named
from pjsipdiag.diagnosis.evidence.readable_addresses import is_private, near_miss
from pjsipdiag.diagnosis.evidence.vicinity import is_spoken_for
from pjsipdiag.sip import SipMessage


@pytest.mark.parametrize(
    ("match", "ip", "words"),
    [
        ("203.0.113.8/30", "203.0.113.12", "203.0.113.12 is one above match=203.0.113.8/30"),
        ("203.0.113.8/30", "203.0.113.7", "203.0.113.7 is one below match=203.0.113.8/30"),
        ("203.0.113.8", "203.0.113.20", "203.0.113.20 is 12 above match=203.0.113.8"),
        ("203.0.113.8", "203.0.113.200", "203.0.113.200 is in the same /24 as match=203.0.113.8"),
        ("203.0.113.255", "203.0.114.0", "203.0.114.0 is one above match=203.0.113.255"),
        ("2001:db8::8", "2001:db8::a", "2001:db8::a is two above match=2001:db8::8"),
        ("2001:db8::8", "2001:db8::ffff:1", "2001:db8::ffff:1 is in the same /64 as match=2001:db8::8"),
        ("203.0.113.8", "::ffff:203.0.113.9", "::ffff:203.0.113.9 is one above match=203.0.113.8"),
        ("203.0.113.8", "198.51.100.8", ""),
        ("203.0.113.8", "2001:db8::8", ""),
        ("203.0.113.8/30", "203.0.113.9", "203.0.113.9 is in the same /24 as match=203.0.113.8/30"),
        ("!203.0.113.8/32", "203.0.113.9", ""),
    ],
)
def test_near_miss(match: str, ip: str, words: str) -> None:
    (rule,) = parse_match(match, Where("pjsip.conf", 1)).rules
    assert near_miss(rule, ip) == words


@pytest.mark.parametrize(
    ("ip", "private"),
    [
        ("172.17.0.1", True),
        ("::1", True),
        ("172.32.0.1", False),
        ("100.64.3.4", True),
        ("fd00::1", True),
        ("203.0.113.1", False),
        ("2001:db8::1", False),
        ("::ffff:10.1.1.1", True),
    ],
)
def test_what_the_public_network_does_not_carry(ip: str, private: bool) -> None:
    assert is_private(ip) is private


NAMED = b"""INVITE sip:1@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5062;branch=a, SIP/2.0/TCP proxy.example;rport
m:
	<sip:[2001:db8::1]>
v : SIP/2.0/UDP 192.0.2.8
From: "a > b" <sip:2@from.example>;tag=1
P-Asserted-Identity : <tel:+123>,
 <sip:3@asserted.example>
Remote-Party-ID: "<sip:no@display.example>" <sip:4@party.example;x=y>;party=calling
record-route: <sip:route.example;lr>
Subject: Via: SIP/2.0/UDP subject.example

From: <sip:body@body.example>
"""


def test_who_a_request_names_as_its_sender() -> None:
    """The last Via first, then From, Contact and the rest; compact and folded headers (RFC 3261 section 7.3)."""
    assert list(hosts_named(SipMessage(NAMED.replace(b"\n", b"\r\n")))) == [
        ("Via", "192.0.2.8"),
        ("Via", "proxy.example"),
        ("Via", "192.0.2.7"),
        ("From", "from.example"),
        ("Contact", "2001:db8::1"),
        ("Remote-Party-ID", "party.example"),
        ("Record-Route", "route.example"),
    ]


@pytest.mark.parametrize(
    ("lines", "ip", "speaks"),
    [
        (["203.0.113.8/29", "203.0.113.40"], "203.0.113.20", True),
        (["203.0.113.0/28", "203.0.113.40"], "203.0.113.20", False),
        (["203.0.113.8", "203.0.113.40"], "203.0.113.16", True),
        (["203.0.113.8", "203.0.113.40"], "203.0.113.17", False),
        (["203.0.113.8"], "203.0.113.15", True),
        (["203.0.113.8"], "203.0.113.16", False),
        (["2001:db8::8/125", "2001:db8::40"], "2001:db8::17", True),
        (["2001:db8::/124", "2001:db8::40"], "2001:db8::17", False),
        (["203.0.113.0/24", "203.0.113.9"], "203.0.113.77", False),
        (["!203.0.113.8", "203.0.113.200"], "203.0.113.9", False),
    ],
)
def test_written_lines_speak_for_a_few_addresses_beside_them(lines: list[str], ip: str, speaks: bool) -> None:
    """Eight addresses from one that names at most eight, inside of the smallest network around the endpoint's lines."""
    matches = "".join(f"match={line}\n" for line in lines)
    config = load_config(
        None, "22.10.1", overlay={"pjsip.conf": f"[e]\ntype=endpoint\n[i]\ntype=identify\nendpoint=e\n{matches}"}
    )
    assert is_spoken_for(config, "e", ip) is speaks
    assert not is_spoken_for(config, "other", ip)
