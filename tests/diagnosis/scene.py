"""Captures of whole calls as text: `@ 0.0 SOURCE > DESTINATION in -> 100 200` is a request and the answers it gets.

Everything else is as in `tests.sip_text`. An answer copies Via, From, To, Call-ID and CSeq of its request; a 401
carries a challenge whose realm is `asterisk`, or what `realm=NAME` on the `@` line says; `x3` there sends the request
three times, `retry=300` adds a Retry-After to its answers.
`tls SOURCE > DESTINATION` on a line of its own is a TLS connection.
"""

from __future__ import annotations

import re
from pathlib import Path

from pjsipdiag.sip import SipMessage, decode
from tests.sip_text import messages, write_capture

SERVER = "Asterisk PBX 22.10.1"
_TLS = re.compile(r"^tls (\S+):(\d+) > (\S+):(\d+)$", re.MULTILINE)


def write_scene(text: str, path: Path) -> Path:
    """Writes the scene as a capture: LINUX_SLL, or raw IP where it holds TLS connections."""
    hellos = _TLS.findall(text)
    calls = _TLS.sub("", text)
    if hellos:
        return _write_tls(hellos, path)
    parts = re.split(r"^@ ", calls, flags=re.MULTILINE)[1:]
    return write_capture("".join(_played(part) for part in parts), path)


def _played(part: str) -> str:
    """The request as often as it is sent, then its answers."""
    first, _, body = part.partition("\n")
    line, _, statuses = first.partition("->")
    words = line.split()
    times = next((int(word[1:]) for word in words if re.fullmatch(r"x\d+", word)), 1)
    realm = next((word.partition("=")[2] for word in words if word.startswith("realm=")), "asterisk")
    delay = next((word.partition("=")[2] for word in words if word.startswith("retry=")), "")
    plain = [word for word in words if not re.fullmatch(r"x\d+|(?:realm|retry)=.*", word)]
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
        _answer(request, int(status), start + 0.01 * at, realm, delay) for at, status in enumerate(statuses.split(), 1)
    ]
    return "".join([*sent, *answers])


def _answer(request: SipMessage, status: int, seconds: float, realm: str, delay: str) -> str:
    challenge = f'WWW-Authenticate: Digest realm="{realm}",nonce="1/2",opaque="3",algorithm=MD5,qop="auth"\n'
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
