"""The messages of some calls, picked from captures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path

from pjsipdiag.capture import expand
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.joining.file_by_file import cut_short, read_files
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.outputs import write_bytes


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages in the order of the captures; `cut` says which of these could not be read to their end."""

    datagrams: tuple[Datagram, ...]
    cut: tuple[str, ...] = ()


def messages_of(captures: Sequence[str | Path], call_ids: Collection[str]) -> Messages:
    """Every message with one of these Call-IDs.

    :raises CaptureError: a capture cannot be read.
    """
    words = [call_id.encode("utf-8", "surrogateescape") for call_id in call_ids]

    def wanted(datagram: Datagram) -> bool:
        return any(word in datagram.payload for word in words) and datagram.message().call_id in call_ids

    tallies: list[Tally] = []
    found = tuple(chain.from_iterable(read_files(expand(captures), tallies, wanted)))
    return Messages(found, cut_short(tallies))


def extract(
    captures: Sequence[str | Path], call_ids: Collection[str], path: str, *, inputs: Sequence[str], force: bool
) -> Messages:
    """Writes the messages of these calls to `path` as a capture, and returns them.

    :raises PjsipdiagError: there are none, or `path` cannot be written.
    """
    found = messages_of(captures, call_ids)
    if not found.datagrams:
        shown = ", ".join(visible(call_id) for call_id in call_ids)
        raise PjsipdiagError(f"no message has the Call-ID {shown}; 'pjsipdiag diagnose --format jsonl' lists them")
    with write_bytes(path, inputs=inputs, force=force) as stream:
        write_pcap(found.datagrams, stream)
    return found
