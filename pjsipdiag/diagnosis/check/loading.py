"""Objects and files that Asterisk does not load, and why."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.model import Finding, Severity


def dropped(config: Config) -> Iterator[Finding]:
    """One finding for each line that keeps an object from loading."""
    for drop in config.dropped:
        used = drop.type in ("identify", "endpoint", "transport", "global", "acl", "auth", "aor")
        yield Finding(
            "not-loaded",
            Severity.ERROR if used else Severity.WARNING,
            f"{drop.type} '{drop.name}' does not load: {drop.reason}",
            drop.where,
            evidence=(f"Asterisk logs: {drop.log}",) if drop.log else (),
            advice="Correct the line, then `module reload res_pjsip.so`; a running Asterisk keeps what it had.",
        )


def rejected(config: Config) -> Iterator[Finding]:
    """One finding for each file that is refused as a whole."""
    for problem in config.rejected:
        yield Finding(
            "file-rejected",
            Severity.ERROR,
            f"{problem.where.file} is rejected as a whole: {problem.reason}; nothing in it loads",
            problem.where,
            evidence=(f"Asterisk logs: {problem.log}",) if problem.log else (),
            advice="Correct the line, then `module reload res_pjsip.so` (transports: restart).",
        )


def absent(config: Config) -> Iterator[Finding]:
    """Modules that are not loaded, and what is then not there."""
    for one in config.absent:
        yield Finding(
            "module-not-loaded",
            Severity.ERROR if one.used else Severity.NOTE,
            one.reason,
            one.where,
            evidence=tuple(f"Asterisk logs: {line}" for line in one.log.split("\n") if line),
            advice="Correct the line, then restart Asterisk; `module show like pjsip` tells what is loaded.",
        )


def unread(config: Config) -> Iterator[Finding]:
    """Tables of a database that were not read: what hangs on them is unknown."""
    for unread in config.unread:
        yield Finding(
            "table-not-read",
            Severity.WARNING,
            f"{unread}",
            unread.where,
            advice="Until then no address can be called missing or to be added: the row may be there "
            "(sorcery.conf maps the type, extconfig.conf names the table).",
        )


def warnings(config: Config) -> Iterator[Finding]:
    """Lines that Asterisk passes over with a warning."""
    for problem in config.warnings:
        yield Finding(
            "line-ignored",
            Severity.NOTE,
            f"{problem.where}: {problem.reason}",
            problem.where,
            evidence=(f"Asterisk logs: {problem.log}",) if problem.log else (),
        )
