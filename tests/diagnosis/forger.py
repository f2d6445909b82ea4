"""Plays the adversary: honest captures, and what he adds to them. What he must not reach by it is in `faults`.

He sends any packets with any header and, over UDP, from any address; he does not see what the PBX sends to addresses
that are not his, so Call-IDs, branches and tags of others are unknown to him. What the PBX answers him is in the
capture, too: it answers what the files say.
"""

from __future__ import annotations

import struct
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.diagnosis.diagnose import Observation, observe
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import Address, SipMessage
from tests.diagnosis.carried import OPEN, TUNNELS
from tests.diagnosis.carried import packet as as_bytes
from tests.diagnosis.scene import write_files, write_scene

FIXTURES = Path(__file__).parents[2] / "fixtures"
MINE = "198.51.100.66"
"""The adversary's own address, on which answers reach him."""


@dataclass(frozen=True)
class Packet:
    """One UDP packet: `time` in nanoseconds, `direction` as the machine that records knows it."""

    time: int
    source: Address
    destination: Address
    payload: bytes
    direction: str = "in"
    carrier: str = ""
    """What holds it (`carried`): HEP, a tunnel, a segment of TCP."""


@dataclass(frozen=True)
class Honest:
    """A capture that nobody forged, its configuration, and what is said of it."""

    name: str
    etc: Path
    packets: tuple[Packet, ...]
    hosts: Path | None
    seen: Observation = field(compare=False, repr=False)

    @property
    def config(self) -> Config:
        return self.seen.situation.config

    @property
    def pbx(self) -> Address:
        """Where its calls come in."""
        (first, *_) = self.seen.situation.groups
        host, _, port = first.destinations[0].rpartition(":")
        return Address(host.strip("[]"), int(port))

    @property
    def sources(self) -> set[str]:
        return {packet.source.ip for packet in self.packets if packet.direction != "out"} - set(self.seen.situation.pbx)

    @property
    def known(self) -> set[str]:
        """The sources that are shown to be somebody's: the files name them, or they acknowledged an answer.

        What comes from any other cannot be told from what is sent under its address.
        """
        situation = self.seen.situation
        taken = {
            group.source
            for group in situation.groups
            if group.verdict.identifier == "ip" or is_likely(situation, group)
        }
        return {source for source in self.sources if source in taken or situation.acknowledged_calls(source)}

    @property
    def is_answered(self) -> bool:
        return bool(self.seen.situation.responses)


