"""Contexts that endpoints name and that the dialplan lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from difflib import get_close_matches

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.dialplan.contexts import NO_CONTEXTS
from pjsipdiag.asterisk.dialplan.extensions_conf import EXTENSIONS_FILE
from pjsipdiag.diagnosis.edits.place import dialplan_file, is_generated
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import enumerated

MOST_ENDPOINTS = 8


def missing_contexts(config: Config) -> Iterator[Finding]:
    """One finding for each context that is nowhere, of the endpoints that an identify or a password is for: others are
    no door that anybody meant to open."""
    dialplan = config.dialplan()
    if dialplan is None:
        return
    used = {identify.endpoint for identify in config.identifies}
    found: dict[str, list[Endpoint]] = defaultdict(list)
    for name, endpoint in config.endpoints.items():
        if (endpoint.auth or name in used) and endpoint.option("context") and dialplan.lacks(endpoint.context):
            found[endpoint.context].append(endpoint)
    for context, endpoints in found.items():
        who = "endpoint " + enumerated([f"'{endpoint.name}'" for endpoint in endpoints], MOST_ENDPOINTS)
        meant = get_close_matches(context, dialplan.contexts, 1, 0.8)
        places = tuple(endpoint.line_of("context") for endpoint in endpoints)
        is_of_settings = context.lower() in NO_CONTEXTS
        write = f", or write [{context}] into {dialplan_file(config)}, then `dialplan reload`"
        at = places[0].file
        by_page = f" on the page of the program that writes {at}" if is_generated(config, at) else ""
        yield Finding(
            Severity.NOTE,
            f"{EXTENSIONS_FILE} has no context '{context}' ({who}): calls into it are answered 404"
            + (", and none can be made, for a section of that name is for settings" if is_of_settings else ""),
            places[0],
            evidence=tuple(f"there is a context '{one}' ({dialplan.contexts[one].where})" for one in meant),
            advice=f"{f'Name another context{by_page}' if is_of_settings else f'Correct context={by_page}{write}'}.",
            places=places if places[1:] else (),
        )
