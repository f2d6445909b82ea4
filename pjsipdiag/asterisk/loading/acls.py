"""Named access lists: the sections of one name in acl.conf are one (main/named_acl.c).

A section [general], or one option that is unknown or refused, keeps acl.conf from loading at all. Then, as where there
is no acl.conf, every named list is without rules and lets everything pass; a name that a loaded acl.conf does not have
denies instead.
"""

from __future__ import annotations

from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.config import AddressRule, Problem
from pjsipdiag.asterisk.files.parsed import Parsed
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.section import Section, Variable

ACL_FILE = "acl.conf"

_SENSES = ("permit", "deny")


def named_lists(parsed: Parsed) -> tuple[dict[str, tuple[AddressRule, ...]] | None, tuple[Problem, ...]]:
    """The lists by name (None: acl.conf is not loaded), and why not."""
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
