"""`python -m tests.fuzz PARSER [SECONDS]`: let atheris look for bytes that a parser does not survive."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

CORPUS = Path("/tmp/pjsipdiag-fuzz")
SECONDS = 600
LONGEST = 8192
MEMORY = 1024
"""MB; more is reported as a defect."""
SLOWEST = 10
"""Seconds for one input; more is reported as a defect."""


def main(arguments: list[str]) -> None:
    """Fuzzes until the time is over, or something is found: it is written below CORPUS."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris (it is no dependency of the tests)")
    with atheris.instrument_imports(include=["pjsipdiag"]):
        from pjsipdiag.errors import PjsipdiagError
        from tests.fuzz.seeds import regressions, seeds
        from tests.fuzz.targets import TARGETS
    if not arguments or arguments[0] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz PARSER [SECONDS]; PARSER is one of {', '.join(TARGETS)}")
    name, seconds = arguments[0], int(arguments[1]) if len(arguments) > 1 else SECONDS
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(name) + regressions(name):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    run = TARGETS[name].run

    def once(data: bytes) -> None:
        try:
            run(data)
        except PjsipdiagError:
            return

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-rss_limit_mb={MEMORY}",
        f"-timeout={SLOWEST}",
        f"-artifact_prefix={corpus.parent}/{name}-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
