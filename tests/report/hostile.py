"""A report in which every text that can come from a packet or a file is what the test says."""

from __future__ import annotations

from dataclasses import replace

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.reasons.reason import quote_words
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.asterisk.verdict import Check, Match, Outcome, Verdict
from pjsipdiag.diagnosis.model import Door, DoorState, Edit, Finding, Report, Severity, Suggestion
from pjsipdiag.diagnosis.traffic import CallRow, CaptureSummary, SourceRow
from tests.report.build import NOON, report


def hostile(text: str) -> Report:
    """Every field that packets, files or names of files can fill is `text`."""
    where = Where(text, 3, text)
    unmatched = Verdict(
        (
            Check("ip", Match.NO_MATCH, quote_words(text), where, text, text),
            Check("admission", Match.NO_MATCH, quote_words(text), result=Outcome.NO_MATCH, status=401),
        )
    )
    matched = Verdict((Check("ip", Match.MATCH, quote_words(text), where, text, text),))
    calls = tuple(
        CallRow(
            text, NOON + at, f"203.0.113.{at}:5060", text, text, text, verdict, 401, text, 1, text, text, 1,
            ((NOON, ">", text), (NOON + 5, "<", text)),
        )
        for at, verdict in enumerate((unmatched, matched))
    )  # fmt: skip
    return replace(
        report(),
        asterisk_version=text,
        asterisk_reason=text,
        captures=(CaptureSummary(text, 1, 1, 1, {text: 1}, text, (text,)),),
        sources=(
            SourceRow("203.0.113.0", 1, 1, "unmatched", text, text, text, {text: 1}, (text,), {text: 1}),
            SourceRow("203.0.113.1", 1, 1, "matched", text, text, text, {"200": 1}, (text, text), {text: 1}),
        ),
        calls=calls,
        doors=(Door(text, text, text, (text,), text, False, text, DoorState.OPEN, where),),
        unmatched=("203.0.113.0",),
        findings=(Finding(Severity.ERROR, text, where, ("203.0.113.0",), 1, (text,), (text,), text, rule=text),),
        suggestions=(
            Suggestion(
                text, 3, text, text, (text,), (Edit(text, 3, (text,), (text,)),), 1, 1, (text,), ("203.0.113.0",), text
            ),
        ),
        pbx=(text,),
        pbx_reason=text,
        notes=(text,),
        config=Config(
            text, text, sections=(Section(text, Where(text, 2, text), (Variable(text, text, where),)),)
        ),
    )  # fmt: skip
