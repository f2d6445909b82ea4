"""Plays the adversary: honest captures, what he adds to them, and what he must not reach by it.

He sends any packets with any header and, over UDP, from any address; he does not see what the PBX sends to addresses
that are not his, so Call-IDs, branches and tags of others are unknown to him. What the PBX answers him is in the
capture, too: it answers what the files say.
"""

from __future__ import annotations

import ipaddress
import re
import struct
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pjsipdiag.asterisk.config import Config, Rule
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.diagnosis.diagnose import Observation, observe
from pjsipdiag.diagnosis.edits.lines import changed
from pjsipdiag.diagnosis.evidence.signs import is_likely
from pjsipdiag.diagnosis.model import Suggestion
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import Address, SipMessage
from tests.diagnosis.scene import write_scene

FIXTURES = Path(__file__).parents[2] / "fixtures"
MINE = "198.51.100.66"
"""The adversary's own address, on which answers reach him."""
FEW = 8
"""Addresses beside a written one that an endpoint's lines speak for, at most (README)."""


@dataclass(frozen=True)
class Packet:
    """One UDP packet: `time` in nanoseconds, `direction` as the machine that records knows it."""

    time: int
    source: Address
    destination: Address
    payload: bytes
    direction: str = "in"


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
        return {source for source in self.sources if source in taken or situation.acknowledged(source)}

    @property
    def is_answered(self) -> bool:
        return bool(self.seen.situation.responses)


def write(packets: Iterable[Packet], path: Path, link: str = "sll") -> Path:
    """The packets as a pcap of LINUX_SLL, which knows directions, or of raw IP, which does not."""
    data = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 113 if link == "sll" else 101))
    for packet in sorted(packets, key=lambda packet: packet.time):
        body = _ip(packet.source, packet.destination, packet.payload)
        if link == "sll":
            kind = 0x86DD if ":" in packet.source.ip else 0x0800
            body = struct.pack(">HHH8sH", 4 if packet.direction == "out" else 0, 1, 6, bytes(8), kind) + body
        seconds, rest = divmod(packet.time // 1000, 1_000_000)
        data += struct.pack("<IIII", seconds, rest, len(body), len(body)) + body
    path.write_bytes(data)
    return path


def _ip(source: Address, destination: Address, payload: bytes) -> bytes:
    ends = [ipaddress.ip_address(one.ip) for one in (source, destination)]
    udp = struct.pack(">HHHH", source.port, destination.port, 8 + len(payload), 0) + payload
    addresses = b"".join(end.packed for end in ends)
    if ends[0].version == 6:
        return struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + addresses + udp
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp


def look(
    packets: Sequence[Packet], etc: Path, hosts: Path | None, link: str = "sll", *, aggregate: bool = False
) -> Observation:
    """What is said of these packets under the configuration."""
    with TemporaryDirectory() as folder:
        capture = write(packets, Path(folder) / "capture.pcap", link)
        return observe([capture], etc, jobs=1, hosts=str(hosts) if hosts else None, aggregate=aggregate)


@cache
def honest_captures(folder: Path) -> tuple[Honest, ...]:
    """Those of fixtures/ with calls over UDP to a PBX that is found without being named."""
    return tuple(filter(None, (_honest(*case) for case in _cases(folder))))


def _cases(folder: Path) -> Iterator[tuple[str, Path, Path, Path | None]]:
    for path in sorted((FIXTURES / "incidents").glob("*/capture.pcap")):
        yield path.parent.name, path.parent / "etc", path, path.parent / "hosts"
    yield "demo", FIXTURES / "demo" / "etc", FIXTURES / "demo" / "capture.pcap", None
    for path in sorted((FIXTURES / "diagnosis").glob("*.toml")):
        for number, case in enumerate(tomllib.loads(path.read_text())["case"]):
            place = folder / f"{path.stem}-{number}"
            etc = place / "etc"
            etc.mkdir(parents=True)
            for name, text in case["files"].items():
                (etc / name).parent.mkdir(parents=True, exist_ok=True)
                (etc / name).write_text(text)
            (place / "hosts").write_text(case.get("hosts", ""))
            yield f"{path.stem}: {case['name']}", etc, write_scene(case["calls"], place / "c.pcap"), place / "hosts"


def _honest(name: str, etc: Path, capture: Path, hosts: Path | None) -> Honest | None:
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
        f"To: <sip:{to}@{place}>",
        f"Call-ID: {name}",
        f"CSeq: 1 {call.method}",
        "Max-Forwards: 70",
        *([] if any(line.startswith("Contact") for line in call.more) else [f"Contact: <sip:{call.source}>"]),
        *([f"User-Agent: {call.agent}"] if call.agent else []),
        *(line for line in call.more if not line.startswith("Via")),
        "Content-Length: 0",
    ]
    raw = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    yield Packet(at, call.source, pbx, raw)
    request = SipMessage(raw, "UDP", call.source, pbx, at)
    for count, (source, status, server) in enumerate(call.answers):
        yield Packet(at + 1000 * count + 1000, Address(source, 5060), pbx, _answer(request, status, "forged", server))
    if honest.is_answered and call.method == "INVITE" and call.source.ip not in honest.seen.situation.pbx:
        status = _status(honest, request)
        if not status:
            return
        answer = _answer(request, status, f"pbx-{name}", "Asterisk PBX 22.10.1")
        yield Packet(at + 5_000_000, pbx, call.source, answer, "out")
        if call.source.ip == MINE:
            yield Packet(at + 9_000_000, call.source, pbx, ack(SipMessage(answer, "UDP", pbx, call.source, at)))


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


