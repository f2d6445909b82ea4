"""Every INVITE of a capture is found: judged by the truth of generated captures, and by tshark."""

from __future__ import annotations

import csv
import gzip
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from pjsipdiag.capture import Tally, read
from pjsipdiag.sip import Address
from tests.bench.captures import KINDS, write
from tests.bench.peers import Invite
from tests.capture.tshark import needs_tshark

pytestmark = pytest.mark.usefixtures("extensions")

FIXTURES = Path(__file__).parents[2] / "fixtures"


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
        truth = write(path, kind, 1000, link, six)
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
@pytest.mark.parametrize("name", ["log/logger-16.pcap", "log/logger-22.pcap", "demo/capture.pcap", "seed/capture.pcap"])
def test_tshark_finds_the_same_in_what_others_wrote(name: str) -> None:
    """Asterisk's own captures (`pjsip set logger pcap`), and those that scapy wrote."""
    found = by_us(FIXTURES / name)
    assert found
    assert found == by_tshark(FIXTURES / name)


@pytest.mark.parametrize("path", sorted((FIXTURES / "captures").glob("*.gz")), ids=lambda path: path.stem)
def test_captures_of_another_generator(path: Path, tmp_path: Path) -> None:
    plain = tmp_path / path.stem
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    with path.with_suffix(".truth").open() as file:
        rows = list(csv.reader(file, delimiter="\t"))
    truth = Counter(
        Invite(Address(source, int(sport)), Address(destination, int(dport)), transport, call_id, int(cseq))
        for _, source, sport, destination, dport, transport, call_id, cseq in rows
    )
    assert invites(plain)[0] == invites(path)[0] == truth
