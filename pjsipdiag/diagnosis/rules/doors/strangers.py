"""Strangers who come in by what anybody can say, without a password."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.verdict import CALLER_IDENTIFIERS, RULE_IDENTIFIERS, Outcome
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.diagnosis.model import Door, DoorState, Finding, Severity
from pjsipdiag.diagnosis.rules.cause import calls, counted, enumerated, finding_for, who
from pjsipdiag.diagnosis.rules.order.everybody import is_anonymous
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.situation import CallGroup, Situation

MOST_HOSTS = 6
"""Host names that a sentence names."""
CLOSING = {
    "username": "Write identify_by=ip into each endpoint that is known by its address (its calls do not change), or "
    "give it auth= where it logs in.",
    "auth_username": "Give each of them auth=, or take auth_username out of its identify_by.",
    "header": "Whoever knows the header can write it: let a firewall admit the provider only, or use match=.",
    "request_uri": "Whoever knows the URI can dial it: let a firewall admit the provider only, or use match=.",
    "transport": "Install a release with the fix of GHSA-qqxj-v78h-hrf9.",
}
"""How a door that stands open is closed; anonymous and match= have rules of their own."""


def reached_by_name(situation: Situation) -> Iterable[Finding]:
    """One finding for each endpoint that was reached by its name alone, without a password, by others than its own."""
    found: dict[str, list[CallGroup]] = {}
    for group in situation.groups:
        verdict = group.verdict
        if (
            verdict.identifier in CALLER_IDENTIFIERS
            and verdict.outcome is Outcome.ACCEPTED
            and not is_anonymous(situation.config, verdict)
        ):
            endpoint = situation.config.endpoints[verdict.endpoint]
            if not endpoint.auth and not is_likely(situation, group, endpoint.name):
                found.setdefault(endpoint.name, []).append(group)
    for name, groups in found.items():
        yield _tried(situation, situation.config.endpoints[name], groups)


def _tried(situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup]) -> Finding:
    option = endpoint.option("identify_by")
    where = option.where if option else endpoint.where
    scanning = any(scans(situation, group) for group in groups)
    what = "From user" if groups[0].verdict.identifier == "username" else "Authorization username"
    return finding_for(
        groups,
        Severity.ERROR if scanning else Severity.WARNING,
        f"{who(groups, 'comes', 'come')} in as endpoint {endpoint.name} by the {what} alone, without a password:"
        f" context={endpoint.context} ({counted(calls(groups), 'call')}); anybody who says that name gets in, from any"
        f" address",
        where,
        "identify_by is username,ip unless it says otherwise" if option is None else f"identify_by={option.value}",
        advice=f"write identify_by=ip into [{endpoint.name}] where it is known by its address, or give it auth=",
    )


def open_doors(config: Config) -> Iterator[Finding]:
    """One finding for the doors of one identifier that stand open, graded by what lies behind them."""
    from pjsipdiag.diagnosis.space.doors import doors  # few runs look for them

    found = doors(config)
    dialplan = config.dialplan() if any(door.state is DoorState.OPEN for door in found) else None
    for step, advice in CLOSING.items():
        opened = [door for door in found if door.identifier == step and door.state is DoorState.OPEN]
        opened = [door for door in opened if door.endpoint.partition("@")[0] != "anonymous"]
        guarded = {door.context for door in found if door.password}
        known = {door.endpoint for door in found if door.identifier in (*RULE_IDENTIFIERS, "line")}
        graded: dict[Severity, list[Door]] = {Severity.ERROR: [], Severity.WARNING: [], Severity.NOTE: []}
        for door in opened:
            to_nowhere = dialplan is not None and dialplan.lacks(door.context)
            grave = door.context in guarded or door.endpoint not in known
            graded[Severity.NOTE if to_nowhere else Severity.ERROR if grave else Severity.WARNING].append(door)
        for severity, alike in graded.items():
            if alike:
                yield _open_door(step, severity, alike, advice)


def _open_door(step: str, severity: Severity, opened: Sequence[Door], advice: str) -> Finding:
    first = opened[0]
    says = f" who says {first.says}" if first.says else ""
    more = f", and so do {len(opened) - 1} more doors like it" if len(opened) > 1 else ""
    more = ", and so does one more door like it" if len(opened) == 2 else more
    nowhere = ", which the dialplan has not: such calls are answered 404" if severity is Severity.NOTE else ""
    return Finding(
        severity,
        f"everybody{says} gets in as endpoint '{first.endpoint}' without a password, from any address, and reaches "
        f"context '{first.context}'{nowhere} ({step}{more})",
        first.where,
        evidence=tuple(
            f"{door.says or 'anybody'} -> endpoint '{door.endpoint}', context '{door.context}' ({door.where})"
            for door in opened[1:]
        ),
        advice=advice,
        places=tuple(door.where for door in opened),
    )


def blind_spots(config: Config) -> tuple[str, ...]:
    """Sentences on what was not looked at, so that the list of doors says nothing of it."""
    from pjsipdiag.diagnosis.space.doors import note_untried

    said = [
        "doors: not seen are firewalls and fail2ban before Asterisk, and what each context does with a call",
    ]
    said += note_untried(config) if config.listeners else ()
    if not config.listeners:
        unread = config.missing_files or "transport" in config.elsewhere or "transport" in config.not_shown
        more = "; what was not read may have more" if unread else ", so there is none"
        said.append(f"doors: nothing listens by these files{more}")
    if hosts := config.unresolved_hosts:
        said.append(f"doors: which addresses {enumerated(hosts, MOST_HOSTS)} stand for is not known (--resolve)")
    kinds = sorted({one.type for one in config.unread_objects if one.source in ("table", "store", "program")})
    if kinds:
        said.append(f"doors: there may be more by {', '.join(kinds)} objects that were not read")
    if config.missing_files:
        said.append("doors: there may be more in included files that are missing here")
    return tuple(said)
