"""Inputs that lead a target deep into its parser: files of fixtures/, and a few built here from readable parts."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fuzz.targets import FIXTURES, PLAIN, TARGETS

BODY = b"v=0\r\no=- 1 1 IN IP4 203.0.113.13\r\ns=-\r\nm=audio 4000 RTP/AVP 0 8\r\n"
INVITE = (
    b"INVITE sip:100@192.0.2.1:5060;transport=tcp SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 203.0.113.13:5060;branch=z9hG4bK1;rport, SIP/2.0/UDP [2001:db8::1]:5062;received=192.0.2.9\r\n"
    b"Max-Forwards: 70\r\n"
    b'f: "A \\" B" <sip:%%31@[2001:db8::1]:5060;user=phone?X=y>;tag=1\r\nTo: <tel:+49-30;phone-context=x>\r\n'
    b"Call-ID: a@b\r\nCSeq: 1 INVITE\r\nContact: <sip:1@203.0.113.13>;expires=3600;q=0.5, *\r\n"
    b'Authorization: Digest username="1", realm="asterisk", nonce="x", uri="sip:a", response="0", qop=auth, nc=1\r\n'
    b"X-Folded: one\r\n two\r\nContent-Type: application/sdp\r\nl: %d\r\n\r\n" % len(BODY)
) + BODY
CREDENTIALS = b'username="1", realm="asterisk", nonce="x", uri="sip:a", response="0", qop=auth, nc=1'
ANSWER = b"SIP/2.0 401 Unauthorized\r\nv: SIP/2.0/UDP 203.0.113.13\r\n"
ANSWER += b"Call-ID: a@b\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(40)
UPGRADE = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
FRAME = b"\x81\x7e" + len(INVITE).to_bytes(2, "big") + INVITE
HEP = (
    b"HEP3\0\0\0\0\0\2\0\7\x11\0\0\0\3\0\x0a\xcb\0\x71\x0d\0\0\0\4\0\x0a\xc0\0\2\1\0\0\0\7\0\x08\x13\xc4\0\0\0\x08\0\x08\x13\xc4"
    + b"\0\0\0\x0f"
    + (6 + len(INVITE)).to_bytes(2, "big")
    + INVITE
)
CONF = b"""[global]
type=global
[trunk](!)
type=endpoint
context=in ; comment
;-- block --;
disallow=all
allow=ulaw,alaw
[a](trunk)
auth=a
[a-id]
type=identify
endpoint=a
match=203.0.113.0/24,!203.0.113.9/32,[2001:db8::]/32
match_header=X-A: /^b[[:digit:]]{1,3}$/
[a](+)
allow += opus
#include other.conf
#tryinclude *.d/x.conf
[acl]
type=acl
deny=0.0.0.0/0
permit => 10.0.0.0/255.0.0.0
---
[w]
type=wizard
sends_registrations=yes
remote_hosts=203.0.113.1:5070,example.com
endpoint/context=in
"""


def seeds(name: str) -> list[bytes]:
    """The seeds of a target."""
    found = [path.read_bytes() for pattern in TARGETS[name].seeds for path in sorted(FIXTURES.glob(pattern))]
    return found + list(_BUILT.get(name, ()))


def regressions(name: str) -> list[bytes]:
    """What the fuzzer once found, fixed since."""
    return [path.read_bytes() for path in sorted((FIXTURES / "fuzz" / name).glob("*"))]


def _chunked(parts: Iterable[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def _segment(head: int, at: int, payload: bytes) -> bytes:
    return bytes((head,)) + at.to_bytes(2, "big") + b"\x09" + payload


def _ethernet(ip: bytes, kind: bytes = b"\x08\0") -> bytes:
    return bytes(12) + kind + ip


def _udp(payload: bytes) -> bytes:
    datagram = b"\x13\xc4\x13\xc4" + (8 + len(payload)).to_bytes(2, "big") + b"\0\0" + payload
    size = (20 + len(datagram)).to_bytes(2, "big")
    return b"E\0" + size + b"\0\1\0\0@\x11\0\0\xcb\0\x71\x0d\xc0\0\2\1" + datagram


def _tcp(flags: int, at: int, payload: bytes) -> bytes:
    segment = b"\x13\xc4\x13\xc5" + (9000 + at).to_bytes(4, "big") + bytes(4) + b"\x50" + bytes((flags,)) + bytes(6)
    size = (40 + len(payload)).to_bytes(2, "big")
    return b"E\0" + size + b"\0\1\0\0@\x06\0\0\xcb\0\x71\x0d\xc0\0\2\1" + segment + payload


PACKET = _udp(INVITE)
RUN = b"[a]\ntype=endpoint\ncontext=in\n[a-id]\ntype=identify\nendpoint=a\nmatch=203.0.113.10\nmatch_header=X-A: /b/"
CAPTURES = (
    bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000") + b"".join(
        at.to_bytes(4, "little") + bytes(4) + len(_udp(raw)).to_bytes(4, "little") * 2 + _udp(raw)
        for at, raw in enumerate((INVITE, ANSWER, INVITE.replace(b"a@b", b"c"), INVITE.replace(b"INVITE", b"REGISTER")))
    ),
    (FIXTURES / "log/asterisk-22.log").read_bytes()[:3000],
    *((FIXTURES / name).read_bytes() for name in ("demo/capture.pcap", "seed/capture.pcap")),
)  # fmt: skip
_BUILT: dict[str, tuple[bytes, ...]] = {
    "packets": (
        b"\1"
        + _chunked([_ethernet(_udp(INVITE)), _ethernet(_udp(HEP)), _ethernet(b"\0\5\x08\0" + _udp(ANSWER), b"\x81\0")]),
        b"\4" + _chunked([_udp(INVITE), b"E\0\0\x28\0\1\0\0@\x2f\0\0" + bytes(8) + b"\0\0\x08\0" + _udp(ANSWER)]),
        b"\4" + _chunked([b"`\0\0\0\0\x30\x2c@" + bytes(32) + b"\x11\0\0\1\0\0\0\1" + _udp(INVITE)[20:60]]),
    ),
    "files": (
        b"\3" + _chunked([_tcp(2, -1, b""), _tcp(16, 0, INVITE[:200]), _tcp(16, 200, INVITE[200:]), _udp(INVITE)]),
        b"\2" + _chunked([_tcp(16, 0, INVITE[:99]), _tcp(24, 99, INVITE[99:300]), _tcp(16, 300, INVITE[300:])]),
        b"\1"
        + _chunked([_udp(INVITE)[:6] + b"\x20" + _udp(INVITE)[7:60], _udp(INVITE)[:7] + b"\5" + _udp(INVITE)[60:]]),
        b"\2" + _chunked([_tcp(2, -1, b""), _tcp(16, 0, HELLO), _tcp(2, -1, b""), _tcp(16, 0, UPGRADE + FRAME)]),
    ),
    "tcp": (
        _chunked([_segment(16, 255, b""), _segment(128, 256, INVITE), _segment(128, 256 + len(INVITE), ANSWER)]),
        _chunked([_segment(128, 300, INVITE[44:]), _segment(128, 256, INVITE[:44]), _segment(132, 900, INVITE)]),
        _chunked([_segment(16, 255, b""), _segment(128, 256, UPGRADE), _segment(128, 256 + len(UPGRADE), FRAME)]),
        _chunked([_segment(16, 255, b""), _segment(128, 256, HELLO), _segment(1, 500, b"\r\n\r\n")]),
    ),
    "messages": (b"\x07" + INVITE + b"\r\n\r\n" + ANSWER + INVITE, b"\xff" + b"junk\r\n" + ANSWER + b"l: 99\r\n"),
    "websocket": (b"\x30" + UPGRADE + FRAME + b"\x89\0", b"\x30" + FRAME + b"\x01\x84abcdSIP/\x80\x03\0\0\0"),
    "hep": (
        HEP,
        b"\2\x1c\2\x11\x13\xc4\x13\xc4" + bytes(20) + INVITE,
        b"\1\x10\2\x11\x13\xc4\x13\xc4" + bytes(8) + INVITE,
    ),
    "log": (
        b'{"hostname":"a","timestamp":"2026-11-23 09:10:56.1","identifiers":{"lwp":1},"logmsg":{"location":{"filename":'
        b'"x.c"},"level":"VERBOSE","message":"<--- Received SIP request (7 bytes) from WS:192.0.2.7:44 --->'
        b'\\nSIP/2.0"}}\n',
        b"Nov 23 09:10:56 pbx asterisk[1]: <--- Received SIP request (9 bytes) from UDP:[2001:db8::1]:5060 --->\n"
        b"Nov 23 09:10:56 pbx asterisk[1]: SIP/2.0\n",
        b"Nov 23 09:10:56 a b[1]: <--- Transmitting SIP response (9 bytes) to TLS:192.0.2.7:1 --->#012SIP/2.0#015\n",
        b"[23.11.2026 09:10:56.5+0100] NOTICE[1][C-00000001] x.c: Request 'INVITE' from '<sip:a>' failed for "
        b"'192.0.2.7:5060' (callid: a) - No matching endpoint found\n[Nov 23 09:10:56] ERROR[2] y.c: \x1b[0m\n",
    ),
    "sip": (INVITE, ANSWER),
    "pjsip": (INVITE, ANSWER),
    "forms": (PLAIN, PLAIN.replace(b"\r\nl: 0", b"\r\nAuthorization: Digest " + CREDENTIALS + b"\r\nl: 0")),
    "fold": (
        _chunked([b"\0" + INVITE, b"\1" + ANSWER, b"\6" + PLAIN, b"\1" + ANSWER.replace(b"401", b"200")]),
        _chunked([b"\3" + PLAIN, b"\2" + PLAIN.replace(b"INVITE", b"REGISTER"), b"\2" + PLAIN[:90]]),
    ),
    "conf": (CONF,),
    "run": tuple(bytes((number,)) + RUN + b"\n---\n" + raw for number, raw in enumerate((*CAPTURES, *CAPTURES))),
    "regex": (b"^(a|b)*[[:alpha:]]{2,3}\\.$\nabba.", b"[]a-z[.-.]]+?(x{0,2}y)\\1\nxxyxxy"),
}
