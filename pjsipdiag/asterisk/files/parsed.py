"""A configuration file as it was parsed, be it a file or a table."""

from __future__ import annotations

from collections.abc import Callable

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.section import Section, Variable
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A configuration file with all that it includes, parsed once and looked at for each object type.

    `rejected_files` are the files that were ended by an error, the main file among them when `is_valid` is False: then
    nothing of it counts. `is_found` is False when there is no such file. `missing_files` are the includes that lead
    nowhere, `optional_files` the `#tryinclude` lines that do, `programs` the `#exec` lines that Asterisk runs, or may
    run: each reason says what is left out.
    """

    sections: tuple[Section, ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    rejected_files: tuple[Problem, ...] = ()
    is_found: bool = True
    is_valid: bool = True
    missing_files: tuple[Problem, ...] = ()
    optional_files: tuple[Problem, ...] = ()
    programs: tuple[Problem, ...] = ()

    def sections_named(self, name: str) -> tuple[Section, ...]:
        """The sections of a name that are not templates (names are compared without case)."""
        return tuple(s for s in self.sections if not s.is_template and s.name.lower() == name.lower())

    def setting(self, section: str, name: str) -> Variable | None:
        """The line that counts where one is asked for (ast_variable_retrieve): the first in the first such section."""
        found = next(iter(self.sections_named(section)), None)
        return found.first(name) if found else None


FileParser = Callable[[str], ParsedFile | None]
"""A file -> what a table has in its place; None where none has."""


@dataclass(frozen=True, slots=True)
class FileDialect:
    """How files are read: in all that may make other sections of the same files, be it the release (a byte order mark,
    UTF-8 in criteria) or that they are a copy which lacks some."""

    takes_mark: bool
    utf8: bool
    is_partial: bool
