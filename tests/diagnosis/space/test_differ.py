"""The differences between configurations are complete: a sampled request differs exactly where they say."""

from __future__ import annotations

import ipaddress
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.cli import main
from pjsipdiag.diagnosis.explain import request
from pjsipdiag.diagnosis.space.axes import Saying, Socket, space
from pjsipdiag.diagnosis.space.differ import ANOTHER_NAME, Difference, differences
from pjsipdiag.sip import Address
from tests.conformance import cases, load

RECORDINGS = Path(__file__).parents[3] / "fixtures" / "conformance"
Sample = tuple[str, int, bool, Saying, Socket]
"""Source, port, whether a rule names the port, what is said, where it comes to."""
HEAD = ("[udp]", "type=transport", "protocol=udp", "bind=0.0.0.0", "[p]", "type=endpoint", "identify_by=ip",
        "[i]", "type=identify", "endpoint=p")  # fmt: skip
PAIRS, SAMPLES = 50, 200
MOST_KINDS = 1000
"""Of one configuration: a pair makes many times as many, and they are all replayed."""


def _size(config: Config) -> int:
    whole = space([config])
    return len(whole.spans) * len(whole.ports) * len(whole.sayings) * len(whole.sockets)


@cache
def configurations() -> list[Config]:
    """Those of recorded cases in which several identifies or endpoints stand: made at random, odd on purpose."""
    found = []
    for case in cases(RECORDINGS / "asterisk-22.10.1.jsonl.gz"):
        config = load(case)
        if len(config.identifies) > 1 and config.listeners and _size(config) < MOST_KINDS:
            found.append(config)
        if len(found) == PAIRS + 1:
            break
    return found


_network = cache(ipaddress.ip_network)


def holds(row: Difference, sample: Sample) -> bool:
    ip, port, named, saying, socket = sample
    address = ipaddress.ip_address(ip)
    inside = any(address in _network(network) for network in row.networks)
    said = not row.says or (saying.label or ANOTHER_NAME) in row.says
    came = not row.ports or (str(port) if named else "any other") in row.ports
    return inside and said and came and (not row.sockets or f"{socket.transport} {socket.address}" in row.sockets)


def near(draw: random.Random, bounds: list[int], width: int) -> int:
    at = draw.choice(bounds) + draw.choice((-1, 0, 1, draw.randrange(300)))
    return at % (1 << width) if draw.random() < 0.8 else draw.randrange(1 << width)


def samples(before: Config, after: Config, draw: random.Random) -> Iterator[Sample]:
    whole = space((before, after))
    for _ in range(SAMPLES):
        socket = draw.choice(whole.sockets)
        version = 6 if ":" in socket.address.ip else 4
        bounds = [span.first for spans in whole.spans for span in spans if span.version == version]
        number = near(draw, bounds, 128 if version == 6 else 32)
        kind = ipaddress.IPv6Address if version == 6 else ipaddress.IPv4Address
        port = draw.choice((*whole.ports, draw.randrange(1, 65536)))
        yield str(kind(number)), port, port in whole.ports[:-1], draw.choice(whole.sayings), socket


@pytest.mark.parametrize("number", range(PAIRS))
def test_sampled_requests_agree_with_the_whole(number: int) -> None:
    before, after = configurations()[number : number + 2]
    found = differences(before, after)
    left_out = any("holes" in text for text in found.not_enumerated)
    old, new = Replay(before), Replay(after)
    for sample in samples(before, after, random.Random(number)):
        ip, port, _, saying, socket = sample
        message = request(
            Address(ip, port),
            from_=saying.from_,
            uri=saying.uri or f"sip:100@{socket.address}",
            headers=saying.headers,
            transport=socket.transport,
            destination=socket.address,
        )
        first, second = old.verdict(message), new.verdict(message)
        differs = (first.outcome, first.endpoint) != (second.outcome, second.endpoint)
        inside = any(holds(row, sample) for row in found.rows)
        assert inside == differs or left_out, (sample, first, second)


def configuration(folder: Path, *lines: str) -> str:
    folder.mkdir()
    (folder / "pjsip.conf").write_text("".join(f"{line}\n" for line in (*HEAD, *lines)))
    return str(folder)


def test_the_command_line_tells_which_and_why(tmp_path: Path) -> None:
    old = configuration(tmp_path / "old", "match=203.0.113.10")
    new = configuration(tmp_path / "new", "match=203.0.113.8/29")
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["compare", "-c", old, "-c", new, "--format", "json"])
    assert result.exit_code == 1
    (row,) = json.loads(result.stdout)["differences"]
    assert row["networks"] == ["203.0.113.8/31", "203.0.113.11", "203.0.113.12/30"]
    assert (row["before"], row["after"]) == ("no match", "accepted for endpoint 'p' by ip of 'i'")
    assert "match=203.0.113.8/29" in row["after_why"]
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["compare", "-c", old, "-c", new])
    assert "from 203.0.113.8/31, 203.0.113.11, 203.0.113.12/30" in shown.stdout
    same = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["compare", "-c", old, "-c", old])
    assert (same.exit_code, "Every call would go the same way" in same.stdout) == (0, True)


def test_options_that_only_a_capture_gives_sense_are_refused(tmp_path: Path) -> None:
    old = configuration(tmp_path / "old", "match=203.0.113.10")
    result = CliRunner().invoke(main, ["compare", "-c", old, "-c", old, "--since", "12:00"])
    assert result.exit_code == 2
    assert "--since" in result.stderr


def test_what_cannot_be_enumerated_is_said(tmp_path: Path) -> None:
    old = configuration(tmp_path / "old", "match_header=X-Trunk: /^a+$/")
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["compare", "-c", old, "-c", old]).stdout
    assert "not compared: pjsip.conf:11: what fits a regular expression is left out" in shown


def test_what_cannot_be_decided_is_no_agreement(tmp_path: Path) -> None:
    old = configuration(tmp_path / "old", "match=203.0.113.10")
    (tmp_path / "old/sorcery.conf").write_text("[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_identifies\n")
    (tmp_path / "old/extconfig.conf").write_text("[settings]\nps_identifies => odbc,asterisk\n")
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["compare", "-c", old, "-c", old])
    assert result.exit_code == 1
    shown = " ".join(result.stdout.split())
    assert "not all can be told" in shown
    assert "2 of 2 kinds of calls cannot be decided: " in shown


def test_a_transport_with_a_host_name_is_a_place_to_come_to(tmp_path: Path) -> None:
    old = configuration(tmp_path / "old", "match=203.0.113.10", "[n]", "type=transport", "bind=pbx.invalid")
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["compare", "-c", old, *("--asterisk=18", "--asterisk=22")])
    assert "Asterisk 18 and Asterisk 22" in " ".join(result.stdout.split())
