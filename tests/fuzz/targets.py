"""What is fuzzed: a name for each parser of foreign bytes, the function that feeds it, and where its seeds lie.

A target returns whatever the bytes are, or raises PjsipdiagError, the one line that a user would see. Anything else is
a defect of the parser. What the fuzzer found stays under fixtures/fuzz/NAME and is replayed by the tests.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from pjsipdiag.asterisk.ere import automaton as regex
from pjsipdiag.asterisk.ere.references import UndecidedError
from pjsipdiag.asterisk.forms.forms import LEARNT, Forms
from pjsipdiag.asterisk.forms.header_syntax import FIELDS
from pjsipdiag.asterisk.loading import show_output as shown
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.pjsip import message as pjsip
from pjsipdiag.asterisk.pjsip.uri import PjSipUri
from pjsipdiag.capture import Dissector, FilePart, Handover, Unjoinable, join, read_part, read_stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.joining.handover import WHOLE
from pjsipdiag.capture.packets import logger
from pjsipdiag.capture.packets.rare import RARE
from pjsipdiag.capture.streams import hep
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.capture.streams.tcp import Reassembler
from pjsipdiag.capture.streams.websocket import WebSocketStream
from pjsipdiag.capture.text import read_text
from pjsipdiag.diagnosis.calls import fold as folding
from pjsipdiag.diagnosis.calls import folded as folded_data
from pjsipdiag.diagnosis.calls import merge
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.redact import redact_report
from pjsipdiag.report import FORMATS, render
from pjsipdiag.sip import SipMessage, parse_uri

FIXTURES = Path(__file__).parents[2] / "fixtures"
PLAIN = (
    b"INVITE sip:100@192.0.2.1:5060;transport=udp SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 203.0.113.13:5060;rport;branch=z9hG4bK1;x=y\r\nRecord-Route: <sip:203.0.113.1;lr>\r\n"
    b'Max-Forwards: 70\r\nFrom: "A" <sip:1@provider.example>;tag=f1;a=b\r\nt: <sip:100@192.0.2.1>\r\n'
    b"Contact: <sip:1@203.0.113.13:5060;transport=udp>;expires=60\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\n"
    b"Allow: INVITE, ACK, BYE\r\nSupported: timer\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n"
    b"User-Agent: Phone/1.0\r\nX-Any: thing\r\nl: 0\r\n\r\n"
)
SOURCE, DESTINATION = bytes((203, 0, 113, 13, 19, 196)), bytes((192, 0, 2, 1, 19, 196))
LINK_TYPES = (0, 1, 12, 50, 101, 108, 113, 127, 192, 228, 229, 276, *RARE, 105, 107, 119, 163, 204, 147)


@dataclass(frozen=True)
class Target:
    """`run` takes hostile bytes; `seeds` are glob patterns below fixtures/ of files that lead it into the parser."""

    run: Callable[[bytes], None]
    seeds: tuple[str, ...] = ()


def capture(data: bytes) -> None:
    """A whole file: any format, compression, link type and protocol; both loops find the same."""
    found = [_read(data), _read(data, None)]
    if found[0] != found[1]:
        raise AssertionError(f"compiled {found[0]}, interpreted {found[1]}")


def _read(data: bytes, passed: object = compiled.passed) -> tuple[list[SipMessage], Tally]:
    known, tally = compiled.passed, Tally("fuzz")
    compiled.passed = passed  # type: ignore[assignment]  # None or what it was
    try:
        return [datagram.message() for datagram in read_stream(io.BytesIO(data), tally)], tally
    finally:
        compiled.passed = known


def packets(data: bytes) -> None:
    """Packets of one link type: the first byte chooses it, each length is two bytes."""
    link = LINK_TYPES[data[0] % len(LINK_TYPES)] if data else 1
    capture(_file(link, enumerate(_chunks(data[1:]))))


def files(data: bytes) -> None:
    """Packets of raw IP in one file and in two, which end after the packet that the first byte counts.

    Read alone, one after the other, and joined as other processes read them: the messages are the same.
    """
    numbered = [(time, packet) for time, packet in enumerate(_chunks(data[1:])) if packet]
    place = data[0] % (len(numbered) + 1) if data else 0
    tally = Tally("whole")
    whole = sorted(read_stream(io.BytesIO(_file(101, numbered)), tally))
    halves = [_file(101, part) for part in (numbered[:place], numbered[place:])]
    start = numbered[place][0] * 10**9 if place < len(numbered) else 0
    for ways in (_in_turn(halves, place, start), _shared(halves, place, start)):
        found, undecoded = ways
        if found != whole or undecoded != tally.undecoded:
            raise AssertionError(f"{whole} {tally.undecoded} in one file, {found} {undecoded} in two")


def _in_turn(halves: list[bytes], place: int, start: int) -> tuple[list[Datagram], Counter[str]]:
    one, two = Tally("one"), Tally("two")
    first = Dissector(one)
    found = [*read_stream(io.BytesIO(halves[0]), one, first), *first.finish(start), *first.late]
    second = Dissector(two, first.unfinished())
    after = [*read_stream(io.BytesIO(halves[1]), two, second), *second.finish(), *second.late]
    return _both(found, after, place), one.undecoded + two.undecoded


def _shared(halves: list[bytes], place: int, start: int) -> tuple[list[Datagram], Counter[str]]:
    unfinished, found, undecoded = None, list[list[Datagram]](), Counter[str]()
    for raw, end in zip(halves, (start, None), strict=True):
        with NamedTemporaryFile(prefix="pjsipdiag-fuzz-") as file:
            file.write(raw)
            file.flush()
            tally, rest = Tally("part"), Handover()
            mine = list(read_part(FilePart(file.name, 0, WHOLE), tally, rest))
        try:
            dissector, joined = join([rest], tally, unfinished)
        except Unjoinable:
            tally = Tally("alone")
            dissector, mine = Dissector(tally, unfinished), []
            joined = list(read_stream(io.BytesIO(raw), tally, dissector))
        found.append([*mine, *joined, *dissector.finish(end), *dissector.late])
        unfinished = dissector.unfinished()
        undecoded += tally.undecoded
    return _both(found[0], found[1], place), undecoded


def _both(one: list[Datagram], two: list[Datagram], place: int) -> list[Datagram]:
    return sorted([*one, *(datagram._replace(frame=datagram.frame + place) for datagram in two)])


def _file(link: int, packets: Iterable[tuple[int, bytes]]) -> bytes:
    file = bytearray(bytes.fromhex("d4c3b2a1020004000000000000000000ffff0000") + link.to_bytes(4, "little"))
    for time, packet in packets:
        size = len(packet).to_bytes(4, "little")
        file += time.to_bytes(4, "little") + bytes(4) + size + size + packet
    return bytes(file)


def tcp(data: bytes) -> None:
    """Segments in any order: a byte of flow and flags, two of sequence number, then the payload."""
    reassembler = Reassembler(Tally("fuzz"))
    found: list[Datagram] = []
    for time, part in enumerate(_chunks(data)):
        if len(part) < 4:
            continue
        flow = bytes((192, 0, 2, part[0] & 1, 192, 0, 2, 2, 0, 1, 19, 196))
        flags = part[0] >> 3
        payload = part[4:]
        length = len(payload) + part[3] if part[0] & 4 else None
        far = (part[0] & 2) << 29
        sequence = 0xFFFFFF00 + far + int.from_bytes(part[1:3], "big") & 0xFFFFFFFF
        found += reassembler.feed(time * 10**8, time, flow, sequence, flags, payload, length, "", sequence)
    found += reassembler.finish()
    for datagram in found:
        datagram.message()
    if reassembler.waiting:
        raise AssertionError(f"{reassembler.waiting} bytes are waiting after the end")


def messages(data: bytes) -> None:
    """One stream in pieces of the length that the first byte gives: the same messages as in one piece."""
    size = data[0] + 1 if data else 1
    whole, pieces = MessageStream(Counter()), MessageStream(Counter())
    told = list(whole.receive(data[1:]))
    if not whole.refused:
        parts = [piece for at in range(1, len(data), size) for piece in pieces.receive(data[at : at + size])]
        if not pieces.refused and parts != told:
            raise AssertionError(f"{told} in one piece, {parts} in pieces of {size}")


def websocket(data: bytes) -> None:
    """Frames in pieces, with and without the upgrade."""
    size = data[0] + 1 if data else 1
    for upgraded in (True, False):
        stream = WebSocketStream(Counter(), upgraded)
        for at in range(1, len(data), size):
            stream.receive(data[at : at + size])
        stream.lose()


def mirrored(data: bytes) -> None:
    """HEP in a datagram and in a stream, and the datagrams of Asterisk's own captures."""
    size = data[-1] + 1 if data else 1
    for joined in (True, False):
        stream = hep.HepStream(Counter(), joined)
        for at in range(0, len(data), size):
            stream.receive(data[at : at + size])
        stream.lose()
    datagram = Datagram(0, 1, "UDP", SOURCE, DESTINATION, data)
    hep.looks_like(data)
    inner = hep.unwrap(datagram)
    for found in (inner, logger.logged(datagram)):
        if found is not None:
            found.message()


