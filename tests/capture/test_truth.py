"""Every INVITE of a capture is found: judged by the truth of generated captures, and by tshark."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pjsipdiag.capture import Tally, read
from pjsipdiag.sip import Address
from tests.bench.captures import KINDS, Invite, write

pytestmark = pytest.mark.usefixtures("loop")

SHARED = Path(os.environ.get("PJSIPDIAG_SHARED", Path(__file__).parents[3] / "shared"))
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark (apt install tshark)")


def invites(path: Path) -> tuple[Counter[Invite], Tally]:
    tally = Tally(str(path))
    found = Counter[Invite]()
    for datagram in read(path, tally):
        message = datagram.message()
        if message.is_request and message.method == "INVITE":
            found[Invite(message.source, message.destination, message.transport, message.call_id, message.cseq)] += 1
    return found, tally


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("link", ["ethernet", "vlan", "raw", "sll2"])
def test_generated_captures(kind: str, link: str, tmp_path: Path) -> None:
    for six, ending in ((False, "pcap"), (kind != "frag", "pcapng")):
        path = tmp_path / f"capture.{ending}"
        truth = write(path, kind, 3000, link, six)
        found, tally = invites(path)
        assert found == Counter(truth)
        assert (dict(tally.undecoded), tally.truncated) == ({}, None)


@needs_tshark
@pytest.mark.parametrize("kind", ["siponly", "frag", "tcp"])
def test_tshark_finds_the_same_in_them(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    write(path, kind, 600)
    assert set(by_tshark(path)) == set(by_us(path))


def by_us(path: Path) -> Counter[tuple[str, ...]]:
    found = Counter[tuple[str, ...]]()
    for datagram in read(path, Tally(str(path))):
        message = datagram.message()
        if message.is_request and message.method == "INVITE":
            found[message.source.ip, str(message.source.port), message.request_uri, message.call_id] += 1
    return found


def by_tshark(path: Path) -> Counter[tuple[str, ...]]:
    """Source, port, request URI and Call-ID of each INVITE, and of what else is in the same TCP segment."""
    fields = ("ip.src", "ipv6.src", "udp.srcport", "tcp.srcport", "sip.r-uri", "sip.Call-ID")
    command = ["tshark", "-n", "-r", str(path), "-Y", "sip.Method==INVITE", "-T", "fields", "-E", "separator=/t"]
    command += ["-o", "tcp.reassemble_out_of_order:TRUE", "-o", "udp.try_heuristic_first:TRUE"]
    command += [*(word for field in fields for word in ("-e", field))]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found = Counter[tuple[str, ...]]()
    for four, six, udp, tcp, uris, call_ids in csv.reader(done.stdout.splitlines(), delimiter="\t"):
        for uri, call_id in zip(uris.split(","), call_ids.split(","), strict=False):
            found[four or six, udp or tcp, uri, call_id] += 1
    return found


@needs_tshark
@pytest.mark.skipif(not SHARED.is_dir(), reason="the captures of other projects are not beside this checkout")
def test_captures_of_other_projects() -> None:
    paths = sorted((SHARED / "captures").glob("*.pcap*"))
    assert paths
    assert {path.name: by_us(path) for path in paths} == {path.name: by_tshark(path) for path in paths}


GENERATOR = SHARED / "bench" / "gen.py"


@pytest.mark.skipif(not GENERATOR.is_file(), reason="the other generator is not beside this checkout")
@pytest.mark.parametrize(
    "arguments",
    [
        "mixed {}.pcap --size 2M",
        "mixed {}.pcapng --size 2M --link sll2 --nano",
        "mixed {}.pcap --size 2M --vlan",
        "siponly {}.pcap --packets 3k --link sll",
        "siponly {}.pcapng --packets 3k --link sll2 --ipv6 0.5",
        "scan {}.pcap --packets 2k --ipv6 0.2",
        "scan {}.pcapng --packets 2k --link raw",
        "tcp {}.pcap.gz --packets 3k",
        "tcp {}.pcapng --packets 3k --link sll2",
        "varied {}.pcap --packets 5k",
        "frag {}.pcap --packets 3k",
        "frag {}.pcapng --packets 3k --link sll2",
    ],
)
def test_captures_of_another_generator(arguments: str, tmp_path: Path) -> None:
    words = arguments.format(tmp_path / "capture").split()
    subprocess.run([sys.executable, str(GENERATOR), *words, "--truth"], check=True, capture_output=True)
    with Path(words[1] + ".truth").open() as file:
        rows = list(csv.reader(file, delimiter="\t"))
    truth = Counter(
        Invite(Address(source, int(sport)), Address(destination, int(dport)), transport, call_id, int(cseq))
        for _, source, sport, destination, dport, transport, call_id, cseq in rows
    )
    assert invites(Path(words[1]))[0] == truth
