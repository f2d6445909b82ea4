"""When a known fault of the release strikes: the table of conditions beside `releases.faults.FAULTS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.wizard import WIZARD_FILE
from pjsipdiag.asterisk.releases import nearest
from pjsipdiag.asterisk.releases.faults import FAULTS, FaultName, has_fault
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import RULE_IDENTIFIERS, Outcome
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, listed, sources, with_status
from pjsipdiag.diagnosis.situation import CallGroup, Exchange, Situation

BEYOND_MD5 = ("SHA-256", "SHA-512-256")


@lru_cache(maxsize=64)
def applies(situation: Situation, name: FaultName) -> bool:
    """Whether the release has a fault; one that only stands for the release that the capture names tells nothing."""
    return not _stands_in(situation) and has_fault(situation.config.version, name)


def _stands_in(situation: Situation) -> bool:
    """Whether the release that the capture names is not known, and another one is replayed instead."""
    named = situation.capture_version
    return (
        bool(named) and (found := nearest(named)) is not None and found.version not in (named, named.replace("/", "-"))
    )


def of_fault(situation: Situation, group: CallGroup) -> Cause | None:
    """A fault that explains how calls of a group ended."""
    for name, strikes in STRIKES.items():
        where = strikes(situation, group) if applies(situation, name) else None
        if where is not None:
            return Cause(group.verdict.endpoint, where, name)
    return None


def calls_lost(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    name = next(one for one in FAULTS if one == cause.detail)
    return finding(
        situation.config,
        name,
        Severity.ERROR,
        f"calls of {listed(sources(groups))} to endpoint {cause.name}",
        cause.where,
        sources(groups),
        calls(groups),
        (f"observed answers: {answers(groups)}",),
    )


def other_faults(situation: Situation) -> Iterator[Finding]:
    """Faults that requests outside of calls show, and those that the files could meet."""
    config = situation.config
    for exchange in situation.exchanges:
        if applies(situation, "registrar-aor") and _finds_no_aor(config, exchange):
            verdict = exchange.verdict
            endpoint = config.endpoints[verdict.endpoint] if verdict else None
            line = endpoint.option("identify_by") if endpoint else None
            yield finding(
                config,
                "registrar-aor",
                Severity.WARNING,
                f"REGISTER of {exchange.client} to endpoint {endpoint.name if endpoint else ''}",
                line.where if line else endpoint.where if endpoint else None,
                (exchange.client,),
                0,
                (f"answered 404 ({counted(exchange.statuses[404], 'time')})",),
            )
    for exchange in situation.own_exchanges:
        failed = exchange.refusals and not exchange.successes
        if failed and applies(situation, "digest-md5-only") and _beyond_md5(exchange):
            offered = listed(_algorithms(exchange))
            yield finding(
                config,
                "digest-md5-only",
                Severity.ERROR,
                f"{exchange.server} challenges the PBX's own {exchange.method} with {offered} only",
                None,
                (exchange.server,),
                0,
                (),
            )
    # The faults that files could meet are those of the release that is replayed, which the PBX does not run then.
    if not _stands_in(situation):
        yield from latent_faults(config)


def _contact_user(situation: Situation, group: CallGroup) -> Where | None:
    """500 before a 100, over IPv6, at an endpoint with contact_user."""
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    user = endpoint.option("contact_user") if endpoint else None
    failed = with_status(group, 500) > group.tried.get(500, 0)
    return user.where if user and user.value and ":" in group.source and failed else None


def _wizard_acl(situation: Situation, group: CallGroup) -> Where | None:
    """An endpoint of the wizard answers as a list did that is not that of the files any more."""
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    if endpoint is None or PurePosixPath(endpoint.where.file).name != WIZARD_FILE:
        return None
    named = endpoint.option("acl") or endpoint.option("contact_acl")
    refused = group.verdict.outcome is Outcome.ACCEPTED and with_status(group, 401) >= group.calls
    taken = group.verdict.outcome is Outcome.ACL_DENIED and sum(group.tried.values()) > 0
    return named.where if named and (refused or taken) else None


def _by_transport(situation: Situation, group: CallGroup) -> Where | None:
    """Whom nothing but its transport identifies."""
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    return endpoint.where if endpoint and group.verdict.identifier == "transport" else None


def _finds_no_aor(config: Config, exchange: Exchange) -> bool:
    verdict = exchange.verdict
    by_rule = verdict is not None and verdict.identifier in RULE_IDENTIFIERS and verdict.endpoint in config.endpoints
    if exchange.method != "REGISTER" or not by_rule or verdict is None:
        return False
    unasked = not {"username", "auth_username"} & {*config.endpoints[verdict.endpoint].identify_by}
    return bool(unasked and exchange.statuses.get(404))


def _algorithms(exchange: Exchange) -> list[str]:
    found: dict[str, None] = {}
    for status in (401, 407):
        for answer in exchange.answers.get(status, ()):
            for value in (*answer.values("WWW-Authenticate"), *answer.values("Proxy-Authenticate")):
                named = [part.partition("=")[2] for part in value.split(",") if "algorithm" in part.partition("=")[0]]
                found[named[0].strip(' "').upper() if named else "MD5"] = None
    return list(found)


def _beyond_md5(exchange: Exchange) -> bool:
    named = _algorithms(exchange)
    return bool(named) and all(one in BEYOND_MD5 for one in named) and not exchange.proven


STRIKES: Mapping[FaultName, Callable[[Situation, CallGroup], Where | None]] = {
    "contact-user-ipv6": _contact_user,
    "wizard-acl": _wizard_acl,
    "transport-identifier": _by_transport,
}
"""Fault -> the line that meets its condition, where the calls show what it does."""


def latent_faults(config: Config) -> Iterator[Finding]:
    """Faults whose condition the files meet."""
    for name, brews in BREWS.items():
        if has_fault(config.version, name):
            for where, what in brews(config):
                yield finding(config, name, Severity.WARNING, what, where, (), 0, ())


def finding(  # noqa: PLR0917  (as the fields of a finding)
    config: Config,
    name: FaultName,
    severity: Severity,
    what: str,
    where: Where | None,
    concerned: tuple[str, ...],
    count: int,
    evidence: tuple[str, ...],
) -> Finding:
    fault = FAULTS[name]
    fixed = fault.fixed_in(config.version)
    mended = f"fixed in {fixed}" if fixed else "no fixed release is known"
    return Finding(
        severity,
        f"Asterisk {config.version} has a known fault ({name}): {fault.effect}; {mended}. It concerns {what}",
        where,
        concerned,
        count,
        (*evidence, f"see {fault.reference}"),
        advice=f"upgrade Asterisk ({mended}); until then: {fault.meanwhile}",
    )


def _after_failed_transport(config: Config) -> Iterator[tuple[Where, str]]:
    """The transport that loads behind one that does not."""
    failed = [one for one in config.dropped if one.type == "transport"]
    loaded = sorted(config.transports.values(), key=lambda one: one.where.line)
    for drop in failed:
        behind = [one for one in loaded if one.where.file == drop.where.file and one.where.line > drop.where.line]
        if behind:
            yield (
                behind[0].where,
                f"transport [{behind[0].name}] ({behind[0].where}), which loads behind [{drop.name}] ({drop.where})",
            )


BREWS: Mapping[FaultName, Callable[[Config], Iterable[tuple[Where, str]]]] = {
    "transport-state": _after_failed_transport,
}
"""Fault -> the lines whose condition the files meet, and what it concerns."""
