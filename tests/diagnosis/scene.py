"""Captures of whole calls as text: `@ 0.0 SOURCE > DESTINATION in -> 100 200` is a request and the answers it gets.

Everything else is as in `tests.sip_text`. An answer copies Via, From, To, Call-ID and CSeq of its request; a 401
carries a challenge whose realm is `asterisk`, or what `realm=NAME` on the `@` line says; `x3` there sends the request
three times, `retry=300` adds a Retry-After to its answers, `nonce=1/2` is that of its challenge.
`tls SOURCE > DESTINATION` on a line of its own is a TLS connection. What else is on the wire has lines of its own, too:
`tcp 1.5 SOURCE > DESTINATION RA 0/1001 HEX` is a segment with these flags, a sequence number, perhaps one that it
acknowledges, and data; `in` or `out` may stand before the flags. And
`icmp 1.5 HOST 3/3 SOURCE > DESTINATION INVITE sip:1@192.0.2.1` an error of that type and code from HOST to SOURCE,
which quotes the start of a UDP packet (`\\n` is a line end).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.sip import SipMessage, decode
from tests.sip_text import messages, write_capture

SERVER = "Asterisk PBX 22.10.1"
_TLS = re.compile(r"^tls (\S+):(\d+) > (\S+):(\d+)$", re.MULTILINE)


_TCP = re.compile(r"^tcp (\S+) (\S+):(\d+) > (\S+):(\d+)(?: (in|out))? (\w+) (\d+)(?:/(\d+))? ?(\w*)$", re.MULTILINE)
_ICMP = re.compile(r"^icmp (\S+) (\S+) (\d+)/(\d+) (\S+):(\d+) > (\S+):(\d+) ?(.*)$", re.MULTILINE)


def cases(fixtures: Path) -> list[Any]:
    """(name of the file, case) of each case of a folder."""
    return [
        pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
        for path in sorted(fixtures.glob("*.toml"))
        for case in tomllib.loads(path.read_text())["case"]
    ]


def write_files(files: Mapping[str, str], folder: Path) -> Path:
    """Writes files, also into folders below."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def write_scene(text: str, path: Path) -> Path:
    """Writes the scene as a capture: LINUX_SLL, or raw IP where it holds TLS connections."""
    hellos = _TLS.findall(text)
    calls = _TLS.sub("", text)
    if hellos:
        return _write_tls(hellos, path)
    beside = [*map(_segment, _TCP.findall(calls)), *map(_error, _ICMP.findall(calls))]
    parts = re.split(r"^@ ", _ICMP.sub("", _TCP.sub("", calls)), flags=re.MULTILINE)[1:]
    return write_capture("".join(_played(part) for part in parts), path, beside=beside)


def _segment(line: tuple[str, ...]) -> tuple[float, str, bytes]:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6

    seconds, source, port, destination, to, direction, flags, sequence, acknowledges, data = line
    network = IPv6 if ":" in source else IP
    segment = TCP(
        sport=int(port), dport=int(to), flags=flags, seq=int(sequence), ack=int(acknowledges or 0)
    ) / bytes.fromhex(data)
    return float(seconds), direction, bytes(network(src=source.strip("[]"), dst=destination.strip("[]")) / segment)


def _error(line: tuple[str, ...]) -> tuple[float, str, bytes]:
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.inet6 import ICMPv6Unknown, IPv6

    seconds, host, kind, code, source, port, destination, to, text = line
    data = text.replace("\\n", "\r\n").encode()
    network, quoted_in = (IPv6, ICMPv6Unknown) if ":" in host else (IP, ICMP)
    quoted = bytes(
        network(src=source.strip("[]"), dst=destination.strip("[]")) / UDP(sport=int(port), dport=int(to)) / data
    )
    error = quoted_in(type=int(kind), code=int(code)) / (bytes(4) + quoted if ":" in host else quoted)
    return float(seconds), "", bytes(network(src=host, dst=source.strip("[]")) / error)


def _played(part: str) -> str:
    """The request as often as it is sent, then its answers."""
    first, _, body = part.partition("\n")
    line, _, statuses = first.partition("->")
    words = line.split()
    times = next((int(word[1:]) for word in words if re.fullmatch(r"x\d+", word)), 1)
    realm = next((word.partition("=")[2] for word in words if word.startswith("realm=")), "asterisk")
    delay = next((word.partition("=")[2] for word in words if word.startswith("retry=")), "")
    nonce = next((word.partition("=")[2] for word in words if word.startswith("nonce=")), "1/2")
    plain = [word for word in words if not re.fullmatch(r"x\d+|(?:realm|retry|nonce)=.*", word)]
    start = float(plain[0])
    (request,) = messages(f"@ {' '.join(plain)}\n{body}")
    branch = f"Via: SIP/2.0/{request.transport} {request.source};branch=z9hG4bK{start}{request.source.port};rport"
    named = body.strip("\n").split("\n")
    unique = [] if request.values("Via")[0] in body else [branch]
    unique += [] if "call-id" in body.lower() else [f"Call-ID: call-{start}-{request.source}"]
    text = "\n".join([named[0], *unique, *named[1:]]) if "raw" not in plain else body
    sent = [f"@ {start + 0.5 * time} {' '.join(plain[1:])}\n{text}\n" for time in range(times)]
    (request,) = messages(sent[0])
    answers = [
        _answer(request, int(status), start + 0.01 * at, realm, nonce, delay)
        for at, status in enumerate(statuses.split(), 1)
    ]
    return "".join([*sent, *answers])


def _answer(  # noqa: PLR0917  (what varies between answers)
    request: SipMessage, status: int, seconds: float, realm: str, nonce: str, delay: str
) -> str:
    challenge = f'WWW-Authenticate: Digest realm="{realm}",nonce="{nonce}",opaque="3",algorithm=MD5,qop="auth"\n'
    later = f"Retry-After: {delay}\n" if delay else ""
    copied = "".join(
        f"{name}: {decode(value.encode())}\n"
        for name in ("Via", "From", "Call-ID", "CSeq")
        for value in request.values(name)
    )
    return (
        f"@ {seconds} {request.destination} > {request.source} {request.transport} out\nSIP/2.0 {status}"
        f" Answer\n{copied}"
        f"To: {request.header('To')};tag=pbx\nServer: {SERVER}\n{challenge if status == 401 else ''}{later}\n"
    )


def _write_tls(hellos: list[tuple[str, str, str, str]], path: Path) -> Path:
    from scapy.layers.inet import IP, TCP
    from scapy.utils import wrpcap

    hello = bytes.fromhex("16030100310100002d0303") + bytes(32) + bytes.fromhex("000002c02f0100000200")
    packets = []
    for source, port, destination, to in hellos:
        for flags, sequence, payload in (("S", 100, b""), ("PA", 101, hello)):
            packets.append(
                IP(src=source, dst=destination)
                / TCP(sport=int(port), dport=int(to), flags=flags, seq=sequence)
                / payload
            )
    wrpcap(str(path), packets)
    return path
