"""An endpoint, or a rule, that takes everybody into the dialplan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import is_whole_world
from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.verdict import CALLER_IDENTIFIERS, Outcome, Verdict
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, counted, finding_for, listed, sources, verb
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def of_anonymous(situation: Situation, group: CallGroup) -> Cause | None:
    """The call reaches the dialplan through an endpoint that takes everybody."""
    if group.verdict.outcome is not Outcome.ACCEPTED:
        return None
    if group.verdict.identifier == "anonymous" or is_anonymous(situation.config, group.verdict):
        return Cause(group.verdict.endpoint, situation.config.endpoints[group.verdict.endpoint].where, "")
    if group.verdict.identify not in _taking_everybody(situation):
        return None
    for identify, rule in find_taking(situation, group):
        if identify.name == group.verdict.identify and is_whole_world(rule):
            return Cause(group.verdict.endpoint, rule.where, identify.name)
    return None


def is_anonymous(config: Config, verdict: Verdict) -> bool:
    """Whether a caller names the endpoint that the identifier `anonymous` gives him anyway, whatever he says."""
    by_name = verdict.identifier in CALLER_IDENTIFIERS and "anonymous" in config.identifiers
    return by_name and verdict.endpoint.partition("@")[0] == "anonymous"


@lru_cache(maxsize=4)
def _taking_everybody(situation: Situation) -> frozenset[str]:
    """The identifies with a rule for the whole world, which are few: each group of calls is asked for them."""
    return frozenset(one.name for one in situation.config.identifies if any(map(is_whole_world, one.rules)))


def anonymous_accepted(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    context = situation.config.endpoints[cause.name].context
    through = f"[{cause.detail}] ({cause.where})" if cause.detail else f"the endpoint {cause.name} ({cause.where})"
    known = sorted(
        {owner.endpoint for group in groups for owner in best(situation, group) if owner.endpoint != cause.name}
    )
    belongs = (
        [f"some of the calls may be meant for {listed(known)}, whose identifies lack the address"] if known else []
    )
    return finding_for(
        groups,
        Severity.ERROR,
        f"{counted(len(sources(groups)), 'source')} ({listed(sources(groups))}) {verb(groups, 'reaches', 'reach')}"
        f" the dialplan through"
        f" {through}, which takes everybody: context={context}",
        cause.where,
        *belongs,
        advice="keep the context free of anything that costs money, or remove what takes everybody and match by"
        " address",
    )


def anonymous_endpoints(config: Config) -> Iterator[Finding]:
    """An endpoint that takes calls from everybody into the dialplan."""
    for name, endpoint in sorted(config.endpoints.items()):
        if name == "anonymous" or name.startswith("anonymous@"):
            yield from _anonymous(config, endpoint)


def _anonymous(config: Config, endpoint: Endpoint) -> Iterator[Finding]:
    if "anonymous" in config.identifiers and not endpoint.auth:
        yield Finding(
            Severity.WARNING,
            f"endpoint '{endpoint.name}' ({endpoint.where}) takes every call that nothing else identifies into context "
            f"'{endpoint.context}', without a password",
            endpoint.where,
            advice="Remove it unless strangers are meant to reach that context; then let the context do nothing that "
            "costs money.",
        )
