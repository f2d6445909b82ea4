"""An archive for the carrier: the calls of his addresses, and nothing of our configuration."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.traffic import CallRow, Transcripts
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.handover.extract import Messages, messages_of
from pjsipdiag.outputs import write_bytes
from pjsipdiag.report.machine.csv import cell
from pjsipdiag.report.web.conversations import MOST_CALLS_SHOWN
from pjsipdiag.report.wording import moment, plural, user

FIRST_TIME = (1980, 1, 1, 0, 0, 0)
"""The date of every member, the first that the format knows: the same calls give the same bytes."""


@dataclass(frozen=True, slots=True)
class CarrierCalls:
    """The calls of some sources, and their messages."""

    calls: tuple[CallRow, ...]
    messages: Messages
    transcripts: Transcripts
    """The messages of the first of them, for the page."""


def gather(captures: Sequence[str], sources: Sequence[str], since: str | None, until: str | None) -> CarrierCalls:
    """The calls of these addresses or networks.

    They are replayed against an empty configuration, for only what the capture shows is told.

    :raises PjsipdiagError: there are none, or a capture cannot be read.
    """
    with TemporaryDirectory() as empty:
        (Path(empty) / "pjsip.conf").touch()
        report = diagnose(captures, empty, sources=sources, since=since, until=until)
    if not report.calls:
        raise PjsipdiagError(f"no call of {', '.join(map(visible, sources))} is in the captures")
    calls = tuple(report.calls)
    told = report.transcripts(calls[:MOST_CALLS_SHOWN]) if report.transcripts else {}
    return CarrierCalls(calls, messages_of(captures, {call.call_id for call in calls}), told)


def write_evidence(handed: CarrierCalls, path: str, *, inputs: Sequence[str], force: bool) -> None:
    """Writes the archive (ZIP) with each of ARCHIVE_FILES.

    :raises PjsipdiagError: `path` cannot be written.
    """
    with write_bytes(path, inputs=inputs, force=force) as stream, zipfile.ZipFile(stream, "w") as archive:
        for name, content in ARCHIVE_FILES.items():
            member = zipfile.ZipInfo(f"evidence/{name}", FIRST_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o600 << 16
            archive.writestr(member, content(handed))


def _table(handed: CarrierCalls) -> bytes:
    stream = StringIO()
    rows = csv.writer(stream, lineterminator="\r\n")
    rows.writerow(("time (UTC)", "from address", "to address", "transport", "caller", "called", "Call-ID", "answer"))
    for call in handed.calls:
        who = (call.source, call.destination, call.transport, user(call.from_), user(call.request_uri), call.call_id)
        rows.writerow([cell(str(value)) for value in (moment(call.time), *who, call.observed_status or "none")])
    return stream.getvalue().encode("utf-8", "backslashreplace")


def _page(handed: CarrierCalls) -> bytes:
    """A summary of the calls, in a few lines that a person reads."""
    calls = handed.calls
    sources = sorted({call.source.rpartition(":")[0].strip("[]") for call in calls})
    answers = Counter(str(call.observed_status or "none") for call in calls)
    lines = [
        f"{plural(len(calls), 'call')} from {', '.join(sources)}",
        f"first {moment(calls[0].time)}, last {moment(calls[-1].time)} (UTC)",
        f"answered: {', '.join(f'{answer} x{count}' for answer, count in sorted(answers.items()))}",
        "",
        "calls.html shows them in a browser, with their messages;",
        "calls.csv has each of them with time, numbers, Call-ID and answer;",
        "calls.pcap has their SIP messages as they were captured, with their credentials, and nothing else.",
    ]
    return "".join(f"{visible(line)}\r\n" for line in lines).encode("utf-8", "backslashreplace")


def _capture(handed: CarrierCalls) -> bytes:
    stream = BytesIO()
    write_pcap(handed.messages.datagrams, stream)
    return stream.getvalue()


def _html_page(handed: CarrierCalls) -> bytes:
    from pjsipdiag.report.web.carrier import page  # with jinja2, which most commands do not need

    return page(handed.calls, handed.transcripts).encode("utf-8", "backslashreplace")


ARCHIVE_FILES: dict[str, Callable[[CarrierCalls], bytes]] = {
    "README.txt": _page,
    "calls.html": _html_page,
    "calls.csv": _table,
    "calls.pcap": _capture,
}
"""Name of a file in the archive -> its content."""
