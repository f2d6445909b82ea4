"""What was on the wire: captures and logs read into SIP datagrams. Nothing here knows Asterisk's configuration.

`read` gives the datagrams of one file and counts in a Tally what was passed over; `read_messages` gives SipMessages.
`split`, `read_part` and `join` share one big capture between processes.
"""

from __future__ import annotations

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.parts import Part, Rest, Unjoinable, join, read_part, split
from pjsipdiag.capture.reader import read, read_messages, read_stream

__all__ = [
    "Datagram",
    "Part",
    "Rest",
    "Tally",
    "Unjoinable",
    "join",
    "read",
    "read_messages",
    "read_part",
    "read_stream",
    "split",
]
