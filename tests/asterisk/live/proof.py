"""Real running Asterisks, asked and then sent requests: `python -m tests.asterisk.live.proof LIVE.PY FILE...`.

LIVE.PY is a program that keeps an Asterisk running on the files of a directory and sends it requests (the one that made
the recordings). Each FILE has recorded cases; of each some are started anew. Three things are held: verdicts from the
running Asterisk alone are its decisions, or unknown for a reason that is known; files that are as they were loaded have
no difference; files that were edited since give the edited objects and no others.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.asterisk.live.loaded_otherwise import loaded_otherwise
from pjsipdiag.asterisk.live.running import running_config
from pjsipdiag.asterisk.live.snapshot import LiveAnswers, WantedNames
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Outcome
from tests.conformance import HARNESS_HOSTS, Case, cases, line_tokens, message, verdict_differences

ALLOWED = (
    "a running Asterisk does not show",  # permit= and deny= of an endpoint, type=acl
    "of several access lists a running Asterisk shows the first only",
    "does not show their order",  # on releases with hash order
    "may be the token of registration",
    "has no name: Asterisk gives it a random one",
)
"""Why a verdict may be unknown."""


@contextlib.contextmanager
def running(program: Path, case: Case, etc: Path) -> Iterator[list[str]]:
    """An Asterisk on the files of a case: the beginning of a command that asks it, and of one that sends requests."""
    state = etc.parent / "state"
    addresses = {key: ",".join(dict.fromkeys(request[key] for request in case["requests"])) for key in ("src", "dst")}
    command = [
        sys.executable, str(program), "start", str(etc), "--asterisk", case["asterisk"].partition(".")[0],
        "--state", str(state), "--die-with-parent", "--hosts", json.dumps(case["hosts"]),
        "--srv", json.dumps(case["srv"]), "--local", addresses["dst"], "--sources", addresses["src"],
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(process.communicate()[1][-300:])
        yield json.loads(line)["rx"]
    finally:
        process.terminate()
        process.wait(30)


def decisions(program: Path, case: Case, folder: Path) -> list[Mapping[str, Any]]:
    """What the running Asterisk does with each request."""
    path = folder / "requests"
    path.write_text("".join(json.dumps(request) + "\n" for request in case["requests"]))
    sent = subprocess.run(
        [sys.executable, str(program), "send", str(folder / "state"), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in sent.stdout.splitlines()]


def hosts_of(case: Case) -> tuple[str, ...]:
    """The hosts that callers name in From, and their realms."""
    asked = [message(request, {}) for request in case["requests"]]
    hosts = [one.from_uri.host for one in asked if one.from_uri]
    realms = [name.decode("latin-1") for one in asked for name in re.findall(rb'realm="([^"]+)"', one.raw)]
    return tuple(dict.fromkeys((*hosts, *realms)))


def judged(case: Case, live: LiveAnswers, done: Sequence[Mapping[str, Any]], count: Counter[str]) -> Iterator[str]:
    """Where the verdicts from the running Asterisk alone are not its decisions."""
    config = running_config(live)
    tokens = line_tokens(config)
    alone = Replay(config, tokens)
    let_in = Replay(dataclasses.replace(config, not_shown=config.not_shown - {"acl"}), tokens)
    for request, decided in zip(case["requests"], done, strict=True):
        if decided.get("error") or decided.get("consistent") is False:
            continue
        if "{{line:" in request["raw"]:  # LIVE.PY sends the mark as it stands: this Asterisk's token is not known
            continue
        asked = message(request, tokens)
        expected = {**decided, "endpoint_scored": decided["endpoint_from"] != "inferred"}
        for verdict in (alone.verdict(asked), let_in.verdict(asked)):
            if verdict.outcome is Outcome.UNKNOWN:
                reasons = [check.reason for check in verdict.trace if check.match == "unknown"]
                wrong = [f"unknown: {one}" for one in reasons if not any(words in one for words in ALLOWED)]
            else:
                wrong = verdict_differences(expected, verdict)
            yield from (f"{request['id']}: {words}" for words in wrong)
        count["requests"] += 1
        count["unknown"] += verdict.outcome is Outcome.UNKNOWN
        count["agree"] += verdict.outcome is not Outcome.UNKNOWN and not wrong


def loaded(case: Case, etc: Path) -> Config:
    targets = {name: [row[3] for row in rows] for name, rows in case["srv"].items()}
    hosts = Hosts({**HARNESS_HOSTS, **case["hosts"]}, targets, complete=True)
    return load_config(etc, case["asterisk"], hosts)


def named(case: Case, etc: Path, live: LiveAnswers) -> list[str]:
    """The objects that are loaded otherwise than the files have them."""
    config = loaded(case, etc)
    return [str(problem.reason) for problem in loaded_otherwise(config, running_config(live), live)]


def edited(case: Case, etc: Path, chance: random.Random) -> tuple[str, ...]:
    """Changes some objects of pjsip.conf; what a finding has to name."""
    config, path = loaded(case, etc), etc / "pjsip.conf"
    lines = path.read_text("utf-8", "surrogateescape").split("\n")
    expected: list[str] = []
    places = {
        "match=192.0.2.99": [
            rule.where for one in config.identifies if one.name for rule in one.rules[:1] if not rule.host
        ],
        "context=edited": [option.where for one in config.endpoints.values() if (option := one.option("context"))],
    }
    for line, found in places.items():
        own = [where for where in found if where.file == "pjsip.conf" and "/" not in lines[where.line - 1]]
        if own:
            at = chance.choice(own).line
            indent = re.match(r"\s*", lines[at - 1])
            lines[at - 1] = (indent[0] if indent else "") + line
            kind, objects = (
                ("identify", config.identifies) if "match" in line else ("endpoint", config.endpoints.values())
            )
            # A line of a template is of all that use it.
            expected += [
                f"{kind} '{one.name}'"
                for one in objects
                if any(v.where.line == at and v.where.file == "pjsip.conf" for vs in one.options.values() for v in vs)
            ]
    name = f"added{chance.randrange(99)}"
    first = next((s.where.line for s in config.sections if s.where.file == "pjsip.conf"), 1)
    lines[first - 1 : first - 1] = [f"[{name}]", "type=identify", "endpoint=x", "match=192.0.2.77", ""]
    path.write_text("\n".join(lines), "utf-8", "surrogateescape")
    if any(one.name == name for one in loaded(case, etc).identifies):  # sorcery.conf may have them elsewhere
        expected.append(f"identify '{name}'")
    return tuple(expected)


def proven(program: Path, case: Case, count: Counter[str], seed: int) -> Iterator[str]:
    """One case: a line for each thing that does not hold."""
    with tempfile.TemporaryDirectory() as name:
        etc = Path(name) / "etc"
        etc.mkdir()
        for file, text in case["files"].items():
            (etc / file).parent.mkdir(parents=True, exist_ok=True)
            (etc / file).write_text(text, "utf-8", "surrogateescape")
        with running(program, case, etc) as ask:
            live = ask_live(shlex.join(ask), WantedNames(hosts_of(case), dialplan=True))
            done = decisions(program, case, Path(name))
        count["cases"] += 1
        wrong = list(judged(case, live, done, count))
        wrong += [f"not edited, and: {words}" for words in named(case, etc, live)]
        expected = edited(case, etc, random.Random(seed))
        found = named(case, etc, live)
        missing = [words for words in expected if not any(said.startswith(words) for said in found)]
        more = [said for said in found if not any(said.startswith(words) for words in expected)]
        wrong += [f"edited, and not named: {words}" for words in missing]
        wrong += [f"not edited, and named: {words}" for words in more]
        count["edits"] += len(expected)
        count["named"] += len(expected) - len(missing)
        count["good"] += not wrong
        yield from (f"{case['asterisk']} {case['id']}: {words}" for words in wrong)


def main() -> int:
    """Exit status 0 when everything holds."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=Path, metavar="LIVE.PY")
    arguments.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments.add_argument("--cases", type=int, default=10, help="how many of each file (default 10)")
    arguments.add_argument("--from", dest="first", type=int, default=0, help="the first of them")
    options = arguments.parse_args()
    total: Counter[str] = Counter()
    for file in options.files:
        wanted = list(cases(file))
        step = max(len(wanted) // options.cases, 1)
        for number, case in enumerate(wanted[options.first :: step][: options.cases]):
            try:
                for line in proven(options.program, case, total, number):
                    sys.stdout.write(f"{line}\n")
            except RuntimeError as error:
                sys.stdout.write(f"{case['asterisk']} {case['id']}: does not start: {error}\n")
    sys.stdout.write(
        f"{total['good']} of {total['cases']} configurations hold; {total['agree']} of {total['requests']} requests "
        f"agree, {total['unknown']} are unknown; {total['named']} of {total['edits']} edits are named\n"
    )
    return int(total["good"] != total["cases"])


if __name__ == "__main__":
    sys.exit(main())
