"""`python -m tests.fuzz [TARGET...] [--seconds N] [--replay] [--keep]`: look for bytes that a parser does not survive.

atheris leads the way where it is installed (pip install atheris), else inputs are changed blindly. The time is shared
by all targets. What is found is written below build/fuzz; fixtures/fuzz keeps what was found once, and a corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from pjsipdiag.errors import PjsipdiagError

FOUND = Path("build/fuzz")
LONGEST = 8192

MEMORY, SLOWEST = 1024, 10
"""MB and seconds for one input: more is a defect."""


def main() -> None:
    """Fuzzes; exit status 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together")
    parser.add_argument("--replay", action="store_true", help="only run the corpus")
    parser.add_argument("--keep", action="store_true", help="put what reaches new lines into the corpus")
    given = parser.parse_args()
    atheris = None if given.replay or given.keep else _atheris()
    # atheris says the name of each module
    with redirect_stderr(StringIO()), atheris.instrument_imports(include=["pjsipdiag"]) if atheris else nullcontext():
        from tests.fuzz.corpus import corpus, keep
        from tests.fuzz.targets import TARGETS
    names = given.targets or list(TARGETS)
    if strange := set(names) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(strange))}: they are {', '.join(TARGETS)}")
    FOUND.mkdir(parents=True, exist_ok=True)
    if given.keep:
        for name in names:
            _tell(f"{name}: {keep(name, FOUND / name)} inputs kept")
        return
    failed = False
    for name in names:
        run, inputs, seconds = _survivor(TARGETS[name].run), corpus(name), given.seconds / len(names)
        if atheris:
            told = _in_child(name, lambda name=name, run=run, inputs=inputs, seconds=seconds: _led(  # type: ignore[misc]
                atheris, name, run, inputs, seconds))  # fmt: skip
        else:
            told = _in_child(name, lambda name=name, run=run, inputs=inputs, seconds=seconds: _blind(  # type: ignore[misc]
                name, run, inputs, 0 if given.replay else seconds))  # fmt: skip
        failed |= not told
    sys.exit(int(failed))


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _atheris() -> ModuleType | None:
    try:
        import atheris
    except ImportError:
        _tell("atheris is not installed (pip install atheris): inputs are changed blindly")
        return None
    return atheris  # type: ignore[no-any-return]


def _survivor(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target without the one line that a user would see."""

    def once(data: bytes) -> None:
        try:
            run(data)
        except PjsipdiagError:
            return

    return once


def _in_child(name: str, work: Callable[[], object]) -> bool:
    """Whether a process forked for `work` ended well; what it wrote is shown where it did not."""
    log = FOUND / f"{name}.log"
    child = os.fork()
    if not child:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    well = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    text = log.read_text(errors="replace")
    done = re.findall(r"Done (\d+) runs", text)
    _tell(f"{name}: {int(done[-1]):,} executions" if done and well else f"{name}:\n{text[-4000:]}")
    return well


def _led(atheris: ModuleType, name: str, run: Callable[[bytes], None], inputs: list[bytes], seconds: float) -> None:
    """libFuzzer ends the process itself, with another status than 0 where it found something."""
    folder = FOUND / name
    folder.mkdir(exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    options = (
        f"-max_total_time={max(1, round(seconds))}", f"-max_len={LONGEST}", f"-rss_limit_mb={MEMORY}",
        f"-timeout={SLOWEST}", f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=1",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(folder)], run)
    atheris.Fuzz()


def _blind(name: str, run: Callable[[bytes], None], inputs: list[bytes], seconds: float) -> None:
    """All inputs as they are, then parts of them replaced, repeated, swapped or cut."""
    signal.signal(signal.SIGALRM, _too_slow)
    rnd, end, runs = random.Random(time.time_ns()), time.monotonic() + seconds, 0
    waiting = list(inputs)
    while waiting or time.monotonic() < end:
        data = waiting.pop() if waiting else _mutated(rnd, inputs)
        signal.alarm(SLOWEST)
        try:
            run(data)
        except BaseException:
            path = FOUND / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
            path.write_bytes(data)
            _tell(f"found: {path}")
            raise
        runs += 1
    _tell(f"Done {runs} runs")


def _too_slow(_number: int, _frame: object) -> NoReturn:
    raise TimeoutError(f"more than {SLOWEST} s")


def _mutated(rnd: random.Random, inputs: list[bytes]) -> bytes:
    data = bytearray(rnd.choice(inputs)[:LONGEST])
    for _ in range(rnd.randint(1, 8)):
        at, size = rnd.randint(0, len(data)), rnd.choice((1, 2, 4, 16, 64))
        kind = rnd.randrange(6)
        if kind == 0:
            data[at : at + size] = rnd.randbytes(rnd.randint(0, size))
        elif kind == 1:
            data[at:at] = data[at : at + size] * rnd.randint(1, 20)
        elif kind == 2:
            data[at : at + 1] = rnd.choice(_SIGNS)
        elif kind == 3:
            other = rnd.choice(inputs)
            start = rnd.randint(0, len(other))
            data[at : at + size] = other[start : start + rnd.choice((4, 32, 256))]
        elif kind == 4 and data:
            data[at % len(data)] ^= 1 << rnd.randrange(8)
        else:
            del data[at : at + size * rnd.randint(1, 20)]
    return bytes(data[: 2 * LONGEST])


_SIGNS = (
    b"\0",
    b"\xff",
    b"\r\n",
    b"\n",
    b" ",
    b"[",
    b"<",
    b'"',
    b";",
    b"%",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"9" * 20,
)

if __name__ == "__main__":
    main()
