"""After identification: the endpoint's ACLs, then its authentication.

Law: a request that an ACL denies is answered as if no endpoint had been found (a 401 that no password satisfies).
Replays apply_acls() and authenticate() of res_pjsip/pjsip_distributor.c, and ast_apply_acl() of main/acl.c.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket, canonical, find_deciding, source
from pjsipdiag.asterisk.config import Acl, Config, Endpoint
from pjsipdiag.asterisk.pjsip.message import Request
from pjsipdiag.asterisk.pjsip.uri import PjSipUri
from pjsipdiag.asterisk.reasons.reason import Reason, quote_words
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.verdict import Check, Match, Outcome
from pjsipdiag.sip import Address

OF_SOURCE = WalkReason.SOURCE()


def admit(request: Request, where_from: SourceSocket, endpoint: Endpoint, config: Config) -> Iterator[Check]:
    """The checks that an identified request meets; the one with a `result` is the last."""
    denied = denial(endpoint.acl, where_from, config) or contact_denial(endpoint.contact_acl, request, config)
    if denied is not None:
        match, reason = denied
        contact = " Contact" if reason.get("what") != OF_SOURCE else ""
        log = f"Not match Endpoint{contact} ACL"
        unknown = match is Match.UNKNOWN
        yield Check(
            "admission",
            match,
            WalkReason.LOGGED(why=reason, log=log) if not unknown else reason,
            endpoint.where,
            endpoint=endpoint.name,
            result=None if unknown else Outcome.ACL_DENIED,
            status=0 if unknown else 401,
        )
        if not unknown:
            return
    yield _authentication(request, endpoint, config)


def denial(acl: Acl, where_from: SourceSocket, config: Config, what: Reason = OF_SOURCE) -> tuple[Match, Reason] | None:
    """Why the access list refuses the source, or None: the unnamed rules and each named ACL must all allow it."""
    if acl.missing:
        return Match.NO_MATCH, WalkReason.MISSING_ACL(what=what, name=acl.missing[0])
    for name in ("", *acl.names):
        rule = find_deciding(config.named_acls.get(name, ()) if name else acl.rules, where_from)
        if rule is not None and rule.deny:
            of = f" of acl {name}" if name else ""
            network = canonical(rule).removeprefix("!")
            return Match.NO_MATCH, WalkReason.DENIED_BY_RULE(what=what, rule=rule, network=network, of=of)
    return (Match.UNKNOWN, quote_words(acl.why_partial)) if acl.why_partial else None


def contact_denial(acl: Acl, request: Request, config: Config) -> tuple[Match, Reason] | None:
    """Why the access list refuses a host of the Contact headers, or None (apply_contact_acl,
    apply_endpoint_contact_acl).

    A host name stands for all its addresses, and for none where it does not resolve; one whose addresses are not
    given leaves open what no other Contact decides.
    """
    if not _denies(acl, config):
        return None
    # One Contact that is denied decides, whatever another leaves open: so all are asked before anything is unknown.
    untold = ""
    for contact in request.contacts:
        uri = contact.address.uri if contact.address else None
        if not isinstance(uri, PjSipUri):
            continue
        addresses = _contact_addresses(uri.host, config)
        if addresses is None:
            untold = untold or uri.host
        for address in addresses or ():
            refused = denial(acl, source(Address(address, 0)), config, WalkReason.CONTACT_HOST(host=uri.host))
            if refused and refused[0] is not Match.UNKNOWN:
                return refused
        untold = untold or acl.why_partial
    if untold and untold == acl.why_partial:
        return Match.UNKNOWN, quote_words(untold)
    if untold:
        return Match.UNKNOWN, WalkReason.CONTACT_NOT_RESOLVED(host=untold)
    return None


def _denies(acl: Acl, config: Config) -> bool:
    """Whether the access list refuses any address at all."""
    lists = (acl.rules, *(config.named_acls.get(name, ()) for name in acl.names))
    return bool(acl.missing or acl.why_partial) or any(rule.deny for rules in lists for rule in rules)


def _contact_addresses(host: str, config: Config) -> Sequence[str] | None:
    """The addresses of a Contact's host, none where it does not resolve, None where the names at hand cannot tell."""
    try:
        return (str(ipaddress.ip_address(host.strip("[]").split("%")[0])),)
    except ValueError:
        if host.endswith(".invalid"):
            return ()
        return config.addresses_of(host) if config.addresses_of else None


def missing_auths(endpoint: Endpoint, config: Config) -> list[str]:
    """The auth sections that an endpoint names and that are nowhere."""
    return [name for name in endpoint.auth if name not in config.auths] if "auth" not in config.elsewhere else []


def _authentication(request: Request, endpoint: Endpoint, config: Config) -> Check:
    """ast_sip_requires_authentication(), digest_check_auth()."""
    where = endpoint.line_of("auth")
    if request.method == "ACK":
        return Check("admission", Match.MATCH, WalkReason.ACK(), endpoint=endpoint.name)
    if request.method == "OPTIONS" and endpoint.allow_unauthenticated_options:
        return Check("admission", Match.MATCH, WalkReason.FREE_OPTIONS(), endpoint=endpoint.name)
    if not endpoint.auth:
        return Check("admission", Match.MATCH, WalkReason.NO_AUTH(), endpoint=endpoint.name)
    missing = missing_auths(endpoint, config)
    if missing:
        reason = WalkReason.AUTH_IS_MISSING(name=missing[0])
        return Check(
            "admission",
            Match.NO_MATCH,
            reason,
            where,
            endpoint=endpoint.name,
            result=Outcome.CHALLENGED,
            status=500,
        )
    names = ",".join(endpoint.auth)
    reason = (
        WalkReason.CREDENTIALS_CAME(names=names)
        if request.headers_named("Authorization")
        else WalkReason.CHALLENGE(names=names)
    )
    return Check(
        "admission", Match.NO_MATCH, reason, where, endpoint=endpoint.name, result=Outcome.CHALLENGED, status=401
    )
