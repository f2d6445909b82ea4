"""Endpoints that identification reaches by surprise, or reaches in vain."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import Config, Endpoint, Where
from pjsipdiag.diagnosis.model import Finding, Severity


def dangling(config: Config) -> Iterator[Finding]:
    """Identifies whose endpoint does not exist or did not load."""
    dropped = {drop.name: drop for drop in config.dropped if drop.type == "endpoint"}
    for identify in config.identifies:
        if identify.endpoint in config.endpoints:
            continue
        drop = dropped.get(identify.endpoint)
        why = f"did not load: {drop.reason} ({drop.where})" if drop else "does not exist"
        unsure = Severity.NOTE if "endpoint" in config.elsewhere else Severity.ERROR
        yield Finding(
            "endpoint-missing",
            unsure,
            f"identify '{identify.name}' names endpoint '{identify.endpoint}', which {why}: a call that it matches is "
            "not matched by any other identify",
            _line(identify.option("endpoint"), identify.where),
            evidence=("endpoints may also come from a database or a program, which the files cannot tell",)
            if "endpoint" in config.elsewhere
            else (),
            advice="Correct the name, or repair the endpoint.",
        )


def _line(variable: object, fallback: Where) -> Where:
    where = getattr(variable, "where", None)
    return where if isinstance(where, Where) else fallback


def extension_names(config: Config) -> Iterator[Finding]:
    """Endpoints named like an extension that a caller's number can equal, while `username` is asked before `ip`."""
    order = config.identifiers
    if "username" not in order or "ip" not in order or order.index("ip") < order.index("username"):
        return
    trunks = {identify.endpoint for identify in config.identifies}
    named = [
        endpoint
        for name, endpoint in sorted(config.endpoints.items())
        if name.isdigit() and "username" in endpoint.identify_by and name not in trunks
    ]
    if named and trunks:
        names = ", ".join(endpoint.name for endpoint in named[:5]) + (", ..." if len(named) > 5 else "")
        yield Finding(
            "extension-takes-call",
            Severity.WARNING,
            f"username is asked before ip: a trunk call whose From user is {names} is taken for that extension",
            named[0].where,
            advice="Set endpoint_identifier_order=ip,username,anonymous.",
        )


def trunk_auth(config: Config) -> Iterator[Finding]:
    """Endpoints that an identify names and that challenge inbound calls."""
    for identify in config.identifies:
        endpoint = config.endpoints.get(identify.endpoint)
        if endpoint and endpoint.auth:
            by = "address" if identify.rules or identify.unresolved else "what they say"
            yield Finding(
                "challenged-by-auth",
                Severity.WARNING,
                f"endpoint '{endpoint.name}' has auth={','.join(endpoint.auth)} and identify '{identify.name}' sends "
                f"calls to it by {by}: Asterisk challenges every inbound call (401), and providers rarely answer",
                _line(endpoint.option("auth"), endpoint.where),
                advice="For a trunk use outbound_auth= and leave auth= out.",
            )


def anonymous(config: Config) -> Iterator[Finding]:
    """An endpoint that takes calls from everybody into the dialplan."""
    for name, endpoint in sorted(config.endpoints.items()):
        if name == "anonymous" or name.startswith("anonymous@"):
            yield from _anonymous(config, endpoint)


def _anonymous(config: Config, endpoint: Endpoint) -> Iterator[Finding]:
    if "anonymous" in config.identifiers and not endpoint.auth:
        yield Finding(
            "anonymous-accepted",
            Severity.WARNING,
            f"endpoint '{endpoint.name}' ({endpoint.where}) takes every call that nothing else identifies into context "
            f"'{endpoint.context}', without a password",
            endpoint.where,
            advice="Remove it unless strangers are meant to reach that context; then let the context do nothing that "
            "costs money.",
        )


def missing_acls(config: Config) -> Iterator[Finding]:
    """Named access lists that do not exist: they deny everything."""
    for endpoint in config.endpoints.values():
        for acl in (endpoint.acl, endpoint.contact_acl):
            for name in acl.missing:
                yield Finding(
                    "acl-missing",
                    Severity.ERROR,
                    f"endpoint '{endpoint.name}' names acl '{name}', which acl.conf does not define: every call to it "
                    "is denied",
                    _line(endpoint.option("acl"), endpoint.where),
                    advice="Define it in acl.conf, or take it out.",
                )
