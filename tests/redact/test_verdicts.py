"""Redacted requests against redacted configurations get the verdicts of the plain ones: real cases of all kinds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.redact import redact_files
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.material import Material, redact
from tests.capture.build import CLIENT, SERVER, ethernet, pcap, udp
from tests.conformance import Case, cases, line_tokens, load, message

pytestmark = pytest.mark.usefixtures("extensions")

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures" / "conformance").glob("*.jsonl.gz"))
EVERY = 12
"""One of so many recorded cases is redacted: all of them take a minute."""


def hosts(case: Case, disguise: Disguise) -> Hosts:
    """What the names resolve to, in stand-ins."""
    services = {disguise.host(name): [disguise.host(row[3]) for row in rows] for name, rows in case["srv"].items()}
    addresses = {disguise.host(name): [disguise.host(ip) for ip in ips] for name, ips in case["hosts"].items()}
    return Hosts(addresses, services, complete=True)


def differences(case: Case) -> list[str]:
    config = load(case)
    tokens = line_tokens(config)
    requests = [message(request, tokens) for request in case["requests"]]
    traffic = tuple(Datagram(0, 0, m.transport, m.source.pack(), m.destination.pack(), m.raw) for m in requests)
    texts = {name: text.encode("utf-8", "surrogateescape") for name, text in case["files"].items()}
    redacted, disguise, _ = redact(Material(texts, (traffic,)), config)
    overlay = {name: text.decode("utf-8", "surrogateescape") for name, text in redacted.texts.items()}
    resolver = hosts(case, disguise)
    after = load_config(None, case["asterisk"], resolver, overlay=overlay, readable=lambda _: False)
    after = dataclasses.replace(after, identifiers=config.identifiers, uncertain_identifiers=())
    new_tokens = {disguise.section(name): disguise.opaque("tag", token) for name, token in tokens.items()}
    old_replay, new_replay = Replay(config, tokens), Replay(after, new_tokens)
    found = []
    for plain, datagram in zip(requests, redacted.traffic[0], strict=True):
        old, new = old_replay.verdict(plain), new_replay.verdict(datagram.message())
        wanted = (old.outcome, old.identifier, disguise.section(old.endpoint))
        if wanted != (new.outcome, new.identifier, new.endpoint):
            found.append(f"{case['id']}: {wanted} became {(new.outcome, new.identifier, new.endpoint)}")
    return found


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name)
def test_recorded_cases_keep_their_verdicts(recording: Path) -> None:
    assert [line for at, case in enumerate(cases(recording)) if not at % EVERY for line in differences(case)] == []


VALUES = {
    "Content-Type": (
        "application/vnd.3gpp.ussd",
        "application/x",
        "x/y",
        "application",
        "application/",
        "/sdp",
        "application/sdp;",
        "application/sdp;;",
        "application/sdp;a",
        "application/sdp;a=",
        'application/sdp; charset="utf 8"',
        "application / sdp",
        'multipart/mixed;boundary="a;b"',
        "multipart/mixed;boundary=ab",
        "application/sdp x",
        "application/sdp, text/plain",
        "",
        '"x"/y',
        "audio/x-y+z",
        "application/rs-metadata+xml",
        "application/sdp<",
        "foo/bar;x=<y>",
        "foo/b@r",
    ),
    "Accept": (
        "application/vnd.x",
        "application/sdp, a/b",
        "x",
        "",
        "application/sdp;q=1",
        "a/b;c=d,",
        "a b",
        '"q"',
        "<",
    ),
    "Allow": (
        "INVITE,FOO",
        "",
        "INVITE FOO",
        "INVITE;x",
        "<x>",
        '"a"',
        "INVITE,",
    ),
    "Supported": (
        "foo",
        "",
        "a b",
        '"x"',
        ",",
        "100rel,zk",
        "<x>",
    ),
    "Require": (
        "foo",
        "",
        "a b",
        "100rel",
        '"x"',
    ),
    "Unsupported": (
        "foo",
        "",
        "a b",
    ),
    "Expires": (
        "abc",
        "",
        "-1",
        "3600",
        "99999999999",
        "3600;x",
        "3600 x",
        " 36 00",
        "4294967296",
    ),
    "Min-SE": (
        "abc",
        "",
        "90;x=y",
        "90",
        "90 x",
    ),
    "Session-Expires": (
        "abc",
        "",
        "1800;refresher=uac",
        "1800;refresher=zk",
        "1800;zk",
        "1800 x",
    ),
    "Max-Forwards": (
        "abc",
        "",
        "70;x",
        "0",
        "-1",
        "300",
        "70 x",
        "99999999999",
    ),
    "CSeq": (
        "1 FOO",
        "x INVITE",
        "1",
        "1 INVITE x",
        "99999999999 INVITE",
        "1  INVITE",
        "-1 INVITE",
        "1 INVITE;x",
        "4294967296 INVITE",
        "2147483648 INVITE",
    ),
    "RAck": (
        "1 1 INVITE",
        "x",
        "1 1",
        "1 1 FOO",
        "1 x INVITE",
    ),
    "RSeq": (
        "1",
        "x",
        "",
    ),
    "Call-ID": (
        "a b",
        "",
        "a@b",
        '"x"',
        "<x>",
        "a,b",
        "a;b",
        " a",
    ),
    "Event": (
        "zk",
        "presence",
        "zk;id=1",
        "",
        "a b",
    ),
    "Contact": (
        "*",
        "zk",
        "<zk>",
        "sip:a@b.example;expires=5",
        "<sip:a@b.example",
        '"x <sip:a@b.example>',
        "<sip:a@b.example>;expires=abc",
        "<sip:a@b.example>;q=zk",
        "<mailto:zk@zk.com>",
        "<tel:+123456789>",
        "<sip:a@b.example>,<sip:z@b.example>",
        "<sip:>",
        "<sip:a@>",
        "<sip:@b>",
        "",
        "x <sip:a@b> y",
        "<sip:a@b.example:99999>",
        "<sip:a@b.example:zk>",
        "<sip:a@[::1]>",
        "<sip:a@[::1>",
        "<sip:a%41@b.example>",
        "<sip:a%zz@b.example>",
        "<sip:a b@c.example>",
        "<SIP:a@b.example>",
        "<sip:a@b_c.example>",
        "<sip:a@b..example>",
        "<sip:a:p:q@b.example>",
        "<sip:a@b@c.example>",
        "<sip:a@b.example;>",
        "<sip:a@b.example;;x>",
        "<sip:a@b.example?>",
        "<sip:a@b.example;x=>",
    ),
    "Route": (
        "<sip:a@b.example;lr>",
        "zk",
        '<sip:a@b.example>;x="y z"',
        "",
        "<sip:a@b.example>,",
        "<sip:a@b.example>,x",
    ),
    "Record-Route": (
        "<sip:a@b.example;lr>",
        "zk",
        "",
    ),
    "From": (
        "zk",
        "<sip:a@b.example>",
        "<sip:a@b.example>;tag=",
        "<sip:a@b.example>;tag",
        '"zk <sip:a@b.example>;tag=x',
        "zk zk <sip:a@b.example>;tag=x",
        '"z\\"k" <sip:a@b.example>;tag=x',
        "<tel:+4412345678>;tag=x",
        "<foo:bar>;tag=x",
        '<sip:a@b.example>;tag=x;zk="y"',
        '<sip:a@b.example>;tag="x"',
        "<sip:a@b.example>;tag=x y",
        "\u00e9 <sip:a@b.example>;tag=x",
        "<sip:\u00e9@b.example>;tag=x",
        "<sip:a@\u00e9.example>;tag=x",
        "",
        "<urn:service:sos>;tag=x",
        "sip:a@b.example;tag=x",
        "<sip:a@b.example> x;tag=x",
    ),
    "Via": (
        "SIP/2.0/UDP h.example",
        "SIP/2.0/FOO h.example;branch=z9hG4bKq",
        "SIP/2.0/UDP h.example:zk",
        "zk",
        "SIP/2.0/UDP h.example;branch",
        "SIP/2.0/UDP [::1]:5060;branch=z9hG4bKx",
        "SIP/2.0/UDP h.example;rport=zk",
        "SIP/2.0/UDP h.example;received=zk zk",
        "SIP/2.0/UDP h.example;ttl=abc",
        "SIP / 2.0 / UDP h.example",
        "SIP/3.0/UDP h.example;branch=1",
        "SIP/2.0/UDP h.example;branch=q,SIP/2.0/UDP i.example;branch=r",
        'SIP/2.0/UDP h.example;comp="zk y"',
    ),
    "Authorization": (
        "Digest",
        'Digest username="a"',
        "Digest username=a",
        "Basic zk",
        "zk",
        "",
        'Digest username="a",realm="b",nonce="c",uri="sip:d",response="e"',
        'Digest username="a" realm="b"',
        'Digest username="a",,realm="b"',
        'Digest username="a',
        "Digest username='a'",
        "Digest foo=bar",
        'Digest username="a",nc=zk',
        'Digest username="a", qop=auth',
        "Basic",
        "Bearer",
        "Bearer zk.zk.zk",
    ),
    "User-Agent": (
        "zk",
        "",
        "<",
    ),
    "Subject": (
        "zk",
        "",
    ),
    "Refer-To": (
        "zk",
        "<sip:a@b>",
        "<sip:a@b?Replaces=zk>",
    ),
    "P-Asserted-Identity": (
        "zk",
        "<sip:a@b>",
        '"x" <sip:a@b',
        "<zk>",
        "<sip:a@b>;",
        "tel:+123",
    ),
    "Warning": ("zk",),
    "Retry-After": (
        "zk",
        "5 (zk)",
        "5;x",
    ),
    "Replaces": (
        "zk",
        "zk;to-tag=1;from-tag=2",
        "",
    ),
    "Content-Encoding": ("zk",),
    "Content-Length": (
        "abc",
        "",
        "5x",
        "-1",
        "0 x",
    ),
}
"""Values of headers, well-formed and not."""
PLAIN = {
    "Via": "SIP/2.0/UDP h.example;branch=z9hG4bKq", "From": "<sip:a@b.example>;tag=x", "To": "<sip:a@c.example>",
    "Call-ID": "abc", "CSeq": "1 INVITE", "Contact": "<sip:a@192.0.2.9>", "Max-Forwards": "70", "Content-Length": "0",
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_what_pjsip_takes_or_drops_it_takes_or_drops_after(name: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[a]\ntype=endpoint\n[a]\ntype=identify\nendpoint=a\nmatch=192.0.2.9\n")
    lines = ["".join(f"{key}: {text}\r\n" for key, text in (PLAIN | {name: value}).items()) for value in VALUES[name]]
    raw = [f"INVITE sip:a@c.example SIP/2.0\r\n{text}\r\n".encode() for text in lines]
    (tmp_path / "c.pcap").write_bytes(pcap([ethernet(udp(one, CLIENT, SERVER)) for one in raw]))
    result = redact_files([tmp_path / "c.pcap"], tmp_path / "pjsip.conf", tmp_path / "out")
    assert result.requests >= len({*lines}) and result.same == result.requests
