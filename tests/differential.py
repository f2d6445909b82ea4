"""Random cases against real Asterisk: `python -m tests.differential [--cases N] [--seed S] [--asterisk 16|22]`.

The harness is `oracle.py` of the directory in ASTERISK_ORACLE. Compared are outcome, identifier, identify and endpoint
of every request, what is loaded, and each header and request URI that Asterisk printed while comparing. What differs is
shown; with --keep the cases that differ are appended to a file.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.pjsip.message import Request, dialect, parse
from pjsipdiag.asterisk.pjsip.uri import UriContext
from pjsipdiag.asterisk.replay.arrival import receive
from pjsipdiag.asterisk.replay.by_text import HEADER_LENGTH
from tests.conformance import Case, Score, message, replay
from tests.differential_cases import generate

RELEASES = {"22": "22.10.1", "16": "16.28.0"}

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")


def oracle() -> Path | None:
    """The harness that runs real Asterisk."""
    given = os.environ.get("ASTERISK_ORACLE", "")
    path = Path(given) / "oracle.py" if Path(given).is_dir() else Path(given)
    return path if given and path.is_file() else None


def record(harness: Path, cases: Sequence[Mapping[str, Any]], branch: str, jobs: int) -> Iterator[Case]:
    """What real Asterisk does with the cases, each as a line of a recording."""
    with tempfile.TemporaryDirectory() as directory:
        asked, answered = Path(directory) / "cases", Path(directory) / "answers"
        asked.write_text("".join(json.dumps(case) + "\n" for case in cases))
        command = [sys.executable, str(harness), "--asterisk", branch, "--jobs", str(jobs), str(asked), str(answered)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        answers = {answer["id"]: answer for answer in map(json.loads, answered.read_text().splitlines())}
    for case in cases:
        answer = answers[case["id"]]
        if answer["error"] or not answer["started"]:
            sys.stdout.write(f"{case['id']} on {branch}: {answer['error']}\n")
            continue
        results = {result["id"]: result for result in answer["requests"]}
        requests = [{**q, "expect": _expected(results[q["id"]])} for q in case["requests"] if q["id"] in results]
        loaded = {key: answer["objects"][key] for key in ("identifies", "endpoints", "identifiers")}
        yield {**case, "asterisk": RELEASES[branch], "loaded": loaded, "requests": requests}


def _expected(result: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("outcome", "identified_by", "identify", "endpoint", "status", "trace", "log", "dropped")
    return {
        **{key: result[key] for key in keys},
        "scored": not result.get("error") and result["consistent"] is not False,
        "endpoint_scored": result["endpoint_from"] != "inferred",
    }


def printed_differences(case: Case) -> Iterator[str]:
    """Headers and request URIs that Asterisk printed otherwise than we do."""
    for request in case["requests"]:
        sent = message(request, {})
        parsed = parse(sent.raw, dialect(case["asterisk"]))
        if isinstance(parsed, Request):
            parsed = receive(parsed, sent.source)
        for event in request["expect"]["trace"]:
            kind, *_ = event.split(" ", 1)
            if kind not in ("hdr_differs", "uri_miss") or not isinstance(parsed, Request):
                continue
            arguments = [ast.literal_eval(text) for text in _QUOTED.findall(event)]
            if kind == "uri_miss":
                ours, theirs = [parsed.uri.as_text(UriContext.REQUEST)], arguments[2]
            else:
                headers = parsed.headers_named(arguments[1])
                ours = [h.as_text()[:HEADER_LENGTH].strip(BLANKS) for h in headers]
                theirs = arguments[2]
            if _logged(theirs) not in map(_logged, ours) and "x-ast" not in str(request["raw"]):
                yield f"{case['id']} {request['id']}: {kind} {arguments[1]}: {ours!r} instead of {theirs!r}"


def _logged(text: str) -> str:
    """Printable ASCII only: the log shows other bytes in its own way."""
    return re.sub(r"[^ -~]|\\x..", "", text)


def main() -> int:
    """Exit status 0 when everything agrees, 2 when there is no harness."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cases", type=int, default=100)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments.add_argument("--asterisk", choices=RELEASES, action="append")
    arguments.add_argument("--jobs", type=int, default=1)
    arguments.add_argument("--keep", type=Path)
    options = arguments.parse_args()
    harness = oracle()
    if harness is None:
        sys.stderr.write("no harness: set ASTERISK_ORACLE to a directory with oracle.py\n")
        return 2
    cases = [generate(options.seed, number) for number in range(options.cases)]
    sys.stdout.write(f"seed {options.seed}\n")
    score = Score()
    failures = 0
    for branch in options.asterisk or RELEASES:
        for case in record(harness, cases, branch, options.jobs):
            with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as one:
                one.write(json.dumps(case) + "\n")
                one.flush()
                differences = [*replay(Path(one.name), score, show=True), *printed_differences(case)]
            if differences:
                failures += 1
                sys.stdout.write(f"Asterisk {case['asterisk']}\n" + "\n".join(differences) + "\n")
                if options.keep:
                    with options.keep.open("a") as kept:
                        kept.write(json.dumps(case) + "\n")
    sys.stdout.write(f"{score}; {failures} cases differ\n")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
