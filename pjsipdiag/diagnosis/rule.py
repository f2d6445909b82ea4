"""A rule: a name, functions that look at calls and at a configuration, its repair, and a page of documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pjsipdiag.asterisk.config import Config
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.situation import CallGroup, Situation

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.rules.cause import Cause

Blames = Callable[[Situation, CallGroup], "Cause | None"]
"""Whether a rule takes the blame for a group of calls, and what they share that are one finding."""
Tells = Callable[[Situation, "Cause", Sequence[CallGroup]], Finding]
"""The finding for the groups that a rule took."""
Blamed = Mapping[str, Mapping["Cause", Sequence[CallGroup]]]
"""Rule -> cause -> the groups that it took."""


class Repair(NamedTuple):
    """Functions of the package `repairs`, as module and name, for it stands above the rules: `make` drafts what mends a
    cause (with `at_once` it is given all causes, and drafts for each), `basis` says for which calls facts speak."""

    make: str
    basis: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table of rules."""

    name: str
    severity: Severity
    """The severity of its usual findings: a case may weigh more or less."""
    summary: str
    place: int
    """Its place in a report: what is to be dealt with first has the least."""
    changes: str = ""
    """The type of what its advice has changed (`load_advice`), empty where that is no object, or not of one type."""
    blames: Blames | None = None
    tells: Tells | None = None
    statuses: tuple[int, ...] = ()
    """The answers that it is about, where it is about some of a group's."""
    besides: Callable[[Situation, Blamed], Iterable[Finding]] | None = None
    """Findings that follow from what any rule took the blame for."""
    on_calls: Callable[[Situation], Iterable[Finding]] | None = None
    """Findings that a capture shows beside the blamed calls."""
    on_config: Callable[[Config], Iterable[Finding]] | None = None
    """Findings that the configuration alone shows (`check`)."""
    beside_calls: bool = False
    """Whether the findings of `on_config` stand in the report on a capture, too."""
    repair: Repair | None = None

    def named(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Findings of its functions, with its name."""
        return (replace(finding, rule=self.name) for finding in findings)

    @property
    def page(self) -> str:
        """Its documentation: what it means, how Asterisk comes to it, what to do, what not to do (Markdown)."""
        from importlib.resources import files  # with zipfile, which few runs need

        return (files("pjsipdiag.diagnosis") / "pages" / f"{self.name}.md").read_text(encoding="utf-8")