def log(data: bytes) -> None:
    for datagram in read_text(io.BytesIO(data), Tally("fuzz")):
        datagram.message()


def sip(data: bytes) -> None:
    message = SipMessage(data)
    for name in ("method", "request_uri", "status", "call_id", "cseq", "branch", "from_uri", "to_tag", "headers"):
        getattr(message, name)
    uri = parse_uri(message.request_uri)
    str(uri)


def request(data: bytes) -> None:
    """A message as PJSIP parses it."""
    pjsip.parse(data)


def form(data: bytes) -> None:
    """A head for which a form is learnt, or one of what follows a plain one: PJSIP parses it, to the fields that the
    form reads."""
    forms = Forms()
    number, end, fields = [forms.read(head) for head in (PLAIN,) * LEARNT + (data,) * (LEARNT + 1)][-1]
    if not number:
        return
    parsed = pjsip.parse(data[:end])
    if not isinstance(parsed, pjsip.Request):
        raise AssertionError(f"a form for what PJSIP does not take: {parsed}")
    found = {name: (value or b"").decode("latin-1") for name, value in zip(FIELDS, fields, strict=True)}
    sender = parsed.from_.address.uri
    if not isinstance(sender, PjSipUri):
        raise AssertionError(f"a form for {sender}")
    theirs = {"user": sender.user, "host": sender.host, "tag": parsed.from_.tag, "to_tag": parsed.to.tag}
    theirs["branch"] = parsed.via.branch
    ours = {name: found[name].strip("[]") if name == "host" else found[name] for name in theirs}
    if ours != theirs:
        raise AssertionError(f"{ours} by the form, {theirs} by PJSIP")


