"""The messages of some calls, picked from captures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path

from pjsipdiag.capture import expand
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.joining.chain import read_files
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.outputs import write_bytes


def messages_of(captures: Sequence[str | Path], call_ids: Collection[str]) -> tuple[Datagram, ...]:
    """Every message with one of these Call-IDs, in the order of the captures.

    :raises CaptureError: a capture cannot be read.
    """
    words = [call_id.encode("utf-8", "surrogateescape") for call_id in call_ids]

    def wanted(datagram: Datagram) -> bool:
        return any(word in datagram.payload for word in words) and datagram.message().call_id in call_ids

    return tuple(chain.from_iterable(read_files(expand(captures), [], wanted)))


def extract(
    captures: Sequence[str | Path], call_ids: Collection[str], path: str, *, inputs: Sequence[str], force: bool
) -> int:
    """Writes the messages of these calls to `path` as a capture, and tells how many.

    :raises PjsipdiagError: there are none, or `path` cannot be written.
    """
    found = messages_of(captures, call_ids)
    if not found:
        shown = ", ".join(visible(call_id) for call_id in call_ids)
        raise PjsipdiagError(f"no message has the Call-ID {shown}; 'pjsipdiag diagnose --format jsonl' lists them")
    with write_bytes(path, inputs=inputs, force=force) as stream:
        write_pcap(found, stream)
    return len(found)
