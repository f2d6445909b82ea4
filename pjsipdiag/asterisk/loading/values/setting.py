"""The question to a handler, one variable of one section, and its answer: taken, taken with a warning, or refused.

A refused value drops the object (`aco_process_var`, main/config_options.c). What depends on the machine that Asterisk
runs on, such as a certificate that must be readable, is asked of `readable` and never looked up here.
"""

from __future__ import annotations

from collections.abc import Callable

from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Variable
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ValueRefusal:
    """The object is dropped: why, and what Asterisk logs of its own accord before its general line."""

    why: Reason
    log: str = ""


@dataclass(frozen=True, slots=True)
class ValueWarning:
    """The value is taken, but something is to be said about it."""

    why: Reason
    log: str = ""


Answer = ValueRefusal | ValueWarning | None
Readable = Callable[[str], bool | None]
"""Whether something of that name is there, such as a file that Asterisk can read; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable on its way into an object.

    `index` is its place among the section's variables, `limits` the range of a number.
    """

    section: Section
    index: int
    release: Release
    limits: tuple[int, int] | None
    readable: Readable

    @property
    def variable(self) -> Variable:
        return self.section.variables[self.index]

    @property
    def name(self) -> str:
        return self.variable.name

    @property
    def value(self) -> str:
        return self.variable.value

    @property
    def object(self) -> str:
        return self.section.name

    @property
    def earlier(self) -> tuple[Variable, ...]:
        """The variables that were applied before this one."""
        return self.section.variables[: self.index]


Handler = Callable[[Setting], Answer]