def fold(data: bytes) -> None:
    """Messages of both directions, folded: each length is two bytes, the first byte of each chooses its sender.

    With the compiled part and without it, the fold holds the same.
    """
    compiled, interpreted = _folded(data, folding.following), _folded(data, None)
    if _held(compiled) != _held(interpreted):
        raise AssertionError(f"compiled {_held(compiled)}, interpreted {_held(interpreted)}")
    merge.merge([folded_data.CapturePart(compiled, 0), folded_data.CapturePart(folding.Fold(), 0)])


def _folded(data: bytes, following: object) -> folding.Fold:
    known, folded = folding.following, folding.Fold()
    ends = ((SOURCE, DESTINATION), (DESTINATION, SOURCE), (bytes(18), bytes(18)))
    folding.following = following  # type: ignore[assignment]  # None or what it was
    try:
        for time, part in enumerate(_chunks(data)):
            if len(part) > 1:
                folded.feed([Datagram(time * 10**7, time, "UDP", *ends[part[0] % 3], part[1:])] * (1 + part[0] % 7))
    finally:
        folding.following = known
    return folded


def _held(folded: folding.Fold) -> tuple[object, ...]:
    counts = folded.messages, folded.responses, folded.requests, folded.end
    return (*[getattr(folded, name) for name in folding.KEPT], folded.spool.read(0, 1 << 24), counts)


def config(data: bytes) -> None:
    """A whole pjsip.conf; after a line `---`, the same text is also the wizard's file."""
    text = data.decode("utf-8", "surrogateescape")
    main, _, wizard = text.partition("\n---\n")
    load_config(None, overlay={"pjsip.conf": main, "pjsip_wizard.conf": wizard})


def pattern(data: bytes) -> None:
    """A regular expression of a configuration, and after the first newline bytes of a message that it is tried on."""
    first, _, text = data.partition(b"\n")
    try:
        regex.compile_ere(first.decode("utf-8", "surrogateescape")).search(text[:200].decode("latin-1"))
    except (regex.EreError, UndecidedError):
        return


def command_line(data: bytes) -> None:
    """The output of `pjsip show identifies`."""
    shown.parse_identifies(data.decode("utf-8", "surrogateescape"))


def run(data: bytes) -> None:
    """A configuration, a line `---` and a capture or log, through to a report: the first byte chooses its format.

    No control character comes out, and the redacted report has the same verdicts.
    """
    text, _, raw = data[1:].partition(b"\n---\n")
    with TemporaryDirectory(prefix="pjsipdiag-fuzz-") as folder:
        config, capture = Path(folder, "pjsip.conf"), Path(folder, "capture")
        config.write_bytes(text)
        capture.write_bytes(raw)
        report = diagnose([capture], folder)
        hidden = redact_report(report)
    name = FORMATS[data[0] % len(FORMATS)]
    for page in (render(report, name, verbose=2), render(hidden, name, verbose=2)):
        odd = {char for char in page if not char.isprintable() and char not in "\n\t"}
        if odd:
            raise AssertionError(f"{odd} in {name}")
        page.encode()
    if [call.verdict.outcome for call in hidden.calls] != [call.verdict.outcome for call in report.calls]:
        raise AssertionError("the redacted report has other verdicts")


def _chunks(data: bytes) -> Iterable[bytes]:
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big") & 0x7FF
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


TARGETS = {
    "capture": Target(capture, ("tls/*", "log/*.pcap", "demo/*.pcap*", "seed/*.pcap*")),
    "packets": Target(packets),
    "files": Target(files),
    "tcp": Target(tcp),
    "messages": Target(messages),
    "websocket": Target(websocket),
    "hep": Target(mirrored),
    "log": Target(log, ("log/*.log",)),
    "sip": Target(sip),
    "pjsip": Target(request),
    "forms": Target(form),
    "fold": Target(fold),
    "conf": Target(config, ("demo/*.conf", "seed/**/*.conf")),
    "regex": Target(pattern),
    "shown": Target(command_line, ("shown/*.txt",)),
    "run": Target(run),
}
"""Parser -> target; the choices of the command line and the cases of the tests."""
