"""Replays recordings of real Asterisk through the library: `python -m tests.conformance FILE... [--show]`.

A request agrees when outcome, identifier, identify and endpoint are those of the recording; a case loads alike when the
same identifies with the same rules and the same endpoints are there. Each line of a recording is one case.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pjsipdiag.asterisk.addresses.address_rule import canonical
from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import Check, Outcome, Verdict
from pjsipdiag.sip import Address, SipMessage

Case = Mapping[str, Any]

TOKENS = ("abcdefg", "bcdefgh", "cdefghi", "defghij")
"""What stands for the runtime tokens of a case's registrations with line=yes."""

HARNESS_HOSTS = {
    "localhost": ["127.0.0.1", "::1"],
    "ip6-localhost": ["::1"],
    "oracle": ["127.0.1.1"],
    "%s0": ["fe80::1"],
}
"""Names that resolve in every recording, and the interface that the machine had."""

RANDOM_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What Asterisk calls an object of a section []."""


def cases(path: Path) -> Iterator[Case]:
    """The cases of one recording, gzipped or not."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        yield from map(json.loads, lines)


ENGINES = ("odbc", "pgsql", "sqlite3")
"""Drivers of databases, which the recording machine had loaded for cases with a database only."""


def modules(case: Case) -> str:
    """What stands for modules.conf where a case brings none: all modules, without engines where none was loaded."""
    recorded = any(case["loaded"].get(kind) for kind in ("identifies", "endpoints"))
    missing = ENGINES if recorded and "database" not in case else ()
    return "".join(["[modules]\nautoload=yes\n", *(f"noload=res_config_{engine}.so\n" for engine in missing)])


def load(case: Case) -> Config:
    """The configuration of a case; unlisted identifiers follow the recorded machine."""
    hosts = Hosts(
        {**HARNESS_HOSTS, **case["hosts"]},
        {name: [row[3] for row in rows] for name, rows in case["srv"].items()},
        complete=True,
    )
    files = {"acl.conf": "", "pjsip_wizard.conf": "", "geolocation.conf": "", **case["files"]}
    files.setdefault("modules.conf", modules(case))
    config = load_config(None, asterisk=case["asterisk"], hosts=hosts, overlay=files, readable=lambda _: False)
    recorded = [name for name in case["loaded"]["identifiers"] if name in config.uncertain_identifiers]
    ordered = tuple(
        recorded.pop(0) if n in config.uncertain_identifiers and recorded else n for n in config.identifiers
    )
    # The recorded machine had these files and nothing in memory or in its own database.
    unread = tuple(one for one in config.unread_objects if one.source != "store")
    return dataclasses.replace(config, identifiers=ordered, uncertain_identifiers=(), unread_objects=unread)


def plain(rule: str) -> str:
    """A recorded rule with its mask in dots; where two identifies have one name, it was recorded as a length."""
    rules, _ = parse_rules(rule, ports=True, deny=False, where=Where("", 0))
    return canonical(rules[0]) if rules else rule


def loaded_differences(case: Case, config: Config) -> list[str]:
    """What is loaded otherwise than on the recorded machine."""
    differences = []
    recorded: dict[str, list[list[str]]] = {}
    for name, identify in case["loaded"]["identifies"].items():
        rules = sorted(map(plain, filter(None, identify.get("match", ()))))
        recorded.setdefault(RANDOM_NAME.sub("", name.strip()), []).append(rules)
    # The recordings have names without the blanks at their ends.
    # pjsip.conf and pjsip_wizard.conf may each have an identify of one name: a recording holds either of them.
    ours: dict[str, list[list[str]]] = {}
    for loaded in config.identifies:
        ours.setdefault(loaded.name.strip(), []).append(sorted(map(canonical, loaded.rules)))
    differences += [
        f"identify {name}: {ours.get(name)} instead of {recorded.get(name)}"
        for name in sorted({*recorded, *ours})
        if name not in recorded or any(rules not in ours.get(name, []) for rules in recorded[name])
    ]
    endpoints = {endpoint.name for endpoint in config.endpoints.values()}
    names = sorted(set(case["loaded"]["endpoints"]) ^ endpoints)
    return differences + [f"endpoint {name}: {'only ours' if name in endpoints else 'missing'}" for name in names]


