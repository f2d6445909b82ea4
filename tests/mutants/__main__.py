"""`python -m tests.mutants [--seed N] [--share X] [--jobs N] [--survivors] [--anew]`: how many do the tests notice?

A seeded sample of changes of meaning over identification, suggestions, folds and joins. Each is made in a copy of the
checkout, without the compiled parts, and the tests that reach it are run: the likeliest and quickest first, all of them
where none of those fails. `equivalent.toml` lists changes that no test could notice, and why. What tests reach is
learned once and kept in `build/mutants`, as are the results; `--anew` learns it again, `--survivors` tries again only
what was not noticed before.
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
from itertools import accumulate
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from tests.mutants.reached import Reached, learn
from tests.mutants.run import ENDED, copy_checkout, failing, noticed_by, warm_up
from tests.mutants.sites import AREAS, Mutant, sample

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "mutants"
WANTED = 0.9
"""The share of mutants that must be noticed or equivalent."""
MINUTES = 55
"""No tests are begun later: the whole takes an hour at most."""
ROUNDS = (3.0, 30.0, float("inf"))
"""Seconds of tests until which each round goes: most mutants do not survive the first."""
Tests = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the sample: 0.1 for a tenth")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--survivors", action="store_true", help="only those that the last run left")
    parser.add_argument("--anew", action="store_true", help="learn anew what each test reaches")
    given = parser.parse_args()
    os.nice(10)
    until = time.monotonic() + MINUTES * 60
    chosen = sample(ROOT, given.seed, given.share)
    results = WORK / f"results-{given.seed}.jsonl"
    known = {_key(row): row["by"] for row in map(json.loads, _read(results).splitlines()) if row["result"] == "noticed"}
    equivalent = {_key(row) for row in tomllib.loads(_read(Path(__file__).with_name("equivalent.toml")))["mutant"]}
    found = {mutant: ("equivalent", "") for mutant in chosen if mutant.key in equivalent}
    if given.survivors:
        found |= {one: ("noticed", known[one.key]) for one in chosen if one.key in known and one not in found}
    tried = [mutant for mutant in chosen if mutant not in found]
    _say(f"{len(chosen)} mutants, {len(tried)} to try")
    copies = [copy_checkout(ROOT, WORK / f"copy-{number}") for number in range(given.jobs)]
    reached = learn(copies[0], WORK, given.jobs, given.anew)
    found |= _try(tried, copies, reached, until, known)
    results.write_text(
        "".join(json.dumps({**asdict(one), "result": how, "by": by}) + "\n" for one, (how, by) in found.items())
    )
    sys.exit(_tell({mutant: result for mutant, (result, _) in found.items()}))


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["path"], row["before"], row["after"]


def _try(
    mutants: list[Mutant], copies: list[Path], reached: Reached, until: float, known: dict[tuple[str, str, str], str]
) -> dict[Mutant, tuple[str, str]]:
    """Mutant -> what became of it, and the test that noticed it. As many at a time as there are copies."""
    warm_up()
    context = multiprocessing.get_context("fork")
    free = context.SimpleQueue()
    for copy in copies:
        free.put(copy)
    tests = {mutant: _first(reached.tests(mutant), known.get(mutant.key, "")) for mutant in mutants}
    found = {mutant: ("survived", "") if tests[mutant] else ("reached by no test", "") for mutant in mutants}
    with ProcessPoolExecutor(len(copies), context, _take_copy, (free,)) as pool:
        for number in range(len(ROUNDS)):
            left = {one: _round(tests[one], reached.seconds, number) for one in mutants if found[one][0] == "survived"}
            while left := {one: some for one, some in left.items() if some}:
                _say(f"round {number + 1}: {len(left)} mutants")
                tasks = {pool.submit(_noticed_by, one, some, until): one for one, some in left.items()}
                for count, task in enumerate(as_completed(tasks), 1):
                    mutant, by = tasks[task], task.result()
                    if by:
                        found[mutant] = (NOT_TRIED, "") if by == NOT_TRIED else ("noticed", by)
                    shown = f"{mutant.path}:{mutant.line}: {mutant.before}  ->  {mutant.after}"
                    _say(f"{count}/{len(tasks)} {found[mutant][0]} {shown}")
                # A test that fails without any change has noticed nothing: these are tried again without it.
                judges = {by: reached.seconds[by] for one in left if (by := found[one][1]) not in ("", ENDED)}
                wrong = set(pool.submit(_failing, judges).result())
                left = {
                    one: {name: left[one][name] for name in left[one] if name not in wrong}
                    for one, (_, by) in found.items()
                    if one in left and by in wrong
                }
                found |= dict.fromkeys(left, ("survived", ""))
                tests = {one: [name for name in names if name not in wrong] for one, names in tests.items()}
    return found


def _first(tests: list[str], name: str) -> list[str]:
    """The tests, and first the one that noticed the mutant the last time."""
    return [name, *(test for test in tests if test != name)] if name in tests else tests


def _round(tests: list[str], seconds: Tests, number: int) -> Tests:
    """The tests of a round: each begins where the one before it ended."""
    begins = (0.0, *ROUNDS)[number]
    ends = list(accumulate(seconds[test] for test in tests))
    starts = [0.0, *ends][: len(tests)]
    return {test: seconds[test] for test, at in zip(tests, starts, strict=True) if begins <= at < ROUNDS[number]}


_copy: list[Path] = []
"""Where this process makes its mutants."""
NOT_TRIED = "not tried"


def _take_copy(free: SimpleQueue[Path]) -> None:
    _copy.append(free.get())


def _noticed_by(mutant: Mutant, tests: Tests, until: float) -> str:
    return noticed_by(mutant, tests, _copy[0]) if time.monotonic() < until else NOT_TRIED


def _failing(tests: Tests) -> list[str]:
    return failing(tests, _copy[0], all_of_them=True)


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
