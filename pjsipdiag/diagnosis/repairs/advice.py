"""Every finding says what to do, and how that is loaded: its rule did, or its suggestions do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.edits.place import custom_file
from pjsipdiag.diagnosis.model import Finding, Suggestion
from pjsipdiag.diagnosis.repairs.load_commands import load_advice
from pjsipdiag.diagnosis.rules.table import TABLE

WITHOUT_ADVICE = "look at the lines it names, and at `pjsip set logger on` while a call comes"
_CHANGES = {rule.name: rule.changes for rule in TABLE}


def complete(
    config: Config, findings: Iterable[Finding], likely: Sequence[Suggestion], unconfirmed: Sequence[Suggestion]
) -> tuple[Finding, ...]:
    """The findings, each with its advice and how that is loaded."""
    return tuple(_complete(config, finding, likely, unconfirmed) for finding in findings)


def _complete(
    config: Config, finding: Finding, likely: Sequence[Suggestion], unconfirmed: Sequence[Suggestion]
) -> Finding:
    kind = finding.changes or _CHANGES.get(finding.rule, "")
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
