"""A repair before it is proven."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.situation import CallGroup


@dataclass(frozen=True, slots=True)
class Draft:
    """Edits for `groups` of calls; `file`, `line` (1-based), `section` and `add` say what a person would do by hand.
    `addresses` are the sources that it is meant for, as text.

    `is_claimed` says that it rests on what callers say of themselves, `candidates` are the endpoints that they may
    belong to where several are meant.
    """

    groups: Sequence[CallGroup]
    file: str = ""
    line: int = 0
    section: str = ""
    endpoint: str = ""
    add: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    addresses: tuple[str, ...] = ()
    note: str = ""
    is_claimed: bool = False
    is_own: bool = False
    """Whether it lets in nobody but whom the files already name."""
    candidates: tuple[str, ...] = ()
    alternatives: tuple[Draft, ...] = ()
    """Other repairs of the same calls, which take its place where they get further."""
