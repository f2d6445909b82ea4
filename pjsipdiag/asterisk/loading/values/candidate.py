"""A section whose variables were all taken, as the checks of the whole see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pjsipdiag.asterisk.config import LoadedObject
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.loading.values.numbers import parse_uint
from pjsipdiag.asterisk.loading.values.setting import Readable
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Variable
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Drop:
    """Why the object is dropped, Asterisk's words, and the option to blame ("" for the section as a whole)."""

    why: Reason
    log: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A section whose variables were all taken; `settings` are those of `type=global`."""

    section: Section
    options: Mapping[str, tuple[Variable, ...]]
    release: Release
    profiles: Readable
    settings: LoadedObject

    @property
    def name(self) -> str:
        return self.section.name

    def text(self, option: str, default: str = "") -> str:
        found = self.options.get(option)
        return found[-1].value if found else default

    def number(self, option: str, default: int) -> int:
        found = parse_uint(self.text(option)) if option in self.options else default
        return default if found is None else found

    def flag(self, option: str) -> bool:
        return parse_bool(self.text(option))


Requirement = Callable[[Candidate], Drop | None]
"""One demand of an apply handler; the answer is None where it is met."""
