"""The dialplan as Asterisk holds it: contexts with their extensions in order, includes, and what they leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass

HINT = -1
"""The priority of a hint."""
NO_CONTEXTS = ("general", "globals")
"""Sections of extensions.conf, in any case, of which no context is made (pbx_load_config)."""
_MADE_BY_MODULES = ("stasis-", "parkedcalls")
"""How the contexts begin that res_stasis makes of applications, and res_parking of its lots."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A name or pattern; `caller` is the pattern that the caller's number must fit (None: none), `priorities` those
    that it has (HINT is one)."""

    name: str
    caller: str | None
    priorities: tuple[int, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Include:
    """Another context that is looked through; `when` are the times at which it is."""

    context: str
    when: str
    where: Where


@dataclass(frozen=True, slots=True)
class Switch:
    """Another place that is asked: a database, another server."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class Context:
    """`extensions` in the order in which they are tried; `open_lines` are lines whose meaning the files do not tell,
    `left_out` those that make no extension, each with the name for which it was written."""

    name: str
    where: Where
    extensions: tuple[Extension, ...] = ()
    includes: tuple[Include, ...] = ()
    switches: tuple[Switch, ...] = ()
    open_lines: tuple[Problem, ...] = ()
    left_out: tuple[tuple[str, Problem], ...] = ()


@dataclass(frozen=True, slots=True)
class Dialplan:
    """The contexts of extensions.conf.

    `unknown_sources` says what may define any context beside it (a missing file, a program, a database), `elsewhere`
    maps files in other languages to their text. `pickup` is the number that picks up other telephones' calls.
    `templates` are the sections that are no contexts. `by_caller` and `empty_is_s` say what the release does.
    """

    contexts: Mapping[str, Context] = field(default_factory=dict)
    unknown_sources: tuple[Problem, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, Where] = field(default_factory=dict)
    pickup: str = "*8"
    by_caller: bool = True
    empty_is_s: bool = True
    tree: Problem | None = None
    """Why patterns are looked for in a tree, by rules of its own."""
    warnings: tuple[Problem, ...] = ()

    def lacks(self, context: str) -> bool:
        """Whether there is no such context for certain: every call into it is answered 404."""
        elsewhere = self.unknown_sources or any(context in text for text in self.elsewhere.values())
        return context not in self.contexts and not elsewhere and not context.startswith(_MADE_BY_MODULES)

    @property
    def unread_file(self) -> Problem | None:
        """Why extensions.conf is not read, where pbx_config is missing and no other language has a dialplan."""
        kinds = (one for one in self.unknown_sources if one.why.kind is FileReason.NO_PBX_CONFIG)
        return None if self.elsewhere else next(kinds, None)

    @property
    def optional_files(self) -> tuple[Problem, ...]:
        """The files that `#tryinclude` names and that are not there: neither here nor, perhaps, on the machine."""
        return tuple(one for one in self.unknown_sources if one.why.kind is FileReason.OPTIONAL_FILE_IS_MISSING)

    def without_optional(self) -> Dialplan:
        """The dialplan of a machine that has none of the optional files either."""
        others = tuple(one for one in self.unknown_sources if one not in self.optional_files)
        return replace(self, unknown_sources=others) if self.optional_files else self
