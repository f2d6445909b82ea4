"""Options for which findings count, and a folder's settings for all commands: --fail-on, --ignore, --baseline, and
.pjsipdiag.toml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.cli.completion import FILE, complete_rules
from pjsipdiag.cli.group import did_you_mean
from pjsipdiag.cli.shared_options import options
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.inputs import read_text

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.gate import Gate

FILE_NAME = ".pjsipdiag.toml"
SETTINGS = {
    "config": "path", "asterisk": "text", "hosts": "path", "resolved": "path", "pbx": "texts", "fail-on": "text",
    "ignore": "texts", "baseline": "path", "expect": "path",
}  # fmt: skip
"""Setting -> its form: none that writes, connects or runs is among them, for a folder may be a stranger's."""
_PARAMETERS = {"fail-on": "fail_on", "ignore": "ignored"}
"""Option -> its parameter, where that has another name."""

SEVERITIES = options(
    click.option("--fail-on", type=click.Choice(["error", "warning", "note", "never"]), default="warning",
                 show_default=True, help="The mildest finding for which the exit status is 1."),
    click.option("--ignore", "ignored", multiple=True, metavar="RULE", shell_complete=complete_rules,
                 help="Leave out the findings of that rule."),
)  # fmt: skip
COUNTS = options(
    SEVERITIES,
    click.option("--baseline", metavar="REPORT", type=FILE,
                 help="Leave out the findings that a JSON report of before has."),
)  # fmt: skip


def gate_of(fail_on: str, ignored: Sequence[str], baseline: str | None) -> Gate:
    """The gate that the options describe.

    :raises click.UsageError: there is no such rule.
    :raises PjsipdiagError: the baseline cannot be read.
    """
    from pjsipdiag.diagnosis.gate import Gate, read_baseline
    from pjsipdiag.diagnosis.model import Severity

    if ignored:
        from pjsipdiag.diagnosis.rules import RULES  # which other processes need not wait for, to begin reading

        names = [rule.name for rule in RULES]
        for name in ignored:
            if name not in names:
                raise click.UsageError(f"--ignore: no rule is called {name!r}.{did_you_mean(name, names)}")
    severity = None if fail_on == "never" else Severity(fail_on)
    return Gate(severity, frozenset(ignored), read_baseline(baseline) if baseline else None)


def settings() -> tuple[str, dict[str, Any]]:
    """The settings file that holds here, and {parameter: value}; "" where there is none.

    It is looked for in this folder and, inside of a repository, in those above it up to the repository's root.

    :raises PjsipdiagError: it cannot be read, or says what it may not.
    """
    try:
        here = Path.cwd()
    except OSError:  # removed since the shell went there: it holds no settings
        return "", {}
    for folder in _folders(here):
        path = folder / FILE_NAME
        if path.is_file():
            return str(path), _read_settings(path)
    return "", {}


def _folders(start: Path) -> Iterator[Path]:
    above = [start, *start.parents]
    root = next((at for at, folder in enumerate(above) if (folder / ".git").exists()), 0)
    yield from above[: root + 1]


def _read_settings(path: Path) -> dict[str, Any]:
    import tomllib

    shown = visible(str(path))
    try:
        given = tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise PjsipdiagError(f"{shown}: {visible(str(error))}") from None
    found = {}
    for name, value in given.items():
        form = SETTINGS.get(name)
        if form is None:
            known = f"it may say {', '.join(SETTINGS)}"
            raise PjsipdiagError(f"{shown}: {visible(name)} cannot be set here; {known}.{did_you_mean(name, SETTINGS)}")
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise PjsipdiagError(f"{shown}: {name} wants text")
        if form != "texts" and len(texts) != 1:
            raise PjsipdiagError(f"{shown}: {name} wants one text")
        texts = [str(path.parent / text) for text in texts] if form == "path" else texts
        found[_PARAMETERS.get(name, name)] = texts if form == "texts" else texts[0]
    if "config" in found:
        found["configs"] = [found["config"]]  # where two may be given
    return found
