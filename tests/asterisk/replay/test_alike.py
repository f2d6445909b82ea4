"""Requests with one key get one verdict: the short way answers what the full replay answers, over random requests."""

from __future__ import annotations

from dataclasses import replace

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.sip import Address
from tests.conformance import facts, load, message
from tests.differential_cases import generate
from tests.sip_text import messages


def test_the_short_way_is_the_full_replay() -> None:
    compared = 0
    for number in range(1, 12):
        case = generate(31, number)
        loaded = {"identifiers": ["line", "ip", "username", "anonymous", "auth_username", "header", "request_uri"]}
        config = load({**case, "asterisk": "22.10.1", "loaded": loaded})
        replay = Replay(config)
        sent = [message(request, {}) for request in case["requests"]]
        for one in [*sent, *sent]:
            short = replay.verdict_of(one.raw, one.transport, one.source.pack(), one.destination.pack())
            if short.outcome == "unknown":
                continue
            assert facts(short.trace) == facts(replay.verdict(one).trace), one.raw
            compared += 1
    assert compared > 200


def test_a_digest_user_may_name_an_endpoint_with_its_domain() -> None:
    lines = (
        "[global]\ntype=global\nendpoint_identifier_order=auth_username\n[u]\ntype=transport\nbind=0.0.0.0\n"
        "[alice@carrier.example]\ntype=endpoint\nidentify_by=auth_username\n"
    )
    replay = Replay(load_config(None, "22.10.1", overlay={"pjsip.conf": lines}))
    source, destination = Address("203.0.113.10", 5060).pack(), Address("198.51.100.10", 5060).pack()
    for user, endpoint in (("nobody", ""), ("alice@carrier.example", "alice@carrier.example"), ("alice", "")):
        head = (
            "INVITE sip:1@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK1\r\n"
            "From: <sip:2@pbx.example>;tag=1\r\nTo: <sip:1@pbx.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
            "Contact: <sip:2@203.0.113.10>\r\n"
            f'Authorization: Digest username="{user}", realm="asterisk", nonce="1", uri="sip:1@pbx.example",'
            ' response="1", algorithm=MD5\r\nContent-Length: 0\r\n\r\n'
        )
        assert replay.verdict_of(head.encode(), "UDP", source, destination).endpoint == endpoint


def test_a_name_is_cut_where_asterisks_buffer_ends() -> None:
    """Only a database holds names so long: res_pjsip_endpoint_identifier_user.c has 255 bytes for the user."""
    lines = "[u]\ntype=transport\nbind=0.0.0.0\n[e]\ntype=endpoint\n"
    config = load_config(None, "22.10.1", overlay={"pjsip.conf": lines})
    long = replace(config.endpoints["e"], name="a" * 255)
    replay = Replay(replace(config, endpoints={long.name: long}))
    for size, endpoint in ((254, ""), (255, long.name), (256, long.name), (300, long.name)):
        (one,) = messages(
            f"@ 0 203.0.113.10:5060 > 192.0.2.1:5060\nINVITE sip:1@192.0.2.1 SIP/2.0\nFrom: <sip:{'a' * size}@b>;tag=1"
        )
        short = replay.verdict_of(one.raw, one.transport, one.source.pack(), one.destination.pack())
        assert (short.endpoint, replay.verdict(one).endpoint) == (endpoint, endpoint)


HEAD = "INVITE sip:100@pbx.example SIP/2.0\nFrom: <sip:caller@carrier.example>;tag=1\n"
TWO = """[u]
type=transport
bind=0.0.0.0
[u6]
type=transport
bind=::
[four]
type=endpoint
[six]
type=endpoint
[four]
type=identify
endpoint=four
match=203.0.113.8/29
match=198.51.100.7:5070
[six]
type=identify
endpoint=six
match=2001:db8::/64
"""


def test_addresses_are_told_apart_whoever_came_before() -> None:
    """Of both families, near and far, and by port where a line names one."""
    replay = Replay(load_config(None, "22.10.1", overlay={"pjsip.conf": TWO}))
    sources = {
        "192.0.2.77:5060": "", "[2001:db8:9::1]:5060": "", "203.0.113.9:5060": "four", "203.0.113.17:5060": "",
        "[2001:db8::9]:5060": "six", "198.51.100.7:5060": "", "198.51.100.7:5070": "four", "[2001:dead::1]:5060": "",
    }  # fmt: skip
    for order in (list(sources), list(sources)[::-1]):
        for source in order:
            pbx = "[2001:db8:1::1]:5060" if "[" in source else "192.0.2.1:5060"
            (one,) = messages(f"@ 0 {source} > {pbx}\n{HEAD}")
            short = replay.verdict_of(one.raw, one.transport, one.source.pack(), one.destination.pack())
            assert short.endpoint == sources[source], source
