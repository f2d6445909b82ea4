"""Identifies whose endpoint does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.asterisk.verdict import RULE_IDENTIFIERS
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, listed, who
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def of_missing_endpoint(situation: Situation, group: CallGroup) -> Cause | None:
    """The identify that matches, and stops the search, although its endpoint does not exist."""
    if group.verdict.identifier in RULE_IDENTIFIERS:
        return None
    if "endpoint" in situation.config.elsewhere:
        return None
    stopped = [check.identify for check in group.verdict.trace if check.identify and not check.endpoint]
    found = [identify for identify, _ in find_taking(situation, group)]
    found += [identify for identify in situation.config.identifies if stopped and identify.name in stopped]
    for identify in found:
        if identify.endpoint not in situation.config.endpoints:
            return Cause(identify.name, identify.line_of("endpoint"), identify.endpoint)
    return None


def endpoint_missing(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    close = get_close_matches(cause.detail, list(situation.config.endpoints), n=1, cutoff=0.75)
    meant = f"; [{close[0]}] exists and is spelt alike" if close else ""
    section, template = namesake(situation.config, cause.detail), _template(situation.config, cause.detail)
    if template:
        meant = f"; [{template.name}] at {template.where} is a template, marked (!), and no endpoint is made of it"
    elif section:
        kind = section.first("type")
        said = f"type={kind.value}, which is no endpoint" if kind else "no type="
        meant = f"; [{section.name}] at {section.where} has {said}"
    place = f"{cause.where} in [{cause.name}]" if cause.where else f"[{cause.name}]"
    said = f"endpoint={cause.detail}" if cause.detail else "no endpoint="
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups, 'matches', 'match')} [{cause.name}], but its endpoint does not exist: {said} ({place}){meant}",
        cause.where,
        "the search ends at this identify: no other one is asked",
        *_without(situation, cause, groups),
        advice=f"take (!) out of [{template.name}] ({template.where}), or write the name of an existing endpoint"
        f" on {cause.where.phrase}"
        if template and cause.where
        else f"give [{section.name}] ({section.where}) type=endpoint"
        if section and section.first("type") is None
        else f"write the name of an existing endpoint {'in' if cause.where.column else 'on'} {which_line(cause.where)}"
        if cause.where
        else "",
    )


def which_line(where: Where) -> str:
    return str(where) if where.column else f"line {where.line}"


def _without(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> list[str]:
    """Who would take the calls if the identify were not there."""
    found: dict[str, list[str]] = {}
    for group in groups:
        others = (known for known, _ in find_taking(situation, group) if known.name != cause.name)
        other = next((known for known in others if known.endpoint in situation.config.endpoints), None)
        if other is not None:
            found.setdefault(f"[{other.name}] ({other.where}) would take %s for endpoint {other.endpoint}", []).append(
                group.source
            )
    return [f"without it, {text % listed(list(dict.fromkeys(ips)))}" for text, ips in found.items()]


def namesake(config: Config, name: str) -> Section | None:
    """The section of that name which may be meant for an endpoint: one without a type before those of other types."""
    found = [section for section in config.sections if section.name == name and not section.is_template]
    return min(found, key=lambda section: section.first("type") is not None, default=None)


def _template(config: Config, name: str) -> Section | None:
    """The template of that name which may be meant for an endpoint."""
    found = (section for section in config.sections if section.name == name and section.is_template)
    return next((one for one in found if (kind := one.first("type")) and kind.value == "endpoint"), None)


def dangling_identifies(config: Config) -> Iterator[Finding]:
    """Identifies whose endpoint does not exist or did not load."""
    dropped = {drop.name: drop for drop in config.dropped if drop.type == "endpoint"}
    for identify in config.identifies:
        if identify.endpoint in config.endpoints:
            continue
        drop = dropped.get(identify.endpoint)
        why = f"did not load: {drop.reason} ({drop.where})" if drop else "does not exist"
        unsure = Severity.NOTE if "endpoint" in config.elsewhere else Severity.ERROR
        yield Finding(
            unsure,
            f"identify '{identify.name}' names endpoint '{identify.endpoint}', which {why}: a call that it matches is "
            "not matched by any other identify",
            identify.line_of("endpoint"),
            evidence=("endpoints may also come from a database or a program, which the files cannot tell",)
            if "endpoint" in config.elsewhere
            else (),
            advice="Correct the name, or repair the endpoint.",
        )