def faults(honest: Honest, forged: Observation) -> list[str]:
    """What the adversary has reached."""
    return [*_let_in(honest, forged), *_gone(honest, forged), *_accused(honest, forged)]


def _accused(honest: Honest, forged: Observation) -> Iterator[str]:
    before, after = (
        {source for finding in seen.report.findings if finding.rule == "scanner" for source in finding.sources}
        for seen in (honest.seen, forged)
    )
    for source in sorted((after - before) & honest.known):
        yield f"{source} becomes a scanner"


def _let_in(honest: Honest, forged: Observation) -> Iterator[str]:
    known = {suggestion.edits for suggestion in honest.seen.report.suggestions}
    for suggestion in forged.report.suggestions:
        if suggestion.edits in known:
            continue
        opened, other = _effect(honest, suggestion)
        for endpoint, rule in opened:
            for low, high in _bounds(rule):
                if high - low > 1024 or not all(
                    _is_in_bound(honest, endpoint, rule.version, ip) for ip in range(low, high + 1)
                ):
                    yield f"{suggestion.add or suggestion.edits}: {rule.text} is let in as {endpoint}"
        if other:
            yield f"{suggestion.add or suggestion.edits}: {other}"


def _gone(honest: Honest, forged: Observation) -> Iterator[str]:
    before = [(s, *_effect(honest, s)) for s in honest.seen.report.suggestions if s.edits]
    after = [(s, *_effect(honest, s)) for s in forged.report.suggestions if s.edits]
    rules = [(endpoint, rule) for _, opened, _ in after for endpoint, rule in opened]
    for suggestion, opened, _ in before:
        if any(suggestion.edits == other.edits for other, _, _ in after):
            continue
        if not opened:
            yield f"{suggestion.add or suggestion.edits or suggestion.note} is gone"
        for endpoint, rule in opened:
            for source in sorted(honest.sources):
                if _holds(rule, source) and not any(e == endpoint and _holds(r, source) for e, r in rules):
                    yield f"{rule.text} for {source} as {endpoint} is gone"


def _effect(honest: Honest, suggestion: Suggestion) -> tuple[list[tuple[str, Rule]], str]:
    """(endpoint, rule) of what a suggestion lets in, and what else it changes, in words."""
    reload = honest.seen.situation.reload
    assert reload is not None
    before = reload({}, "")
    after = reload(changed(before, suggestion.edits), "")
    old, new = (dict(_rules(config)) for config in (before, after))
    opened = [(str(key[0]), new[key]) for key in new.keys() - old.keys()]
    other = [f"{name} changes" for name, what in _SETTINGS.items() if not _kept(what(before), what(after))]
    denied = set(_denied(after)) - set(_denied(before))
    other += [f"{sorted(map(str, denied))} denied"] if denied else []
    return opened, ", ".join(other)


