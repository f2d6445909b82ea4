"""Every finding says what to do, and how that is loaded: its rule did, or its suggestions do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.edits.place import custom_file
from pjsipdiag.diagnosis.model import Finding, Suggestion
from pjsipdiag.diagnosis.repairs.load_commands import load_advice

WITHOUT_ADVICE = "look at the lines it names, and at `pjsip set logger on` while a call comes"
ADVISED_TYPES = {
    "challenged-by-auth": "endpoint",
    "denied-by-acl": "acl",
    "dialplan-rejected": "dialplan",
    "media-rejected": "endpoint",
    "refused-otherwise": "endpoint",
    "registration-refused": "registration",
    "request-refused": "endpoint",
    "keepalive-refused": "identify",
    "unmatched-source": "identify",
    "telephone-taken": "identify",
    "identified-by-user": "identify",
    "overlapping-identifies": "identify",
    "unreachable-identifier": "global",
    "anonymous-accepted": "endpoint",
    "open-door": "endpoint",
    "not-loaded": "identify",
    "endpoint-missing": "identify",
    "port-mismatch": "identify",
    "hostname-mismatch": "identify",
    "registration-only": "identify",
    "wrong-transport": "transport",
    "file-rejected": "identify",
}
"""Rule -> the type of what its advice has changed; other rules are not about files, or not about one kind."""


def complete(
    config: Config, findings: Iterable[Finding], likely: Sequence[Suggestion], unconfirmed: Sequence[Suggestion]
) -> tuple[Finding, ...]:
    """The findings, each with its advice and how that is loaded."""
    return tuple(_complete(config, finding, likely, unconfirmed) for finding in findings)


def _complete(
    config: Config, finding: Finding, likely: Sequence[Suggestion], unconfirmed: Sequence[Suggestion]
) -> Finding:
    kind = "dialplan" if "dialplan reload" in finding.advice else ADVISED_TYPES.get(finding.rule, "")
    if kind == "dialplan" and finding.advice.startswith("set context="):
        kind = "endpoint"
    claimed = "; ".join(_added(config, finding, unconfirmed))
    asked = f"ask the provider whether the address is its own, and only then {claimed}" if claimed else WITHOUT_ADVICE
    return replace(
        finding,
        advice=finding.advice or "; ".join(_added(config, finding, likely)) or asked,
        loading=load_advice(config, finding, kind) if kind else finding.loading,
    )


def _added(config: Config, finding: Finding, suggestions: Sequence[Suggestion]) -> Iterable[str]:
    """The lines that repair it: of suggestions that are about its addresses."""
    wanted = set(finding.sources)
    for one in suggestions:
        if one.add and wanted.intersection(one.addresses):
            # The place for own lines beside FreePBX's files, or none: what FreePBX writes is changed on its page.
            by_page = one.note and one.file == custom_file(config)
            yield one.note if by_page else f"add {' and '.join(one.add)} to [{one.section}] in {one.file}"
