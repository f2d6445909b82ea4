"""A day of a small PBX as messages: calls of two trunks, one of them refused, telephones, scanners."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.sip import Address

EPOCH, SECOND = 1_760_000_000, 1_000_000_000
PBX, GOOD, BAD = "192.0.2.10", "203.0.113.10", "203.0.113.13"
CONF = """[udp]
type=transport
protocol=udp
bind=192.0.2.10:5060
[provider]
type=endpoint
context=from-provider
disallow=all
allow=ulaw
identify_by=ip
[provider-identify]
type=identify
endpoint=provider
match=203.0.113.10
"""


def message(  # noqa: PLR0917  (what a message says)
    time: float, source: str, destination: str, first: str, call: str, method: str, *, number: int = 1, tag: str = ""
) -> Datagram:
    """A message of a call, `time` in seconds of the day."""
    client = source if not first.startswith("SIP/2.0") else destination
    text = (
        f"{first}\r\nVia: SIP/2.0/UDP {client}:5060;branch=z9hG4bK{call}{method}{number}\r\n"
        f"From: <sip:100@{client}>;tag=f{call}\r\nTo: <sip:200@{PBX}>{f';tag={tag}' if tag else ''}\r\n"
        f"Call-ID: {call}\r\nCSeq: {number} {method}\r\nContact: <sip:100@{client}>\r\n"
    )
    text += "Server: Asterisk PBX 22.10.1\r\n" if source == PBX else "User-Agent: Trunk\r\n"
    ends = Address(source, 5060).pack(), Address(destination, 5060).pack()
    payload = f"{text}Content-Length: 0\r\n\r\n".encode()
    return Datagram(int((EPOCH + time) * SECOND), 0, "UDP", *ends, payload)


def call(time: float, source: str, name: str, *answers: str) -> Iterator[Datagram]:
    """An INVITE with its answers; one that is let in is ended after 10 s."""
    yield message(time, source, PBX, f"INVITE sip:200@{PBX} SIP/2.0", name, "INVITE")
    for place, answer in enumerate(answers, 1):
        yield message(time + place / 100, PBX, source, f"SIP/2.0 {answer}", name, "INVITE", tag="t")
    yield message(time + 0.1, source, PBX, f"ACK sip:200@{PBX} SIP/2.0", name, "ACK", tag="t")
    if answers[-1].startswith("200"):
        yield message(time + 10, source, PBX, f"BYE sip:200@{PBX} SIP/2.0", name, "BYE", number=2, tag="t")
        yield message(time + 10.1, PBX, source, "SIP/2.0 200 OK", name, "BYE", number=2, tag="t")


def minute(number: int) -> list[Datagram]:
    """The messages of that minute of the day, in order."""
    start = number * 60
    found: list[Datagram] = []
    for place in range(4):
        found += call(start + place * 12, GOOD, f"good{number}-{place}", "100 Trying", "200 OK")
    found += call(start + 5, BAD, f"bad{number}", "401 Unauthorized")
    for place in range(3):
        scanner = f"198.18.{(3 * number + place) // 250}.{(3 * number + place) % 250 + 1}"
        found += call(start + 20 * place + 1, scanner, f"scan{number}-{place}", "401 Unauthorized")
    for place in range(5):
        phone, name = f"192.0.2.{100 + place}", f"alive{number}-{place}"
        found.append(message(start + place, PBX, phone, f"OPTIONS sip:{phone} SIP/2.0", name, "OPTIONS"))
        found.append(message(start + place + 0.1, phone, PBX, "SIP/2.0 200 OK", name, "OPTIONS", tag="p"))
    return sorted(found, key=lambda one: one.time)


def captured(messages: list[Datagram]) -> bytes:
    """They as a capture."""
    stream = BytesIO()
    write_pcap(messages, stream)
    return stream.getvalue()


def bad(time_: float, name: str) -> bytes:
    return captured([*call(time_, BAD, name, "401 Unauthorized")])
