"""Which lines are suggested for addresses: as few as are needed, and none wider than what there is a reason for."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.sip import Address
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

TRUNK = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[udp6]
type=transport
protocol=udp
bind=::
[trunk]
type=endpoint
context=in
[trunk-id]
type=identify
endpoint=trunk
"""


def suggested(written: list[str], sources: list[str], folder: Path, *options: str) -> list[str]:
    """The lines that `suggest` adds where an identify has these and calls came from there."""
    (folder / "pjsip.conf").write_text(TRUNK + "".join(f"match={value}\n" for value in written))
    text = "".join(
        f"@ {at} {Address(source, 5060)} > {'[2001:db8:1::1]' if ':' in source else '192.0.2.1'}:5060 in\n"
        "INVITE sip:100@192.0.2.1 SIP/2.0\nFrom: <sip:a@carrier.example>;tag=1\n"
        for at, source in enumerate(sources)
    )
    arguments = ["suggest", write_capture(text, folder / "c.pcap"), "-c", folder, "--diff", *options]
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    return [line[1:] for line in done.stdout.splitlines() if line.startswith("+match=")]


def every_other_eight(place: str, count: int, length: int) -> list[str]:
    """Lines of eight addresses each, with as many between them: all of the place is near to one."""
    return [place.format(f"{16 * at:x}" if ":" in place else 16 * at) + f"/{length}" for at in range(count)]


FOUR, SIX = "203.0.113.{}", "2001:db8::{}"


@pytest.mark.parametrize(
    ("written", "sources", "lines"),
    [
        (["203.0.113.8", "203.0.113.15"], ["203.0.113.9", "203.0.113.14"], ["203.0.113.8/29"]),
        (every_other_eight(FOUR, 16, 29), ["203.0.113.8", "203.0.113.248"], ["203.0.113.0/24"]),
        (every_other_eight(FOUR, 16, 28), ["203.0.113.8"], []),
        (every_other_eight(SIX, 16, 125), ["2001:db8::8", "2001:db8::f8"], ["2001:db8::/120"]),
        (every_other_eight(SIX, 32, 125), ["2001:db8::8", "2001:db8::1f8"], ["2001:db8::8", "2001:db8::1f8"]),
        (
            every_other_eight("203.0.112.{}", 16, 29) + every_other_eight(FOUR, 16, 29),
            ["203.0.112.8", "203.0.113.248"],
            ["203.0.112.0/24", "203.0.113.0/24"],
        ),
    ],
)
def test_a_network_holds_what_lines_speak_for_and_is_never_wide(
    written: list[str], sources: list[str], lines: list[str], tmp_path: Path
) -> None:
    found = suggested(written, sources, tmp_path, "--aggregate")
    assert found == [f"match={line}" for line in lines]
    assert all("/" not in line for line in suggested(written, sources, tmp_path))
