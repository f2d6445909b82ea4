"""`python -m tests.mutants [--seed N] [--share X] [--jobs N] [--survivors]`: how many mutants do the tests notice?

A seeded sample of changes of meaning over identification, suggestions, folds and joins. Each is made in a copy of the
checkout, without the compiled parts, and the tests that reach it are run. `equivalent.toml` lists changes that no test
could notice, and why. Results stay in `.mutants`; `--survivors` tries again only what was not noticed before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from tests.mutants.run import Reached, copy_checkout, is_noticed, record, warm_up
from tests.mutants.sites import AREAS, Mutant, sample

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".mutants"
WANTED = 0.9
"""The share of mutants that must be noticed or equivalent."""
MINUTES = 55
"""No mutant is begun later: the whole takes an hour at most."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the sample: 0.1 for a tenth")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--survivors", action="store_true", help="only those that the last run left")
    given = parser.parse_args()
    os.nice(10)
    begun = time.monotonic()
    chosen = sample(ROOT, given.seed, given.share)
    results = WORK / "results.jsonl"
    known = (
        {_key(row): row["result"] for row in map(json.loads, results.read_text().splitlines())}
        if given.survivors
        else {}
    )
    equivalent = {_key(row) for row in tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text())["mutant"]}
    open_ = [mutant for mutant in chosen if mutant.key not in equivalent and known.get(mutant.key) != "noticed"]
    _say(f"{len(chosen)} mutants, {len(open_)} to try; first all tests, to see what each reaches")
    copies = [copy_checkout(ROOT, WORK / f"copy-{number}") for number in range(given.jobs)]
    record(copies[0], WORK / "reached", given.jobs)
    reached = Reached(WORK / "reached", copies[0])
    found = {mutant: "noticed" for mutant in chosen if known.get(mutant.key) == "noticed"}
    found |= {mutant: "equivalent" for mutant in chosen if mutant.key in equivalent}
    found |= _try(open_, copies, reached, begun)
    results.write_text("".join(json.dumps({**asdict(one), "result": how}) + "\n" for one, how in found.items()))
    sys.exit(_tell(found))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["path"], row["before"], row["after"]


def _try(mutants: list[Mutant], copies: list[Path], reached: Reached, begun: float) -> dict[Mutant, str]:
    """Mutant -> what became of it. As many at a time as there are copies."""
    warm_up()
    context = multiprocessing.get_context("fork")
    free = context.SimpleQueue()
    for copy in copies:
        free.put(copy)
    tests = {mutant: reached.tests(mutant) for mutant in mutants}
    found: dict[Mutant, str] = {}
    with ProcessPoolExecutor(len(copies), context, _take_copy, (free,)) as pool:
        tasks = {pool.submit(_result, mutant, tests[mutant], begun): mutant for mutant in mutants}
        for number, task in enumerate(as_completed(tasks), 1):
            mutant, result = tasks[task], task.result()
            found[mutant] = result
            shown = f"{mutant.path}:{mutant.line}: {mutant.before}  ->  {mutant.after}"
            _say(f"{number}/{len(mutants)} {result} ({len(tests[mutant])} tests) {shown}")
    return found


_copy: list[Path] = []
"""Where this process makes its mutants."""


def _take_copy(free: SimpleQueue[Path]) -> None:
    _copy.append(free.get())


def _result(mutant: Mutant, tests: dict[str, float], begun: float) -> str:
    if time.monotonic() - begun > MINUTES * 60:
        return "not tried"
    if not tests:
        return "reached by no test"
    return "noticed" if is_noticed(mutant, tests, _copy[0]) else "survived"


def _tell(found: dict[Mutant, str]) -> int:
    """Prints the figures and what survived. Status 0 where enough was noticed, and all was tried."""
    for area in AREAS:
        counted = Counter(result for mutant, result in found.items() if mutant.area == area)
        _say(f"{area}: {', '.join(f'{count} {result}' for result, count in counted.most_common())}")
    left = {mutant: result for mutant, result in found.items() if result not in ("noticed", "equivalent")}
    for mutant, result in sorted(left.items(), key=lambda item: (item[0].path, item[0].line)):
        _say(f"{result}: {mutant.path}:{mutant.line} ({mutant.operator})\n  - {mutant.before}\n  + {mutant.after}")
    counts = Counter(found.values())
    share = 1 - len(left) / len(found)
    _say(
        f"{len(found)} mutants: {counts['noticed']} noticed, {counts['equivalent']} equivalent, "
        f"{len(left)} left: {share:.1%}"
    )
    return 0 if share >= WANTED and "not tried" not in counts else 1


if __name__ == "__main__":
    main()
