"""Suggested repairs on real Asterisk: `python -m tests.fixes [--asterisk 22|16]`.

For every incident and every fixture of a rule whose repair is a change of files, a real Asterisk runs the original and
the changed configuration and gets the capture's INVITEs. A repair holds when each call that it was made for is
accepted (or asked for credentials by its endpoint) now and was not before. The harness is that of `tests.differential`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pjsipdiag.capture import read_messages
from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.edits.text_changes import write
from pjsipdiag.sip import SipMessage, decode
from tests.diagnosis.scene import write_files, write_scene
from tests.differential import RELEASES, oracle, record

FIXTURES = Path(__file__).parents[1] / "fixtures"
PBX = "192.0.2.1"


@dataclass(frozen=True)
class Repair:
    """A failure and the changed copy of its configuration; `sources` are those that the repair is for."""

    name: str
    capture: Path
    before: Path
    after: Path
    hosts: Path | None
    sources: frozenset[str]


def repairs(directory: Path) -> Iterator[Repair]:
    """Every failure of the fixtures that our own suggestion repairs in the files."""
    for name, capture, etc, hosts in (*_incidents(), *_scenes(directory)):
        found = observe([capture], etc, pbx=(PBX,), hosts=str(hosts) if hosts else None)
        fixing = [suggestion for suggestion in found.report.suggestions if suggestion.edits and suggestion.fixes]
        if fixing:
            after = directory / "after" / name
            write(fixing, found.situation.config, after)
            sources = frozenset(ip for suggestion in fixing for ip in suggestion.addresses)
            yield Repair(name, capture, etc, after, hosts, sources)


def _incidents() -> Iterator[tuple[str, Path, Path, Path | None]]:
    for folder in sorted(path.parent for path in (FIXTURES / "incidents").glob("*/expect.json")):
        yield folder.name, folder / "capture.pcap", folder / "etc", folder / "hosts"


def _scenes(directory: Path) -> Iterator[tuple[str, Path, Path, Path | None]]:
    for path in sorted((FIXTURES / "diagnosis").glob("*.toml")):
        for number, case in enumerate(tomllib.loads(path.read_text())["case"]):
            if case.get("pbx", PBX) != PBX or "says" not in case:
                continue
            name = f"{path.stem}-{number}"
            etc = write_files(case["files"], directory / "before" / name)
            hosts = directory / f"{name}.hosts" if "hosts" in case else None
            if hosts:
                hosts.write_text(case["hosts"])
            yield name, write_scene(case["calls"], directory / f"{name}.pcap"), etc, hosts


def case_of(repair: Repair, etc: Path, which: str) -> dict[str, Any]:
    """One case for the harness: the files, and each call's first INVITE."""
    calls: dict[str, SipMessage] = {}
    for message in read_messages(repair.capture):
        if message.is_request and message.method == "INVITE" and message.destination.ip == PBX:
            calls.setdefault(message.call_id, message)
    lines = repair.hosts.read_text().splitlines() if repair.hosts else []
    return {
        "id": f"{repair.name} {which}",
        "files": {str(path.relative_to(etc)): path.read_text() for path in sorted(etc.rglob("*.conf"))},
        "hosts": {name: [ip] for ip, *names in map(str.split, lines) for name in names},
        "srv": {},
        "requests": [
            {
                "id": str(number),
                "src": message.source.ip,
                "sport": message.source.port,
                "dst": message.destination.ip,
                "dport": message.destination.port,
                "transport": message.transport.lower(),
                "raw": decode(message.raw).replace("branch=", f"branch=z9hG4bK{number}", 1),
            }
            for number, message in enumerate(calls.values())
        ],
    }


def main() -> int:
    """Exit status 0 when every repair holds, 2 when there is no harness."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--asterisk", choices=RELEASES, default="22")
    arguments.add_argument("--jobs", type=int, default=1)
    options = arguments.parse_args()
    harness = oracle()
    if harness is None:
        sys.stderr.write("no harness: set ASTERISK_ORACLE to a directory with oracle.py\n")
        return 2
    held = total = 0
    with tempfile.TemporaryDirectory() as directory:
        found = list(repairs(Path(directory)))
        cases = [case_of(r, etc, which) for r in found for etc, which in ((r.before, "before"), (r.after, "after"))]
        answers = {case["id"]: case for case in record(harness, cases, options.asterisk, options.jobs)}
        for repair in found:
            total += 1
            problem = _problem(repair, answers)
            held += not problem
            sys.stdout.write(f"{repair.name}: {problem or 'holds'}\n")
    sys.stdout.write(f"{held} of {total} repairs hold on Asterisk {RELEASES[options.asterisk]}\n")
    return int(held < total)


def _problem(repair: Repair, answers: dict[str, Any]) -> str:
    """What real Asterisk says against a repair, or nothing."""
    before, after = answers.get(f"{repair.name} before"), answers.get(f"{repair.name} after")
    if after is None:
        return "Asterisk did not start with the changed files"
    then = {q["id"]: q["expect"] for q in before["requests"]} if before else {}
    repaired = 0
    for request in after["requests"]:
        now, was = request["expect"], then.get(request["id"], {"outcome": None, "endpoint": None})
        if request["src"] not in repair.sources:
            continue
        if now["outcome"] not in ("accepted", "challenged"):
            return f"{request['src']} is still {now['outcome']}"
        repaired += (now["outcome"], now["endpoint"]) != (was["outcome"], was["endpoint"])
    return "" if repaired else "nothing changed for its sources"


if __name__ == "__main__":
    sys.exit(main())
