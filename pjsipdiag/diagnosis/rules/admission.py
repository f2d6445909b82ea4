"""The right endpoint is found, and then refuses: it asks for credentials, or its access list denies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.config import AddressRule, Config, DroppedObject, Endpoint
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.replay.admission import missing_auths
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import RULE_IDENTIFIERS, Outcome
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.evidence.trunks import trunks
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, calls, counted, finding_for, listed, sources, verb, who, with_status
from pjsipdiag.diagnosis.rules.methods import credential_check
from pjsipdiag.diagnosis.situation import CallGroup, Situation

MOST_PROOFS_READ = 16
_REFUSED = (401, 407, 403, 500)


class Logins(NamedTuple):
    """Calls of one endpoint that it challenged: refused, let in, and how many came with credentials, among them those
    that had them at once."""

    refused: int = 0
    succeeded: int = 0
    credentialed: int = 0
    carried: int = 0


@lru_cache(maxsize=4)
def _logins(situation: Situation) -> dict[tuple[str, str], Logins]:
    """The logins by source and endpoint, and by endpoint alone (source ""): a retry with a new Call-ID is a call of its
    own, and perhaps in another group."""
    found: dict[tuple[str, str], Logins] = {}
    for group in situation.groups:
        if group.verdict.outcome is Outcome.CHALLENGED:
            succeeded = sum(count for status, count in group.statuses.items() if 100 <= status < 300)
            more = (with_status(group, *_REFUSED), succeeded, group.credentialed, group.carried)
            for source in (group.source, ""):
                key = source, group.verdict.endpoint
                found[key] = Logins(*map(sum, zip(found.get(key, Logins()), more, strict=True)))
    return found


def answered_elsewhere(situation: Situation, group: CallGroup) -> int:
    """How many calls of a group that a challenge ended are tried again under another Call-ID: the nonce of the
    challenge came back there. Where captures cannot be read again, all or none, by their numbers."""
    if group.verdict.outcome is not Outcome.CHALLENGED or not (challenged := with_status(group, 401, 407)):
        return 0
    if not _logins(situation)["", group.verdict.endpoint].carried:
        return 0
    taken = situation.taken_up(group)
    if taken is None:
        caller = _logins(situation)[group.source, group.verdict.endpoint]
        return challenged if caller.refused <= min(caller.carried, caller.succeeded) else 0
    return min(taken, challenged)


def of_challenge(situation: Situation, group: CallGroup) -> Cause | None:
    """A real 401 that stays the last word."""
    if group.verdict.outcome is not Outcome.CHALLENGED:
        return None
    if with_status(group, *_REFUSED) <= answered_elsewhere(situation, group):
        return None
    of_caller = _logins(situation)[group.source, group.verdict.endpoint]
    endpoint = situation.config.endpoints[group.verdict.endpoint]
    return Cause(endpoint.name, endpoint.line_of("auth"), "refused" if of_caller.credentialed else "")


def challenged_by_auth(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    config = situation.config
    endpoint = config.endpoints[cause.name]
    challenged = sum(group.challenged or with_status(group, 401, 407) for group in groups)
    elsewhere = sum(answered_elsewhere(situation, group) for group in groups)
    retried = sum(max(group.credentialed - _let_in(group), 0) for group in groups)
    is_trunk = groups[0].verdict.identifier in RULE_IDENTIFIERS or cause.name in trunks(config).names_of
    missing = missing_auths(endpoint, config)
    auth = listed(endpoint.auth)
    proofs = [one for group in groups for one in group.read_proofs()][:MOST_PROOFS_READ]
    wrong, compare = credential_check.compare(proofs, endpoint, config)
    no_login = ", or leave auth= out: a provider does not log in" if is_trunk else ""
    if missing:
        then = f"and [{listed(missing)}] {_why_missing(config, missing[0])}, so Asterisk answers 500"
    elif retried:
        then = (
            f"and the credentials that came ({counted(retried, 'call')}) were refused:"
            f" {wrong[0] if wrong else 'user name, password or realm differ'}"
        )
    else:
        then = f"and the caller never answers the challenge{', as providers do not' if is_trunk else ''}"
    return finding_for(
        groups,
        Severity.ERROR if is_trunk or missing or retried else Severity.WARNING,
        f"{who(groups)} matched to endpoint {cause.name} (by {groups[0].verdict.identifier}), but"
        f" auth={auth}"
        f" ({cause.where}) asks for credentials, {then}",
        cause.where,
        *wrong[1:],
        *([f"{_goes_on(elsewhere)} under another Call-ID, with the nonce of the challenge"] if elsewhere else []),
        *(() if missing else (_challenges(challenged, retried), _which_401(config, endpoint, groups))),
        count=calls(groups) - elsewhere,
        advice=(
            f"correct the section [{missing[0]}]{no_login}"
            if missing and _dropped_auth(config, missing[0])
            else f"write the section [{missing[0]}] with type=auth{no_login}"
            if missing
            else _without_login(endpoint)
            if is_trunk and not retried
            else compare
            if retried
            else credential_check.SET_LOGIN
        ),
    )


def _let_in(group: CallGroup) -> int:
    """How many calls got an answer from behind the challenge: their credentials were right."""
    return sum(count for status, count in group.statuses.items() if status not in (0, 401, 403, 407))


def _dropped_auth(config: Config, name: str) -> DroppedObject | None:
    """The auth section of that name that Asterisk does not load."""
    return next((one for one in config.dropped if one.type == "auth" and one.name == name), None)


def _why_missing(config: Config, name: str) -> str:
    dropped = _dropped_auth(config, name)
    return f"does not load: {dropped.reason} ({dropped.where})" if dropped else "does not exist"


def _challenges(challenged: int, retried: int) -> str:
    return f"{counted(challenged, 'call')} challenged, {counted(retried, 'call')} came with credentials"


def _goes_on(count: int) -> str:
    return f"{counted(count, 'challenged call')} {'goes' if count == 1 else 'go'} on"


def is_kept_out(group: CallGroup) -> bool:
    """Whether a type=acl section refuses the calls before they are identified."""
    return (group.verdict.outcome, group.verdict.status) == (Outcome.NOT_IDENTIFIED, 403)


def is_expected(situation: Situation, group: CallGroup) -> bool:
    """Whether the configuration knows the source beside the list that denies it, or whether a password protects."""
    if group.verdict.identifier not in ("", "username", "auth_username", "anonymous"):
        return True
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    return bool((endpoint and endpoint.auth) or find_taking(situation, group) or best(situation, group))


def of_acl(situation: Situation, group: CallGroup) -> Cause | None:
    """An access list that denies the source, before or after the endpoint is found."""
    verdict = group.verdict
    if verdict.outcome is not Outcome.ACL_DENIED and not is_kept_out(group):
        return None
    check = next(check for check in verdict.trace if check.result is not None)
    return Cause(verdict.endpoint, _denying(situation.config, check.why.first) or check.where, why=check.why)


def denied_by_acl(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    assert cause.why is not None
    is_said = cause.why.first.kind is WalkReason.DENIED_BY_RULE  # which names the place itself
    place = f" ({cause.where})" if cause.where and not is_said else ""
    why = cause.why["why"] if cause.why.kind is WalkReason.LOGGED else cause.why  # the log's line is evidence
    found = (
        f"{verb(groups)} matched to endpoint {cause.name}, but its access list denies it"
        if cause.name
        else f"{verb(groups)} denied by a type=acl"
    )
    says = (
        f"the answer is the same 401 as for a stranger; Asterisk's log says `{cause.why.get('log') or ''}`"
        if cause.name
        else "a type=acl section is asked before any identifier, and the answer is 403"
    )
    if is_missing(cause):
        names = listed(sorted(situation.config.named_acls), 8)
        advice = f"name a list that acl.conf has ({names or 'it has none'}), or write the one that is missing"
    elif is_by_contact(cause):
        advice = (
            "permit the address of the Contact header (contact_permit), or leave contact_deny out: the source is fine"
        )
    else:
        advice = "permit the address in that list; in a list of permits and denies the last rule that fits decides"
    known = cause.name or any(is_expected(situation, group) for group in groups)
    if not known:
        advice = "nothing in the files knows the source: to keep it out may be what the list is for"
    return finding_for(
        groups,
        Severity.ERROR if known else Severity.WARNING,
        f"{listed(sources(groups))} {found}{place}: {why}",
        cause.where,
        says,
        advice=advice,
    )


def is_missing(cause: Cause) -> bool:
    """Whether a list denies because it does not exist."""
    return cause.why is not None and cause.why.first.kind is WalkReason.MISSING_ACL


def is_by_contact(cause: Cause) -> bool:
    """Whether an access list denies the Contact, and not the source."""
    what = cause.why.first.get("what") if cause.why else None
    return isinstance(what, Reason) and what.kind is WalkReason.CONTACT_HOST


def _denying(config: Config, why: Reason) -> Where | None:
    """The line of the rule, or of the name of a missing list, that a refusal speaks of."""
    if why.kind is WalkReason.DENIED_BY_RULE:
        rule: AddressRule = why["rule"]
        return rule.where
    named = [known.option("acl") or known.option("contact_acl") for known in (*config.endpoints.values(), *config.acls)]
    return next((one.where for one in named if one and one.value == why.get("name")), None)


def _without_login(endpoint: Endpoint) -> str:
    """Advice for a trunk that is to let its provider in without credentials."""
    if endpoint.wizard:
        return (
            f"write accepts_auth=no into the wizard [{endpoint.wizard}]: inbound_auth/ is what callers must prove, and"
            " outbound_auth/, with sends_auth=yes, what Asterisk proves to the provider"
        )
    return "auth= is what callers must prove; for what Asterisk proves to the provider write outbound_auth="


def _which_401(config: Config, endpoint: Endpoint, groups: Sequence[CallGroup]) -> str:
    """A sentence on whose challenge it is, by its realm: the endpoint's, or the artificial endpoint's for strangers."""
    # A stranger is challenged in the name of an artificial endpoint (`create_artificial_auth`,
    # res_pjsip_distributor.c), whose realm is default_realm. Only where that differs from the realm of auth= does a
    # challenge tell which it was.
    expected = {
        config.auths[name].realm or config.globals.default_realm for name in endpoint.auth if name in config.auths
    }
    seen = {realm for group in groups for realm in group.realms}
    default = config.globals.default_realm
    if not expected:
        return "the auth section was not read: whether the challenge has its realm is not known"
    if seen and seen <= expected and default not in expected:
        return f"the challenge's realm {listed(sorted(seen))} is that of its auth section: this is its own 401"
    if seen and not seen & expected and default in seen:
        return (
            f"the challenge's realm is {default}, the one for strangers, and not that of the auth section"
            f" ({listed(sorted(expected))}): Asterisk may not have matched the endpoint at all"
        )
    return "its 401 looks like the one for strangers (same realm); that it comes from auth= follows from the replay"


def trunk_auth(config: Config) -> Iterator[Finding]:
    """Endpoints that an identify names and that challenge inbound calls."""
    for identify in config.identifies:
        endpoint = config.endpoints.get(identify.endpoint)
        if endpoint and endpoint.auth:
            by = "address" if identify.rules or identify.unresolved else "what they say"
            yield Finding(
                Severity.WARNING,
                f"endpoint '{endpoint.name}' has auth={','.join(endpoint.auth)} and identify '{identify.name}' sends "
                f"calls to it by {by}: Asterisk challenges every inbound call (401), and providers rarely answer",
                endpoint.line_of("auth"),
                advice="For a trunk use outbound_auth= and leave auth= out.",
            )


def missing_acls(config: Config) -> Iterator[Finding]:
    """Named access lists that do not exist: they deny everything."""
    for endpoint in config.endpoints.values():
        for acl in (endpoint.acl, endpoint.contact_acl):
            for name in acl.missing:
                yield Finding(
                    Severity.ERROR,
                    f"endpoint '{endpoint.name}' names acl '{name}', which acl.conf does not define: every call to it "
                    "is denied",
                    endpoint.line_of("acl"),
                    advice="Define it in acl.conf, or take it out.",
                )
