"""What a configuration alone shows, before any call fails.

In comes a Config; out come findings with file and line. `ON_CONFIG` is the configuration's side of rules that also
look at captures (`rules`), CONFIG_RULES are those that only look here.

    addresses    rules that are shadowed, overlap, repeat, undo or are too wide
    space        the address space as the identifies divide it: what `addresses` asks
    doors        who gets in: each identifier, from where, with or without a password; open_doors are findings
    endpoints    endpoints that are reached by surprise or in vain
    loading      objects and files that do not load
    names        host names in match=
    order        endpoint_identifier_order

Imports: `model`, `rule` and `asterisk`. A rule is a function here, a row of one table, a page in pages/ and a case in
fixtures/check with a hit and a spared neighbour; the tests name what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.check import addresses, endpoints, loading, names, open_doors, order
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Rule

ON_CONFIG: Mapping[str, Callable[[Config], Iterable[Finding]]] = {
    "file-rejected": loading.rejected,
    "module-not-loaded": loading.absent,
    "incomplete-copy": loading.incomplete,
    "loaded-otherwise": loading.otherwise,
    "not-loaded": loading.dropped,
    "table-not-read": loading.unread,
    "program-not-run": loading.programs,
    "endpoint-missing": endpoints.dangling,
    "overlapping-identifies": addresses.overlapping,
    "unreachable-identifier": order.unreachable,
    "anonymous-accepted": endpoints.anonymous,
    "open-door": open_doors.open_doors,
    "challenged-by-auth": endpoints.trunk_auth,
}

_ROWS = (
    ("shadowed-identify", Severity.WARNING, "an identify that another one always beats", addresses.shadowed),
    ("wide-match", Severity.ERROR, "a rule that fits everybody, or every private address", addresses.wide),
    (
        "contradictory-match",
        Severity.WARNING,
        "an exception without effect, or nothing but exceptions",
        addresses.contradictory,
    ),
    ("duplicate-match", Severity.NOTE, "the same rule twice", addresses.duplicates),
    ("wizard-port", Severity.WARNING, "remote_hosts with a port fits that source port only", addresses.wizard_ports),
    ("match-port", Severity.NOTE, "match with a port fits that source port only", addresses.match_ports),
    ("hostname-match", Severity.NOTE, "a host name in match= is resolved once, at load time", names.host_names),
    (
        "identifier-order",
        Severity.WARNING,
        "a blank or an unknown name in endpoint_identifier_order",
        order.unknown_names,
    ),
    (
        "extension-takes-call",
        Severity.WARNING,
        "username before ip: a From user can equal an extension",
        endpoints.extension_names,
    ),
    ("acl-missing", Severity.ERROR, "a named ACL that does not exist denies every call", endpoints.missing_acls),
    ("line-ignored", Severity.NOTE, "a line that Asterisk passes over with a warning", loading.warnings),
)

CONFIG_RULES: tuple[Rule, ...] = tuple(
    Rule(name, severity, summary, on_config=find) for name, severity, summary, find in _ROWS
)
