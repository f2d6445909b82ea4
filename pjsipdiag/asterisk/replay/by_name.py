"""The identifiers that look for an endpoint of a certain name: `username`, `auth_username`, `anonymous`, `line`."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.pjsip.uri import PjSipUri, TelUri, Uri
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.replay.prepared import ArrivedRequest, PreparedConfig, c_string
from pjsipdiag.asterisk.verdict import Check, Match

TOKEN_LENGTH = 7
"""Lower-case letters of a `line` token (LINE_PARAMETER_SIZE, ast_generate_random_string)."""


def username(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_user.c: username_identify()."""
    uri = arrived.request.from_.address.uri
    if not isinstance(uri, PjSipUri):
        yield Check("username", Match.NO_MATCH, WalkReason.FROM_WITHOUT_USER(scheme=uri.scheme))
        return
    user = c_string(uri.user)
    if known.config.globals.ignore_uri_user_options:
        user = user.split(";", 1)[0]
    yield from _alias(known, "username", user, c_string(uri.host))
    yield _find_named(known, arrived, "username", user, c_string(uri.host))


def auth_username(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_user.c: auth_username_identify()."""
    for credentials in arrived.request.authorizations:
        user, realm = (c_string(credentials.values.get(name, "")) for name in ("username", "realm"))
        yield from _alias(known, "auth_username", user, realm)
        yield _find_named(known, arrived, "auth_username", user, realm)


def anonymous(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_anonymous.c: anonymous_identify()."""
    uri = arrived.request.from_.address.uri
    if not isinstance(uri, PjSipUri):
        yield Check("anonymous", Match.NO_MATCH, WalkReason.FROM_WITHOUT_HOST(scheme=uri.scheme))
        return
    yield from _alias(known, "anonymous", "anonymous", c_string(uri.host))
    tried = list(known.names(arrived.domain, "anonymous", c_string(uri.host)))
    endpoint = known.endpoint(tried)
    if endpoint is None:
        which = "anonymous" if arrived.is_terse else " or ".join(tried)
        yield Check("anonymous", Match.NO_MATCH, WalkReason.NO_ANONYMOUS(names=which))
    else:
        reason = WalkReason.TAKES_EVERY_REQUEST(endpoint=endpoint.name)
        yield Check("anonymous", Match.MATCH, reason, endpoint.where, "", endpoint.name)


def line(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_outbound_registration.c: line_identify()."""
    token = _line_token(arrived.request.to.address.uri)
    if token is None:
        token = _line_token(arrived.request.uri)
    if token is None:
        return
    registrations = [r for r in known.config.registrations.values() if r.line and r.endpoint]
    registration = next((r for r in registrations if known.tokens.get(r.name) == token), None)
    shown = "line" if arrived.is_terse else f"line={token}"
    if registration is not None:
        reason = WalkReason.LINE_TOKEN(line=shown, registration=registration.name)
        endpoint = known.config.endpoints.get(registration.endpoint)
        if endpoint is not None:
            yield Check("line", Match.MATCH, reason, registration.where, registration.name, endpoint.name)
        else:
            reason = WalkReason.TOKEN_WITHOUT_ENDPOINT(why=reason, endpoint=registration.endpoint)
            yield Check("line", Match.NO_MATCH, reason, registration.where, registration.name)
        return
    untold = [r.name for r in registrations if r.name not in known.tokens]
    if untold and len(token) == TOKEN_LENGTH and token.isascii() and token.isalpha() and token.islower():
        reason = WalkReason.PERHAPS_LINE_TOKEN(line=shown, registrations=" or ".join(untold))
        yield Check("line", Match.UNKNOWN, reason)
    else:
        yield Check("line", Match.NO_MATCH, WalkReason.NO_LINE_TOKEN(line=shown))


def _alias(known: PreparedConfig, step: str, user: str, domain: str) -> Iterator[Check]:
    reason = known.untold_alias(user, domain)
    if reason is not None:
        yield Check(step, Match.UNKNOWN, reason)


def _find_named(known: PreparedConfig, arrived: ArrivedRequest, step: str, user: str, domain: str) -> Check:
    what = "From user" if step == "username" else "Authorization username"
    tried = list(known.names(arrived.domain, user, domain))
    endpoint = known.endpoint(tried)
    if endpoint is None:
        alike = known.other_case(tried)
        reason = (
            WalkReason.NOT_NAMED_AFTER(what=what)
            if arrived.is_terse
            else WalkReason.NO_ENDPOINT(what=what, user=user, names=" or ".join(tried))
        )
        return Check(step, Match.NO_MATCH, WalkReason.OTHER_CASE(why=reason, endpoint=alike) if alike else reason)
    if step not in endpoint.identify_by:
        reason = WalkReason.NOT_IDENTIFIED_BY(
            endpoint=endpoint.name, identify_by=",".join(endpoint.identify_by), step=step
        )
        return Check(step, Match.NO_MATCH, reason, endpoint.line_of("identify_by"), "", endpoint.name)
    return Check(
        step,
        Match.MATCH,
        WalkReason.NAMES_ENDPOINT(what=what, endpoint=endpoint.name),
        endpoint.where,
        "",
        endpoint.name,
    )


def _line_token(uri: Uri) -> str | None:
    """get_uri_option_line()."""
    parameters = uri.parameters if isinstance(uri, PjSipUri | TelUri) else []
    return next((value for name, value in parameters if name.lower() == "line"), None)
