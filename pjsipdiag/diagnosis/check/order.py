"""endpoint_identifier_order: names that Asterisk does not know, and identifiers that never get their turn."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import Config, Identify, Where
from pjsipdiag.asterisk.loading.modules import IDENTIFIERS
from pjsipdiag.asterisk.verdict import IDENTIFIER_NAMES
from pjsipdiag.diagnosis.model import Finding, Severity


def unknown_names(config: Config) -> Iterator[Finding]:
    """Blanks and unknown names in the order: the list is split on commas and nothing is trimmed."""
    where = _order_where(config)
    missing = {step for one in config.absent for step in IDENTIFIERS.get(one.module, ())}
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
            "identifier-order",
            Severity.WARNING,
            f"endpoint_identifier_order ({where}): {reason}",
            where,
            advice="Write the names with commas and without blanks: " + ",".join(n.strip() for n in _known(config)),
        )


def _known(config: Config) -> list[str]:
    names = config.globals.endpoint_identifier_order.split(",")
    return [name.strip() for name in names if name.strip() in config.identifiers]


def _order_where(config: Config) -> Where:
    option = config.globals.option("endpoint_identifier_order")
    return option.where if option else config.globals.where


def unreachable(config: Config) -> Iterator[Finding]:
    """match_header and match_request_uri that an endpoint named anonymous, or the release, never lets through."""
    for identify in config.identifies:
        for step, value in (("header", identify.match_header), ("request_uri", identify.match_request_uri)):
            if value:
                yield from _unreachable(config, identify, step)


def _unreachable(config: Config, identify: Identify, step: str) -> Iterator[Finding]:
    option = "match_header" if step == "header" else "match_request_uri"
    variable = identify.option(option)
    where = variable.where if variable else identify.where
    if step not in config.identifiers:
        yield Finding(
            "unreachable-identifier",
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
            "unreachable-identifier",
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
