"""The release of the PBX by what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.source.location import stamp
from pjsipdiag.diagnosis.calls.pbx.releases_shown import release_sent
from pjsipdiag.sip import Address
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

SAYS = """
@ 0 {} > {}
OPTIONS sip:a@b SIP/2.0
Call-ID: {}
User-Agent: Asterisk PBX {}
"""


def test_the_release_is_what_the_pbx_itself_says_to_others(tmp_path: Path) -> None:
    pbx, carrier, other = "192.0.2.1:5060", "198.51.100.20:5060", "203.0.113.5:5060"
    said = [
        (pbx, carrier, "22.10.1"),
        *[(pbx + " ", pbx + " in", "16.28.0")] * 2,
        *[(other, carrier, "18.9.0")] * 3,
        *[(other, pbx, "20.1.0")] * 4,
        *[(pbx, carrier + " in", "21.0.0")] * 5,
    ]
    ways = [(source.strip(), to if to.endswith(" in") else f"{to} out", release) for source, to, release in said]
    text = "".join(SAYS.format(source, to, at, release) for at, (source, to, release) in enumerate(ways))
    address = Address("192.0.2.1", 0).pack()[:-2]
    path = str(write_capture(text, tmp_path / "c.pcap"))
    assert release_sent([Tally(path, stamp=stamp(path))], {address}) == "22.10.1"