def line_tokens(config: Config) -> dict[str, str]:
    """The token of each registration that has one."""
    return dict(zip((r.name for r in config.registrations.values() if r.line), TOKENS, strict=False))


def facts(trace: Iterable[Check]) -> list[tuple[object, ...]]:
    """Everything but the wording of the reasons."""
    return [(c.step, c.match, c.where, c.identify, c.endpoint, c.result, c.status, c.count) for c in trace]


def message(request: Mapping[str, Any], tokens: Mapping[str, str]) -> SipMessage:
    """The request of a case as it arrived."""
    if "raw_b64" in request:
        raw = base64.b64decode(request["raw_b64"])
    else:
        text = request["raw"]
        for name, token in tokens.items():
            text = text.replace(f"{{{{line:{name}}}}}", token)
        # A registration that is not loaded has no token.
        raw = re.sub(r"\{\{line:[^}]*\}\}", "", text).encode("utf-8", "surrogateescape")
    return SipMessage(
        raw,
        request["transport"].upper(),
        Address(request["src"], request["sport"]),
        Address(request["dst"], request["dport"]),
    )


def verdict_differences(expected: Mapping[str, Any], verdict: Verdict) -> list[str]:
    """Where the replay disagrees with the recording; empty when it agrees."""
    ours = {
        "outcome": "challenged" if verdict.outcome is Outcome.CHALLENGED else verdict.outcome.value,
        "identified_by": verdict.identifier or None,
        "identify": verdict.identify or None,
        "endpoint": verdict.endpoint or None,
    }
    recorded = {key: expected[key] for key in ours}
    recorded["identify"] = RANDOM_NAME.sub("", recorded["identify"] or "") or None
    if recorded["outcome"] == "auth_failed":
        recorded["outcome"] = "challenged"
    return [
        f"{key} {ours[key]!r} instead of {recorded[key]!r}"
        for key in ours
        if ours[key] != recorded[key] and (key != "endpoint" or expected.get("endpoint_scored", True))
    ]


@dataclasses.dataclass
class Score:
    """How many agreed."""

    requests: int = 0
    agree: int = 0
    cases: int = 0
    alike: int = 0

    def __str__(self) -> str:
        return f"{self.agree} of {self.requests} requests agree, {self.alike} of {self.cases} cases load alike"


def replay(path: Path, score: Score, show: bool = False) -> Iterator[str]:
    """Replays one recording into `score`; yields each difference as a line, with the trace when `show` is set."""
    for case in cases(path):
        config = load(case)
        differences = loaded_differences(case, config)
        score.cases += 1
        score.alike += not differences
        yield from (f"{path.name} {case['id']}: {difference}" for difference in differences)
        tokens = line_tokens(config)
        replayed = Replay(config, tokens)
        for request in case["requests"]:
            expected = request["expect"]
            if not expected.get("scored", True):
                continue
            score.requests += 1
            verdict = replayed.verdict(message(request, tokens))
            wrong = verdict_differences(expected, verdict)
            score.agree += not wrong
            if wrong:
                yield f"{path.name} {case['id']} {request['id']}: {'; '.join(wrong)}"
                if show:
                    yield from (f"    ours: {c.step}: {c.match}: {c.reason}" for c in verdict.trace)
                    yield from (f"    recorded: {line}" for line in expected["trace"])


def main() -> int:
    """Exit status 0 when everything agrees."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments.add_argument("--show", action="store_true", help="the differences, with both traces")
    options = arguments.parse_args()
    score = Score()
    for path in options.files:
        for difference in replay(path, score, options.show):
            if options.show:
                sys.stdout.write(f"{difference}\n")
    sys.stdout.write(f"{score}\n")
    return int(score.agree != score.requests or score.alike != score.cases)


if __name__ == "__main__":
    sys.exit(main())
