"""Sources that something replaces on the way, as the PBX's answers tell (`calls.pbx.translated`)."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import finding_for
from pjsipdiag.diagnosis.situation import CallGroup, Situation

REPLACED = "answered elsewhere"


def tell(situation: Situation, source: str, groups: Sequence[CallGroup]) -> Finding:
    seen = situation.replaced_sources[source]
    failed = any(status == 0 or status >= 300 for group in groups for status in group.statuses)
    return finding_for(
        groups,
        Severity.ERROR if failed else Severity.WARNING,
        f"{source} is not the source that Asterisk sees: it answers these calls to {seen}, so something in between"
        " replaces the source",
        None,
        f"what the files do with {source} is not what Asterisk did: it looked for {seen}",
        f"a match= line for {seen} would let in everybody who comes through it",
        advice="keep the source address (router: no masquerading of inbound SIP), then match the real addresses; record"
        " on the PBX itself to see what it gets",
    )
