"""Transports that endpoints name and that are not loaded, before any call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from difflib import get_close_matches

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.replay.session import find_missing_transport
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import enumerated
from pjsipdiag.diagnosis.rules.refusals.absent_contexts import MOST_ENDPOINTS


def missing_transports(config: Config) -> Iterator[Finding]:
    """One finding for each name, for all endpoints that have it."""
    found: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in config.endpoints.values():
        if find_missing_transport(endpoint, config):
            found[endpoint.transport].append(endpoint)
    for name, endpoints in found.items():
        who = "endpoint " + enumerated([f"'{endpoint.name}'" for endpoint in endpoints], MOST_ENDPOINTS)
        dropped = next((one for one in config.dropped if one.type == "transport" and one.name == name), None)
        meant = get_close_matches(name, list(config.transports), 1, 0.75)
        places = tuple(endpoint.line_of("transport") for endpoint in endpoints)
        yield Finding(
            Severity.ERROR,
            f"transport '{name}' {'does not load' if dropped else 'does not exist'} ({who}): every INVITE from there is"
            " answered 500",
            places[0],
            evidence=(
                *([f"not loaded: {dropped.reason} ({dropped.where})"] if dropped else []),
                *(f"there is a transport '{one}' ({config.transports[one].where})" for one in meant),
                f"Asterisk logs with each call: Unable to retrieve PJSIP transport '{name}'",
            ),
            advice=f"{f'Correct [{name}]' if dropped else 'Name a transport that is loaded'}, or leave transport= out:"
            " calls that come in need none.",
            places=places if places[1:] else (),
        )
