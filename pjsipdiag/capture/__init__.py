"""Captures and logs read into the SIP datagrams that were on the wire. Nothing here knows Asterisk's configuration.

`read` gives the datagrams of one file and counts in a Tally what was passed over; `read_messages` gives SipMessages.
`expand` finds the files of directories and patterns; a `Dissector` goes on from one of them to the next; `split`,
`read_part` and `join` share them between processes.

    datagram    Datagram and Tally: what goes out; passed_over: what does not; signs: what the network says beside SIP
    source      bytes from files, compressed or growing
    streams     TCP in order, SIP messages in it, WebSocket, HEP
    packets     frames down to datagrams and segments
    fast        what cannot hold SIP is passed over, compiled where it can be
    text        logs and other written forms
    formats     pcap, pcapng, texts, and what Wireshark reads; rotated: files of one capture; readers: who reads them
    joining     parts of one capture, read by several processes; reread: read a second time
    pcap_writer messages as a capture

Imports go upwards in this list; `diagnosis.work` asks the top.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.reader import read_stream
from pjsipdiag.capture.joining.part_handover import FilePart, Handover, UnjoinableError
from pjsipdiag.capture.joining.parts import join, read_on, read_part, split
from pjsipdiag.capture.packets.dissect import Dissector, UnfinishedState
from pjsipdiag.capture.readers import READERS, read
from pjsipdiag.capture.rotated import Captures, expand
from pjsipdiag.sip import SipMessage

__all__ = [
    "READERS",
    "Captures",
    "Datagram",
    "Dissector",
    "FilePart",
    "Handover",
    "Tally",
    "UnfinishedState",
    "UnjoinableError",
    "expand",
    "join",
    "read",
    "read_messages",
    "read_on",
    "read_part",
    "read_stream",
    "split",
]


def read_messages(path: str | Path) -> Iterator[SipMessage]:
    """The SIP messages of the capture at `path`. Raises CaptureError when nothing of it can be read."""
    for datagram in read(path, Tally(str(path))):
        yield datagram.message()