def write(packets: Iterable[Packet], path: Path, link: str = "sll") -> Path:
    """The packets as a pcap of LINUX_SLL, which knows directions, or of raw IP, which does not."""
    data = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 113 if link == "sll" else 101))
    for packet in sorted(packets, key=lambda packet: packet.time):
        body = as_bytes(packet.source, packet.destination, packet.payload, packet.carrier, Address(MINE, 9060))
        if link == "sll":
            kind = 0x86DD if body[0] >> 4 == 6 else 0x0800
            body = struct.pack(">HHH8sH", 4 if packet.direction == "out" else 0, 1, 6, bytes(8), kind) + body
        seconds, rest = divmod(packet.time // 1000, 1_000_000)
        data += struct.pack("<IIII", seconds, rest, len(body), len(body)) + body
    path.write_bytes(data)
    return path


def look(
    packets: Sequence[Packet], etc: Path, hosts: Path | None, link: str = "sll", *, aggregate: bool = False
) -> Observation:
    """What is said of these packets under the configuration."""
    with TemporaryDirectory() as folder:
        capture = write(packets, Path(folder) / "capture.pcap", link)
        return observe([capture], etc, jobs=1, hosts=str(hosts) if hosts else None, aggregate=aggregate)


class HonestCaptures:
    """Those of fixtures/ with calls over UDP to a PBX that is found without being named; made when they are asked for.

    What was never answered shows nobody's address: it is none of the `answered`.
    """

    def __init__(self, folder: Path) -> None:
        self._makers = dict(_cases(folder))
        self._made: dict[str, Honest | None] = {}

    def __getitem__(self, name: str) -> Honest | None:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[Honest]:
        return filter(None, (self[name] for name in self._makers))

    def answered(self, dice: Random) -> Honest:
        """Any that has answers."""
        names = list(self._makers)
        while True:
            found = self[dice.choice(names)]
            if found is not None and found.is_answered:
                return found


def _cases(folder: Path) -> Iterator[tuple[str, Callable[[], Honest | None]]]:
    for path in (*sorted((FIXTURES / "incidents").glob("*/capture.pcap")), FIXTURES / "demo/capture.pcap"):
        place = path.parent
        hosts = None if place.name == "demo" else place / "hosts"
        yield place.name, partial(honest_capture, place.name, place / "etc", path, hosts)
    for path in sorted((FIXTURES / "diagnosis").glob("*.toml")):
        for number, case in enumerate(tomllib.loads(path.read_text())["case"]):
            name = f"{path.stem}: {case['name']}"
            yield name, partial(_honest_scene, name, folder / f"{path.stem}-{number}", case)


def _honest_scene(name: str, place: Path, case: dict[str, Any]) -> Honest | None:
    etc = place / "etc"
    etc.mkdir(parents=True)
    write_files(case["files"], etc)
    (place / "hosts").write_text(case.get("hosts", ""))
    return honest_capture(name, etc, write_scene(case["calls"], place / "c.pcap"), place / "hosts")


def honest_capture(name: str, etc: Path, capture: Path, hosts: Path | None) -> Honest | None:
    """That capture with the ACKs that it leaves out; None where it is not over UDP to one PBX."""
    found = list(read(capture, Tally("honest")))
    if not found or any(one.transport != "UDP" for one in found):
        return None
    packets = [_packet(datagram) for datagram in found]
    packets += _acknowledging([datagram.message() for datagram in found])
    try:
        pbx = look(packets, etc, hosts).report.pbx
        packets = [replace(packet, direction="out" if packet.source.ip in pbx else "in") for packet in packets]
        seen = look(packets, etc, hosts)
    except PjsipdiagError:
        return None
    if not seen.situation.groups or len(seen.situation.pbx) != 1:
        return None
    return Honest(name, etc, tuple(packets), hosts, seen)


def _packet(datagram: Datagram) -> Packet:
    ends = Address.unpack(datagram.source), Address.unpack(datagram.destination)
    return Packet(datagram.time, *ends, datagram.payload, datagram.direction)


def _acknowledging(messages: Sequence[SipMessage]) -> Iterator[Packet]:
    """The ACKs that callers send for refusals, where the capture leaves them out."""
    told = {(message.call_id, message.header("CSeq").split()[0]) for message in messages if message.method == "ACK"}
    for message in messages:
        number, _, method = message.header("CSeq").partition(" ")
        if message.status and message.status >= 200 and method == "INVITE" and (message.call_id, number) not in told:
            yield Packet(
                message.time + 1_000_000,
                message.destination,
                message.source,
                ack(message),
                "in" if message.direction else "",
            )


def ack(answer: SipMessage) -> bytes:
    """What acknowledges a refusal (RFC 3261 section 17.1.1.3)."""
    lines = [f"ACK sip:100@{answer.source} SIP/2.0", f"Via: {answer.values('Via')[0]}"]
    lines += [f"{name}: {answer.header(name)}" for name in ("From", "To", "Call-ID")]
    number = answer.header("CSeq").split()[0]
    return "\r\n".join([*lines, f"CSeq: {number} ACK", "Max-Forwards: 70", "Content-Length: 0", "", ""]).encode()


@dataclass(frozen=True)
class Call:
    """What the adversary writes into requests: `times` of them, each with another number."""

    source: Address
    method: str = "INVITE"
    times: int = 1
    user: str = "100"
    host: str = ""
    to: str = "100"
    agent: str = ""
    more: tuple[str, ...] = ()
    """Further header lines."""
    answers: tuple[tuple[str, int, str], ...] = ()
    """Answers that he forges: from which address, status, Server."""
    start: float = 0.0
    """Where between the first and the last honest packet he begins: 0 before all, 1 after all."""
    carrier: str = ""
    to_tag: str = ""
    answered: bool = False
    """Whether answers come to him there, as to MINE: then he acknowledges them."""


def forge(honest: Honest, calls: Iterable[Call]) -> list[Packet]:
    """The honest packets with those of the adversary, and with what the PBX answers him."""
    times = [packet.time for packet in honest.packets]
    first, last = min(times) - 10**9, max(times) + 10**9
    found = list(honest.packets)
    for number, call in enumerate(calls):
        for time in range(call.times):
            at = int(first + (last - first) * call.start) + number * 1_000_003 + time * 20_000_000
            found += _call(honest, call, f"forged-{number}-{time}", at, time)
    return found


def _call(honest: Honest, call: Call, name: str, at: int, number: int) -> Iterator[Packet]:
    pbx = honest.pbx
    six = ":" in call.source.ip
    if six != (":" in pbx.ip):
        pbx = Address("2001:db8:ffff::1" if six else "192.0.2.1", 5060)
    to = f"{'0' * (number % 5)}{call.to}"
    host = call.host or (f"[{call.source.ip}]" if six else call.source.ip)
    place = f"[{pbx.ip}]" if six else pbx.ip
    lines = [
        f"{call.method} sip:{to}@{place} SIP/2.0",
        *(line for line in call.more if line.startswith("Via")),
        f"Via: SIP/2.0/UDP {call.source};branch=z9hG4bK{name};rport",
        f"From: <sip:{call.user}@{host}>;tag={name}",
        f"To: <sip:{to}@{place}>{f';tag={call.to_tag}' if call.to_tag else ''}",
        f"Call-ID: {name}",
        f"CSeq: 1 {call.method}",
        "Max-Forwards: 70",
        *([] if any(line.startswith("Contact") for line in call.more) else [f"Contact: <sip:{call.source}>"]),
        *([f"User-Agent: {call.agent}"] if call.agent else []),
        *(line for line in call.more if not line.startswith("Via")),
        "Content-Length: 0",
    ]
    raw = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    if call.carrier in ("half", OPEN):
        yield from _opened(honest, call, pbx, at, number, raw)
        return
    yield Packet(at, call.source, pbx, raw, carrier=call.carrier)
    request = SipMessage(raw, "UDP", call.source, pbx, at)
    if call.carrier:
        yield from _inside(call, request) if call.carrier in TUNNELS else ()
        return
    for count, (source, status, server) in enumerate(call.answers):
        yield Packet(at + 1000 * count + 1000, Address(source, 5060), pbx, _answer(request, status, "forged", server))
    if honest.is_answered and call.method == "INVITE" and call.source.ip not in honest.seen.situation.pbx:
        status = _status(honest, request)
        if not status:
            return
        answer = _answer(request, status, f"pbx-{name}", "Asterisk PBX 22.10.1")
        yield Packet(at + 5_000_000, pbx, call.source, answer, "out")
        if call.source.ip == MINE or call.answered:
            yield Packet(at + 9_000_000, call.source, pbx, ack(SipMessage(answer, "UDP", pbx, call.source, at)))


def _opened(  # noqa: PLR0917  (as `_call`)
    honest: Honest, call: Call, pbx: Address, at: int, number: int, raw: bytes
) -> Iterator[Packet]:
    """The same over TCP: the PBX answers every SYN, and the request of who has completed the handshake."""
    caller = Address(call.source.ip, 20_000 + 7 * number)
    yield Packet(at, caller, pbx, b"", carrier="syn")
    yield Packet(at + 1000, pbx, caller, b"", "out", "syn-ack")
    yield Packet(at + 2000, caller, pbx, raw, carrier=call.carrier)
    status = _status(honest, SipMessage(raw, "TCP", caller, pbx, at))
    if call.carrier == OPEN and call.method == "INVITE" and status:
        request = SipMessage(raw, "TCP", caller, pbx, at)
        answer = _answer(request, status, f"pbx-{number}", "Asterisk PBX 22.10.1")
        yield Packet(at + 3000, pbx, caller, answer, "out", "answer")


def _inside(call: Call, request: SipMessage) -> Iterator[Packet]:
    """What a carrier tells of its fate: answers of the PBX, and that the caller acknowledged them."""
    for count, (_, status, server) in enumerate(call.answers, 1):
        answer = _answer(request, status, "inside", server)
        told = SipMessage(answer, "UDP", request.destination, request.source, request.time)
        yield Packet(request.time + 1000 * count, told.source, told.destination, answer, carrier=call.carrier)
        yield Packet(request.time + 2000 * count, request.source, request.destination, ack(told), carrier=call.carrier)


def _status(honest: Honest, request: SipMessage) -> int:
    """What the PBX answers by its files."""
    verdict = honest.seen.situation.replay(request)
    return {Outcome.ACCEPTED: 404, Outcome.NOT_IDENTIFIED: verdict.status}.get(verdict.outcome, 401)


def _answer(request: SipMessage, status: int, tag: str, server: str) -> bytes:
    lines = [f"SIP/2.0 {status} Answer", *(f"Via: {via}" for via in request.values("Via"))]
    lines += [f"From: {request.header('From')}", f"To: {request.header('To')};tag={tag}"]
    lines += [f"Call-ID: {request.call_id}", f"CSeq: {request.header('CSeq')}"]
    lines += [f"Server: {server}"] if server else []
    lines += ['WWW-Authenticate: Digest realm="asterisk",nonce="1/2"'] if status == 401 else []
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode("utf-8", "surrogateescape")
