"""What is fuzzed: a name for each parser of foreign bytes, the function that feeds it, and where its seeds lie.

A target returns whatever the bytes are, or raises PjsipdiagError, the one line that a user would see. Anything else is
a defect of the parser. What the fuzzer found stays under fixtures/fuzz/NAME and is replayed by the tests.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pjsipdiag.asterisk.ere import UndecidedError
from pjsipdiag.asterisk.ere import automaton as regex
from pjsipdiag.asterisk.forms import head_forms
from pjsipdiag.asterisk.forms.header_syntax import PARSED_FIELDS
from pjsipdiag.asterisk.loading import show_output as shown
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.pjsip import message as pjsip
from pjsipdiag.asterisk.pjsip.uri import PjSipUri
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.text import read_text
from pjsipdiag.diagnosis.calls import fold as folding
from pjsipdiag.diagnosis.calls import fold_content, merge
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.redact import redact_report
from pjsipdiag.report import FORMATS, render
from pjsipdiag.sip import SipMessage, parse_uri
from tests.fuzz.captures import (
    DESTINATION,
    SOURCE,
    capture,
    chunks,
    files,
    messages,
    mirrored,
    packets,
    tcp,
    websocket,
)

FIXTURES = Path(__file__).parents[2] / "fixtures"
PLAIN = (
    b"INVITE sip:100@192.0.2.1:5060;transport=udp SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 203.0.113.13:5060;rport;branch=z9hG4bK1;x=y\r\nRecord-Route: <sip:203.0.113.1;lr>\r\n"
    b'Max-Forwards: 70\r\nFrom: "A" <sip:1@provider.example>;tag=f1;a=b\r\nt: <sip:100@192.0.2.1>\r\n'
    b"Contact: <sip:1@203.0.113.13:5060;transport=udp>;expires=60\r\nCall-ID: a@b\r\nCSeq: 1 INVITE\r\n"
    b"Allow: INVITE, ACK, BYE\r\nSupported: timer\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n"
    b"User-Agent: Phone/1.0\r\nX-Any: thing\r\nl: 0\r\n\r\n"
)
EARLY = 4
"""How often a form is met here until it is learnt."""


@dataclass(frozen=True)
class Target:
    """`run` takes hostile bytes; `seeds` are glob patterns below fixtures/ of files that lead it into the parser."""

    run: Callable[[bytes], None]
    seeds: tuple[str, ...] = ()


def log(data: bytes) -> None:
    for datagram in read_text(io.BytesIO(data), Tally("fuzz")):
        datagram.message()


def sip(data: bytes) -> None:
    message = SipMessage(data)
    for name in ("method", "request_uri", "status", "call_id", "cseq", "branch", "from_uri", "headers"):
        getattr(message, name)
    uri = parse_uri(message.request_uri)
    str(uri)


def request(data: bytes) -> None:
    """A message as PJSIP parses it."""
    pjsip.parse(data)


def form(data: bytes) -> None:
    """A head for which a form is learnt, or one of what follows a plain one: PJSIP parses it, to the fields that the
    form reads."""
    met = head_forms.Forms()
    with _learnt_early():
        number, end, fields = [met.read(head) for head in (PLAIN,) * EARLY + (data,) * (EARLY + 1)][-1]
    if not number:
        return
    parsed = pjsip.parse(data[:end])
    if not isinstance(parsed, pjsip.Request):
        raise AssertionError(f"a form for what PJSIP does not take: {parsed}")
    found = {name: (value or b"").decode("latin-1") for name, value in zip(PARSED_FIELDS, fields, strict=True)}
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
    compiled, interpreted = _folded(data, folding.taker), _folded(data, None)
    if _held(compiled) != _held(interpreted):
        raise AssertionError(f"compiled {_held(compiled)}, interpreted {_held(interpreted)}")
    merge.merge([fold_content.CapturePart(compiled, 0), fold_content.CapturePart(folding.Fold(), 0)])


def _folded(data: bytes, taker: object) -> folding.Fold:
    known, folded = folding.taker, folding.Fold()
    ends = ((SOURCE, DESTINATION), (DESTINATION, SOURCE), (bytes(18), bytes(18)))
    folding.taker = taker  # type: ignore[assignment]  # None or what it was
    try:
        with _learnt_early():
            for time, part in enumerate(chunks(data)):
                if len(part) > 1:
                    datagram = Datagram(time * 10**7, time, "UDP", *ends[part[0] % 3], part[1:])
                    folded.feed([datagram] * (1 + part[0] % 7))
    finally:
        folding.taker = known
    return folded


@contextmanager
def _learnt_early() -> Iterator[None]:
    """A few requests of a form are enough to learn it, as few fit into the bytes of a fuzzer."""
    usual, head_forms.LEARNT = head_forms.LEARNT, EARLY
    try:
        yield
    finally:
        head_forms.LEARNT = usual


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
