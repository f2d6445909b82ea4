"""Strangers who came in by a name that anybody can say, without a password."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.evidence.signs import is_likely
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import answers, calls, counted, sources, who
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.situation import CallGroup, Situation

BY_WORD = ("username", "auth_username")
"""Identifiers that believe what the caller says."""
BY_RULE = ("ip", "header", "request_uri")


def tried(situation: Situation) -> Iterable[Finding]:
    """One finding for each endpoint that was reached by its name alone, without a password, by others than its own."""
    found: dict[str, list[CallGroup]] = {}
    for group in situation.groups:
        verdict = group.verdict
        if verdict.identifier in BY_WORD and verdict.outcome is Outcome.ACCEPTED:
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
    return Finding(
        "open-door",
        Severity.ERROR if scanning else Severity.WARNING,
        f"{who(groups, 'comes', 'come')} in as endpoint {endpoint.name} by the {what} alone, without a password:"
        f" context={endpoint.context} ({counted(calls(groups), 'call')}); anybody who says that name gets in, from any"
        f" address",
        where,
        sources(groups),
        calls(groups),
        (
            "identify_by is username,ip unless it says otherwise" if option is None else f"identify_by={option.value}",
            f"observed answers: {answers(groups)}",
        ),
        advice=f"write identify_by=ip into [{endpoint.name}] where it is known by its address, or give it auth=",
    )
