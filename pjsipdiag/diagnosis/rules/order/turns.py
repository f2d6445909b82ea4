"""Identifiers that never get their turn, and endpoint_identifier_order itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from pjsipdiag.asterisk.config import Config, Identify
from pjsipdiag.asterisk.loading.sources.modules import IDENTIFIERS_OF
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import IDENTIFIER_NAMES
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, who
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def of_unreachable(situation: Situation, group: CallGroup) -> Cause | None:
    """An identifier would take the call if its turn came: header, request_uri, auth_username; and ip where anonymous
    comes before it. (Where a From user takes the call before ip does, that is a cause of its own.)"""
    if group.verdict.identifier in ("", "header", "request_uri", "auth_username"):
        return None
    behind_anonymous = ("ip",) if group.verdict.identifier == "anonymous" else ()
    for name in (*behind_anonymous, *_late(situation)):
        first = replay_as(situation, name).verdict(group.sample)
        if first.identifier == name and first.endpoint != group.verdict.endpoint:
            where = next((check.where for check in first.trace if check.step == name and check.endpoint), None)
            return Cause(first.identify or first.endpoint, where, name)
    return None


@lru_cache(maxsize=2)
def _late(situation: Situation) -> tuple[str, ...]:
    """The identifiers beside ip and username that something in the configuration waits for."""
    config = situation.config
    waiting = {
        "header": any(identify.match_header for identify in config.identifies),
        "request_uri": any(identify.match_request_uri for identify in config.identifies),
        "auth_username": any("auth_username" in endpoint.identify_by for endpoint in config.endpoints.values()),
    }
    return tuple(name for name in config.identifiers if waiting.get(name))


def unreachable_identifier(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    verdict = groups[0].verdict
    order = situation.config.globals.endpoint_identifier_order
    took = f"{verdict.identifier} ({f'[{verdict.identify}], ' if verdict.identify else ''}endpoint {verdict.endpoint})"
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups, 'fits', 'fit')} {cause.detail} of [{cause.name}], but {took} takes the call first:"
        f" endpoint_identifier_order={order} never lets {cause.detail} through",
        cause.where,
        "identifiers that the list does not name run after those that it names, and the first that finds an"
        " endpoint decides",
        *blanks_say(situation.config),
        advice=f"name {cause.detail} before {verdict.identifier} in endpoint_identifier_order of the [global] section",
    )


@lru_cache(maxsize=8)
def replay_as(situation: Situation, first: str) -> Replay:
    """The same configuration with one identifier asked before all others."""
    names = (first, *(name for name in situation.config.identifiers if name != first))
    return Replay(replace(situation.config, identifiers=names))


def order_line(config: Config, endpoint: str) -> Where:
    variable = config.globals.option("endpoint_identifier_order")
    return variable.where if variable else config.endpoints[endpoint].where


def blanks_say(config: Config) -> list[str]:
    """Sentences on names in the order that a blank makes unknown."""
    names = [name for name in config.globals.endpoint_identifier_order.split(",") if name != name.strip()]
    return [
        f"the blank in '{name}' makes it an unknown name: {name.strip()} is asked after all that are listed"
        for name in names
        if name.strip() in IDENTIFIER_NAMES
    ]


def unknown_names(config: Config) -> Iterator[Finding]:
    """Blanks and unknown names in the order: the list is split on commas and nothing is trimmed."""
    where = config.globals.line_of("endpoint_identifier_order")
    missing = {step for one in config.absent_modules for step in IDENTIFIERS_OF.get(one.module, ())}
    for name in config.globals.endpoint_identifier_order.split(","):
        bare = name.strip()
        if name in config.identifiers or (bare == name and bare in missing):
            continue
        if bare in IDENTIFIER_NAMES and bare != name:
            reason = f"the blank in '{name}' makes it an unknown name: '{bare}' is asked after all the listed ones"
        elif bare in IDENTIFIER_NAMES:
            reason = f"Asterisk {config.version} has no identifier '{name}'"
        else:
            reason = f"'{name}' is no identifier"
        yield Finding(
            Severity.WARNING,
            f"endpoint_identifier_order ({where}): {reason}",
            where,
            advice="Write the names with commas and without blanks: " + ",".join(n.strip() for n in _known(config)),
        )


def _known(config: Config) -> list[str]:
    names = config.globals.endpoint_identifier_order.split(",")
    return [name.strip() for name in names if name.strip() in config.identifiers]


def unreachable_identifiers(config: Config) -> Iterator[Finding]:
    """Lines of identifies that an endpoint named anonymous, or the release, never lets through."""
    for identify in config.identifies:
        if identify.match_header:
            yield from _unreachable(config, identify, "header", "match_header")
        if identify.match_request_uri:
            yield from _unreachable(config, identify, "request_uri", "match_request_uri")
        if identify.rules and "ip" in config.identifiers:
            yield from _unreachable(config, identify, "ip", "match")


def _unreachable(config: Config, identify: Identify, step: str, option: str) -> Iterator[Finding]:
    where = identify.line_of(option)
    if step not in config.identifiers:
        yield Finding(
            Severity.WARNING,
            f"{option} of identify '{identify.name}' ({where}): Asterisk {config.version} has no identifier '{step}'",
            where,
            advice=f"use a release that has it, or match= and match_header= instead of {option}=",
        )
        return
    anonymous = config.endpoints.get("anonymous")
    order = config.identifiers
    if anonymous and "anonymous" in order and order.index("anonymous") < order.index(step):
        yield Finding(
            Severity.WARNING,
            f"{option} of identify '{identify.name}' ({where}) is never asked: endpoint 'anonymous' "
            f"({anonymous.where}) takes every call before '{step}' has its turn",
            where,
            advice="Name it before anonymous: endpoint_identifier_order=" + ",".join(_before_anonymous(config, step)),
        )


def _before_anonymous(config: Config, step: str) -> list[str]:
    names = [name for name in _known(config) if name != step]
    at = names.index("anonymous") if "anonymous" in names else len(names)
    return [*names[:at], step, *names[at:]]
