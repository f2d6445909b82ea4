"""Who talks in the captures and logs that are made here: peers, and the texts of their dialogs with the PBX."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from pjsipdiag.sip import Address
from tests.capture.build import udp

PBX = Address("198.51.100.10", 5060)
PBX6 = Address("2001:db8::10", 5060)
AGENTS = (
    "Yealink SIP-T46U 108.86.0.20",
    "Linphone/5.2.0",
    "3CXPhoneSystem 18.0.9",
    "Provider-SBC 4.1",
    "MicroSIP/3.21",
)
SDP = "Content-Type: application/sdp\r\n"


class Invite(NamedTuple):
    """An INVITE of a capture: the truth that a reader has to find."""

    source: Address
    destination: Address
    transport: str
    call_id: str
    cseq: int


class Packet(NamedTuple):
    """An IP packet at a time in microseconds; `inbound` is towards the PBX. `invites` are completed by it."""

    time: int
    inbound: bool
    data: bytes
    invites: tuple[Invite, ...] = ()


class Peer:
    """A client that talks to the PBX, and the texts of its dialogs."""

    def __init__(self, rnd: random.Random, six: bool = False, transport: str = "UDP") -> None:
        ip = f"203.0.{rnd.randrange(113, 117)}.{rnd.randrange(1, 255)}"
        self.address = Address(
            f"2001:db8:1::{rnd.randrange(1, 9999):x}" if six else ip, rnd.choice((5060, rnd.randrange(1024, 65000)))
        )
        self.pbx = PBX6 if six else PBX
        self.transport = transport
        self.rnd = rnd
        self.call_id = f"{rnd.getrandbits(96):024x}"
        self.cseq = rnd.randrange(1, 30_000)
        self.agent = rnd.choice(AGENTS)

    def dial(self) -> Peer:
        """The same peer with a new dialog."""
        self.call_id = f"{self.rnd.getrandbits(96):024x}"
        self.cseq = self.rnd.randrange(1, 30_000)
        return self

    @property
    def user(self) -> str:
        """The caller, in this dialog: an extension, as those who dial and those who guess have them."""
        return str(1000 + int(self.call_id[:8], 16) % 9000)

    def credentials(self) -> str:
        return (
            f'Authorization: Digest username="{self.user}", realm="asterisk", nonce="{self.call_id}",'
            f' uri="sip:pbx.example.com", response="{self.call_id}{self.call_id[:8]}", cnonce="{self.cseq}",'
            " algorithm=MD5, qop=auth, nc=00000001\r\n"
        )

    def request(self, method: str, body: str = "", headers: str = "") -> bytes:
        number = self.call_id[:10]
        return (
            f"{method} sip:{number}@pbx.example.com SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport} {self.address};rport;branch=z9hG4bK{self.cseq}{self.call_id}\r\n"
            f'Max-Forwards: 70\r\nFrom: "{self.user}" <sip:{self.user}@pbx.example.com>;tag={self.call_id[:8]}\r\n'
            f"To: <sip:{number}@pbx.example.com>\r\nContact: <sip:{self.user}@{self.address}>\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\nUser-Agent: {self.agent}\r\n"
            "Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO\r\n"
            f"{headers}{SDP if body else ''}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def response(self, status: str, method: str, body: str = "") -> bytes:
        return (
            f"SIP/2.0 {status}\r\n"
            f"Via: SIP/2.0/{self.transport} {self.address};branch=z9hG4bK{self.cseq}{self.call_id}\r\n"
            f"From: <sip:{self.user}@pbx.example.com>;tag={self.call_id[:8]}\r\n"
            f"To: <sip:{self.call_id[:10]}@pbx.example.com>;tag=as{self.call_id[8:16]}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {self.cseq} {method}\r\nServer: Asterisk PBX 22.10.1\r\n"
            f"{SDP if body else ''}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def sdp(self, extra: int = 0) -> str:
        lines = ["v=0", f"o=- 1 3 IN IP4 {self.address.ip}", "s=-", f"c=IN IP4 {self.address.ip}", "t=0 0"]
        lines += ["m=audio 20000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000"]
        lines += [
            f"a=candidate:{number} 1 udp 2130706431 10.0.0.{number % 250} 20000 typ host" for number in range(extra)
        ]
        return "\r\n".join(lines) + "\r\n"

    def call(self, talk: int = 30_000) -> Iterator[tuple[int, bool, bytes, bool]]:
        """(milliseconds, inbound, message, whether it is an INVITE) of a call that is challenged and answered."""
        yield 0, True, self.request("INVITE", self.sdp()), True
        yield 2, False, self.response("401 Unauthorized", "INVITE"), False
        yield 3, True, self.request("ACK"), False
        self.cseq += 1
        yield (
            4,
            True,
            self.request("INVITE", self.sdp(), self.credentials()),
            True,
        )
        yield 6, False, self.response("100 Trying", "INVITE"), False
        yield 500, False, self.response("180 Ringing", "INVITE"), False
        yield 2000, False, self.response("200 OK", "INVITE", self.sdp()), False
        yield 2003, True, self.request("ACK"), False
        self.cseq += 1
        yield 2020 + talk, True, self.request("BYE"), False
        yield 2022 + talk, False, self.response("200 OK", "BYE"), False

    def options(self) -> Iterator[tuple[int, bool, bytes, bool]]:
        yield 0, True, self.request("OPTIONS"), False
        yield 2, False, self.response("200 OK", "OPTIONS"), False

    def register(self) -> Iterator[tuple[int, bool, bytes, bool]]:
        yield 0, True, self.request("REGISTER", headers="Expires: 300\r\n"), False
        yield 2, False, self.response("401 Unauthorized", "REGISTER"), False
        self.cseq += 1
        yield 40, True, self.request("REGISTER", headers=self.credentials()), False
        yield 42, False, self.response("200 OK", "REGISTER"), False

    def invite(self) -> Invite:
        return Invite(self.address, self.pbx, self.transport, self.call_id, self.cseq)

    def packet(self, time: int, inbound: bool, message: bytes, invite: bool) -> Packet:
        ends = (self.address, self.pbx) if inbound else (self.pbx, self.address)
        return Packet(time, inbound, udp(message, *ends), (self.invite(),) if invite else ())

    def packets(self, start: int, steps: Iterator[tuple[int, bool, bytes, bool]]) -> list[Packet]:
        return [self.packet(start + ms * 1000, inbound, message, invite) for ms, inbound, message, invite in steps]
