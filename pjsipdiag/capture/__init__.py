"""What was on the wire: captures and logs read into SIP datagrams. Nothing here knows Asterisk's configuration.

`read` gives the datagrams of one file and counts in a Tally what was passed over; `read_messages` gives SipMessages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pjsipdiag.capture.compressed import decompressed, open_file
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.scan import scan
from pjsipdiag.sip import SipMessage


def read(path: str | Path, tally: Tally) -> Iterator[Datagram]:
    """The SIP datagrams of the capture at `path` (`-`: standard input), in the order in which they are complete.

    Raises CaptureError when nothing of it can be read.
    """
    with open_file(str(path)) as file:
        yield from scan(decompressed(file), tally)


def read_messages(path: str | Path) -> Iterator[SipMessage]:
    """The SIP messages of the capture at `path`. Raises CaptureError when nothing of it can be read."""
    for datagram in read(path, Tally(str(path))):
        yield datagram.message()
