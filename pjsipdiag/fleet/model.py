"""The results of a PBX and of a fleet: frozen data between the diagnoses and the formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.model import Finding, Severity, Suggestion
from pjsipdiag.fleet.plan import Pbx


@dataclass(frozen=True, slots=True)
class Place:
    """A finding at a PBX, with what mends it there: `patch` is a unified diff, `fixes` are sentences, `line` is the
    text of the line to blame."""

    finding: Finding
    suggestions: tuple[Suggestion, ...] = ()
    patch: str = ""
    fixes: tuple[str, ...] = ()
    line: str = ""


class Caller(NamedTuple):
    """A source as one PBX saw it: `calls`, the `requests` that are INVITEs, and `observed`, the final answers counted
    by status code; see `SourceRow`."""

    calls: int
    requests: int
    verdict: str
    endpoint: str
    observed: Mapping[str, int]
    user_agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """The result of one PBX. `failure` says why it could not be diagnosed, `cut` which captures were not read to their
    end. `files` and `records` count those of its captures, `callers` and `unmatched` count sources; `patch` is a
    unified diff. `sources`, by address, are at most as many as `diagnose.KEPT_SOURCES`; `sources_left_out` counts the
    others."""

    pbx: Pbx
    failure: str = ""
    headline: str = ""
    asterisk: str = ""
    files: int = 0
    records: int = 0
    calls: int = 0
    failed_calls: int = 0
    callers: int = 0
    unmatched: int = 0
    has_problem: bool = False
    """Whether anything that counts is more than a note, or is not decided."""
    fails: bool = False
    """Whether something is as severe as what the run is to fail on."""
    places: tuple[Place, ...] = ()
    patch: str = ""
    sources: Mapping[str, Caller] = field(default_factory=dict)
    sources_left_out: int = 0
    cut: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to look at it."""
        return bool(self.failure or self.has_problem)


@dataclass(frozen=True, slots=True)
class SharedCause:
    """Findings of one rule at several PBXs (or at one) that have the same cause: the same sources, or the same line."""

    rule: str
    severity: Severity
    summary: str
    sources: tuple[str, ...]
    calls: int
    places: tuple[tuple[str, Place], ...]
    """(name of the PBX, what was found there), the one with the most calls first."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class SharedSource:
    """An address that several PBXs saw."""

    address: str
    callers: tuple[tuple[str, Caller], ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        return tuple(sorted({row.verdict for _, row in self.callers if row.calls}))


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole report; members are in the order of the file."""

    path: str
    members: tuple[Member, ...]
    causes: tuple[SharedCause, ...]
    shared_sources: tuple[SharedSource, ...]