def _kept(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    return all(after.get(name) == value for name, value in before.items() if name in after)


_SETTINGS: dict[str, Callable[[Config], Mapping[str, object]]] = {
    "the order of identifiers": lambda config: {"": config.identifiers},
    "auth=": lambda config: {name: known.auth for name, known in config.endpoints.items()},
    "identify_by=": lambda config: {name: known.identify_by for name, known in config.endpoints.items()},
    "endpoint=": lambda config: {
        known.name: known.endpoint for known in config.identifies if known.endpoint in config.endpoints
    },
}


def _rules(config: Config) -> Iterator[tuple[tuple[object, ...], Rule]]:
    """Everything that lets an address in: what it is for, and the rule."""
    lists: list[tuple[tuple[object, ...], Sequence[Rule]]] = [
        ((known.endpoint, "ip"), known.rules) for known in config.identifies if known.endpoint in config.endpoints
    ]
    guarded = [(name, known.acl, known.contact_acl) for name, known in config.endpoints.items()]
    for owner, acl, contact in [*guarded, *(("", known.acl, known.contact_acl) for known in config.acls)]:
        lists += [((owner, "acl"), acl.rules), ((owner, "contact"), contact.rules)]
    lists += [((name, "named"), rules) for name, rules in config.named_acls.items()]
    for owner_of, rules in lists:
        for rule in rules:
            if not rule.deny:
                yield (*owner_of, rule.version, rule.network, rule.mask, rule.port), rule


def _denied(config: Config) -> Iterator[tuple[object, ...]]:
    for identify in config.identifies:
        for rule in identify.rules:
            if rule.deny:
                yield identify.name, rule.version, rule.network, rule.mask


def _bounds(rule: Rule) -> Iterator[tuple[int, int]]:
    width = 32 if rule.version == 4 else 128
    free = rule.mask ^ ((1 << width) - 1)
    yield rule.network, rule.network | free


def _holds(rule: Rule, ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return address.version == rule.version and int(address) & rule.mask == rule.network


def _is_in_bound(honest: Honest, endpoint: str, version: int, value: int) -> bool:
    """Whether the files name the address, or it is FEW beside a written one and in the smallest network around them."""
    width, small, place = (32, 29, 24) if version == 4 else (128, 125, 64)
    for owner in {endpoint, ""}:
        spans = [(low, high) for name, kind, low, high in _written(honest) if kind == version and owner in (name, "")]
        if any(low <= value <= high for low, high in spans):
            return True
        beside = [
            (low, high) for low, high in spans if high - low < 1 << (width - small) and low - FEW <= value <= high + FEW
        ]
        for low, _ in beside:
            same = [span for span in spans if span[0] >> (width - place) == low >> (width - place)]
            first, last = min(span[0] for span in same), max(span[1] for span in same)
            free = max((first ^ last).bit_length(), width - small)
            if value >> free == first >> free:
                return True
    return False


@cache
def _written(honest: Honest) -> tuple[tuple[str, int, int, int], ...]:
    """(endpoint or empty, version, first, last) of every address in the files, loaded or not."""
    found = []
    for identify in honest.config.identifies:
        for rule in identify.rules:
            if not rule.deny:
                found += [(identify.endpoint, rule.version, *bound) for bound in _bounds(rule)]
    for section in honest.config.sections:
        for variable in section.variables:
            for text in re.findall(r"[0-9A-Fa-f.:]{3,}(?:/\d+)?", variable.value):
                try:
                    net = ipaddress.ip_network(text.strip(":."), strict=False)
                except ValueError:
                    continue
                found.append(("", net.version, int(net[0]), int(net[-1])))
    for names in honest.config.server_addresses.values():
        found += [("", (a := ipaddress.ip_address(ip)).version, int(a), int(a)) for ip in names]
    return tuple(found)
