"""Sections of configuration files, their variables, and where each stands."""

from __future__ import annotations

from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a configuration file: `file` as the user named it, `line` counted from 1, `section` its name."""

    file: str
    line: int
    section: str = ""
    column: str = ""
    """Where the object is a row: `file` is the table, `section` the `key`; `line` counts lines that nobody sees."""
    key: str = "id"

    def __str__(self) -> str:
        if self.column:
            return f"{self.file}[{self.key}={self.section}]" + ("" if self.column == "id" else f".{self.column}")
        return f"{self.file}:{self.line}"

    @property
    def phrase(self) -> str:
        """`line 12 of pjsip.conf`, as part of a sentence."""
        return str(self) if self.column else f"line {self.line} of {self.file}"


@dataclass(frozen=True, slots=True)
class Variable:
    """`name = value` as the file grammar leaves it: comments, escapes and blanks are gone, templates are applied."""

    name: str
    value: str
    where: Where


@dataclass(frozen=True, slots=True)
class Section:
    """A section after templates and `(+)`; `where` is its header line, `variables` the inherited ones first."""

    name: str
    where: Where
    variables: tuple[Variable, ...] = ()
    is_template: bool = False
    parents: tuple[str, ...] = ()

    def first(self, name: str) -> Variable | None:
        """The first variable of that name (case-insensitive), as `ast_variable_find_in_list` takes it."""
        for variable in self.variables:
            if variable.name == name or variable.name.lower() == name.lower():
                return variable
        return None
