"""Named access lists: the sections of one name in acl.conf are one (main/named_acl.c).

A section [general], or one option that is unknown or refused, keeps acl.conf from loading at all. Then, as where there
is no acl.conf, every named list is without rules and lets everything pass; a name that a loaded acl.conf does not have
is looked for in a table, and denies where that does not have it either.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.config import Acl, AddressRule, Problem
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.realtime.access_lists import Rules, StoredLists
from pjsipdiag.asterisk.realtime.collation import CaselessNames
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.section import Section, Variable
from pjsipdiag.dataclass import dataclass

ACL_FILE = "acl.conf"

_SENSES = ("permit", "deny")


@dataclass
class NamedLists:
    """The lists `written` in acl.conf, None where that is not loaded, and those of a table: `read_stored` reads them
    when a name asks for one. `not_copied` says which part of acl.conf a copy lacks."""

    written: Mapping[str, Rules] | None
    read_stored: Callable[[], StoredLists]
    not_copied: str = ""

    @cached_property
    def _stored(self) -> StoredLists:
        return self.read_stored()

    @cached_property
    def _all(self) -> Mapping[str, Rules]:
        rules, folding, _ = self._stored
        return ChainMap(dict(self.written or {}), CaselessNames(dict(rules), [(folding, name) for name in rules]))

    @property
    def known(self) -> Mapping[str, Rules]:
        """The lists that were read."""
        return self._all if "_all" in self.__dict__ else self.written or {}

    def access_list(self, rules: Sequence[AddressRule], names: Sequence[str]) -> Acl:
        """The access list of an object that writes rules of its own and names lists."""
        unwritten = [name for name in names if self.written is not None and name not in self.written]
        missing = tuple(name for name in unwritten if name not in self._all)
        unread = self._stored.unread if missing else None
        why = self.not_copied if unread is None else str(unread)
        if missing and why:
            return Acl(tuple(rules), tuple(names), why_partial=f"the access list {missing[0]} is not known: {why}")
        return Acl(tuple(rules), tuple(names), missing)


def named_lists(parsed: ParsedFile, read_stored: Callable[[], StoredLists]) -> tuple[NamedLists, tuple[Problem, ...]]:
    """The lists of acl.conf and of a table, and why acl.conf is not loaded."""
    written, refused = _written(parsed)
    gone = parsed.missing_files[0] if parsed.missing_files and parsed.is_valid else None
    return NamedLists(written, read_stored, f"{gone.reason} ({gone.where})" if gone else ""), refused


def _written(parsed: ParsedFile) -> tuple[dict[str, tuple[AddressRule, ...]] | None, tuple[Problem, ...]]:
    if not parsed.is_found or not parsed.is_valid:
        return None, ()
    lists: dict[str, list[AddressRule]] = {}
    for section in parsed.sections:
        if section.is_template:
            continue
        if section.name.lower() == "general":
            return None, (_no_type(section),)
        rules = lists.setdefault(section.name, [])
        for variable in section.variables:
            sense = variable.name.lower()
            found, refused = parse_rules(variable.value, ports=False, deny=sense == "deny", where=variable.where)
            if refused or sense not in _SENSES:
                return None, (_refusal(section, variable, refused),)
            rules += found
    return {name: tuple(rules) for name, rules in lists.items()}, ()


def _no_type(section: Section) -> Problem:
    log = f"Could not find config type for category '{section.name}' in '{ACL_FILE}'"
    reason = LoadReason.ACL_FILE_WITH_GENERAL(file=ACL_FILE, section=section.name)
    return Problem(reason, section.where, log)


def _refusal(section: Section, variable: Variable, refused: str) -> Problem:
    place = f"at line {variable.where.line} of "
    log = f"Could not find option suitable for category '{section.name}' named '{variable.name}' {place}"
    if variable.name.lower() in _SENSES:
        log = f"{refused}\nError parsing {variable.name}={variable.value} {place}"
    log += f"\nIn {ACL_FILE}: Processing options for {section.name} failed"
    reason = LoadReason.ACL_LINE_REFUSED(option=variable.name, value=variable.value)
    return Problem(reason, variable.where, log)
