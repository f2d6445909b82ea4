"""Named access lists: each section of acl.conf but [general] is one (main/named_acl.c).

One option that is unknown or refused keeps acl.conf from loading at all. Then, as where there is no acl.conf, every
named list is without rules and lets everything pass; a name that a loaded acl.conf does not have denies instead.
"""

from __future__ import annotations

from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.config import Problem, Rule, Section, Variable
from pjsipdiag.asterisk.files.conf import Parsed

ACL_FILE = "acl.conf"

_SENSES = ("permit", "deny")


def named(parsed: Parsed) -> tuple[dict[str, tuple[Rule, ...]] | None, tuple[Problem, ...]]:
    """The lists by name (None: acl.conf is not loaded), and why not."""
    if not parsed.found or not parsed.valid:
        return None, ()
    lists: dict[str, tuple[Rule, ...]] = {}
    for section in parsed.sections:
        if section.template or section.name == "general":
            continue
        rules: list[Rule] = []
        for variable in section.variables:
            sense = variable.name.lower()
            found, refused = parse_rules(variable.value, ports=False, deny=sense == "deny", where=variable.where)
            if refused or sense not in _SENSES:
                return None, (_refusal(section, variable, refused),)
            rules += found
        lists[section.name] = tuple(rules)
    return lists, ()


def _refusal(section: Section, variable: Variable, refused: str) -> Problem:
    place = f"at line {variable.where.line} of "
    log = f"Could not find option suitable for category '{section.name}' named '{variable.name}' {place}"
    if variable.name.lower() in _SENSES:
        log = f"{refused}\nError parsing {variable.name}={variable.value} {place}"
    log += f"\nIn {ACL_FILE}: Processing options for {section.name} failed"
    reason = f"{variable.name}={variable.value} is refused, so no named ACL loads and all let pass"
    return Problem(reason, variable.where, log)
