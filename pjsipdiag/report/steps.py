"""How a report ends: what loads the repair, and how it is seen to work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.model import EditKind, Loading, Report, Severity


class Step(NamedTuple):
    """Something to do after the lines were added: why, and the commands."""

    says: str
    commands: tuple[str, ...]


THEN = "Then load it, and see that it worked"
"""The title over the steps where lines are suggested."""
ADVICE = "What to do, and how to see that it worked"
"""The title where nothing is suggested."""
MOST_ADVISED = 3

TAKEN_UP = {
    EditKind.OBJECT: "Objects of PJSIP are read anew by a reload",
    EditKind.TRANSPORT: "A transport that runs keeps what it was opened with until a restart, without allow_reload=yes",
    EditKind.STARTUP: "This is read only when Asterisk starts",
    EditKind.DIALPLAN: "The dialplan has a reload of its own",
    EditKind.ACL: "acl.conf has a reload of its own (older releases take it up for type=acl only when they start)",
    EditKind.ROW: "Nothing is to be reloaded for rows that no cache holds: Asterisk reads them for each request",
    EditKind.CACHED: "A cache of sorcery.conf holds the rows until they expire",
}
"""Why a repair is loaded as it is."""

MOST_OBJECT_COMMANDS = 3
"""Commands that show objects; JSON has those of every suggestion."""


class Ending(NamedTuple):
    """The last part of a report."""

    title: str
    steps: tuple[Step, ...]


def gather_ending(report: Report) -> Ending:
    """How what is suggested is loaded and seen to work, each step once.

    Where no line is suggested, what the weightiest findings advise comes first.
    """
    loaded = [one.loading for one in (*report.suggestions, *report.unconfirmed) if one.loading.kinds]
    if loaded:
        return Ending(THEN, tuple(dict.fromkeys(_steps(loaded))))
    if not report.captures:
        return Ending(THEN, ())
    worst = next((s for s in Severity if any(one.severity is s for one in report.findings)), Severity.NOTE)
    findings = [one for one in report.findings if one.severity is worst is not Severity.NOTE][:MOST_ADVISED]
    advice = [Step(one.advice, ()) for one in findings if one.advice]
    loaded = [one.loading for one in findings if one.loading.kinds]
    watched = [] if loaded or not advice else [_watch("asterisk -rx 'pjsip set logger on'")]
    return Ending(ADVICE, tuple(dict.fromkeys([*advice, *_steps(loaded), *watched])))


def _steps(all_of_them: Sequence[Loading]) -> Iterator[Step]:
    yield from (Step(_generated(loading), ()) for loading in all_of_them if loading.generated)
    yield from (Step(". ".join(TAKEN_UP[kind] for kind in one.kinds), one.commands) for one in all_of_them)
    shown = tuple(dict.fromkeys(command for loading in all_of_them for command in loading.see))[:MOST_OBJECT_COMMANDS]
    if shown:
        yield Step("See that it is loaded", shown)
    yield from (_watch(loading.watch) for loading in all_of_them)


def _watch(command: str) -> Step:
    return Step("See the next call with its answer", (command,))


def _generated(loading: Loading) -> str:
    """The first step where a program writes the files."""
    files = " and ".join(loading.generated)
    if not loading.page:
        return f"{files} is written by a program, which overwrites what is added there: change it in that program first"
    return (
        f"FreePBX overwrites {files}: use the page {loading.page} first, then Apply Config, "
        f"or write the lines into {loading.custom}"
    )
