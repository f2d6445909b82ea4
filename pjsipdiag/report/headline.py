"""The verdict in one sentence: the headline names the problem."""

from __future__ import annotations

from pjsipdiag.diagnosis.model import Finding, Report, Severity
from pjsipdiag.report.wording import plural, severities


def headline(report: Report) -> str:
    """The verdict in one sentence, behind another where a part of a text could not be read."""
    unread = sum(capture.changed for capture in report.captures)
    read = sum(capture.sip_messages for capture in report.captures)
    said = _headline(report)
    if not unread or not read:
        return said
    verb, all_ = "was" if unread == 1 else "were", plural(unread + read, "message")
    return f"{unread:,} of {all_} {verb} changed and cannot be judged; this is about the rest. {said}"


def _headline(report: Report) -> str:
    if not report.captures:
        return _findings_only(report)
    # The order is what a person must know first: nothing to judge and why, a cause that explains all calls, sources
    # without a match, other failures. Each branch may only say what the ones before it have ruled out.
    sources = report.callers
    calls = len(report.calls)
    unmatched = len(report.unmatched)
    telling = next(filter(_tells, report.findings), None)
    if not calls and not report.filter_text and telling:
        first, _ = _in_short(telling.message)
        return f"{severities(report.findings)} found, without any INVITE to replay. First: {first}."
    if not calls and any(capture.unread for capture in report.captures):
        if any(capture.sip_messages for capture in report.captures):
            return "No inbound INVITE was found in what could be read."
        return "Nothing can be judged: what was captured or logged could not be read."
    if not calls and report.filter_text:
        return f"Nothing is left to judge: the filter ({report.filter_text}) leaves no inbound INVITE."
    if not calls:
        meaning = next((_in_short(one.message)[1] for one in report.findings if one.rule == "no-invite"), "")
        return f"No inbound INVITE was found: {meaning or 'there is nothing to match'}."
    problem = _PROBLEMS.get(report.findings[0].rule) if report.findings else None
    if problem and _is_whole(report.findings[0], calls) and report.findings[0].severity is Severity.ERROR:
        return problem.format(calls=plural(report.findings[0].calls, "call"))
    other = report.failed_calls - report.failed_unmatched
    more = f" {plural(other, 'call')} failed for other causes." if other else ""
    strangers = max(unmatched - report.attackers, 0)
    if unmatched and (report.failed_unmatched or strangers):
        verb = "is" if unmatched == 1 else "are"
        failed = (
            f"{report.failed_unmatched:,} of {plural(calls, 'call')} failed for that reason"
            if report.failed_unmatched
            else "no call failed for that reason"
        )
        leading = report.findings[0] if report.findings else None
        partly = leading and leading.rule == "incomplete-copy" and leading.severity is Severity.ERROR
        as_far = ", as far as an incomplete copy of the files tells" if partly else ""
        return f"{unmatched:,} of {plural(sources, 'source')} {verb} not matched{as_far}: {failed}.{more}"
    if report.failed_calls:
        verb = "was" if report.failed_calls == 1 else "were"
        unknown = any(source.calls and source.verdict == "unknown" for source in report.sources)
        match = "whether a match is missing, what is at hand does not tell" if unknown else "no match is missing"
        return f"{report.failed_calls:,} of {plural(calls, 'call')} {verb} refused or failed; {match}."
    if unmatched:
        return f"Nobody who belongs here was refused: {plural(unmatched, 'source')} looked for accounts, in vain."
    return _without_failure(report)


def _is_whole(first: Finding, calls: int) -> bool:
    """Whether the first finding says what the calls came to: of a file that is rejected all do, or some load."""
    return {"file-rejected": first.calls == calls, "incomplete-copy": first.calls > 0}.get(first.rule, True)


def _in_short(sentence: str) -> tuple[str, str]:
    """The statement of a sentence and its meaning, both without the explanation behind them."""
    said, _, meaning = sentence.partition("; ")
    return said.partition(": ")[0], meaning.partition(": ")[0]


def _tells(finding: Finding) -> bool:
    """Whether a finding is about more than what is not there: an error, or requests that were refused."""
    weight = finding.severity is Severity.ERROR or (
        finding.severity is Severity.WARNING
        and finding.rule in ("request-refused", "keepalive-refused", "own-request-refused", "no-answer")
    )
    return weight and (finding.rule != "no-invite" or finding.calls > 0)


_PROBLEMS = {
    "prediction-differs": "Asterisk ran something else than these files: {calls} went otherwise.",
    "answered-by-another": "Something else than PJSIP answers: {calls} never reached it.",
    "file-rejected": "The configuration does not load: a whole file is rejected.",
    "incomplete-copy": "The copy of the configuration is incomplete: it does not explain what became of {calls}.",
    "in-maintenance": "An endpoint is in maintenance mode: {calls} refused.",
}
"""Rules that, where they come first, are the headline."""


def _without_failure(report: Report) -> str:
    """The headline where no call failed."""
    sources, calls = report.callers, len(report.calls)
    unknown = sum(1 for source in report.sources if source.calls and source.verdict == "unknown")
    if unknown:
        return f"{unknown:,} of {plural(sources, 'source')} cannot be decided from what is at hand."
    refused = sum(1 for source in report.sources if source.calls and source.verdict == "unmatched")
    if refused:
        verb = "is" if refused == 1 else "are"
        return f"{refused:,} of {plural(sources, 'source')} {verb} refused before any endpoint is looked for."
    subject = "The only source is" if sources == 1 else f"All {sources:,} sources are"
    problems = sum(finding.severity is not Severity.NOTE for finding in report.findings)
    rest = f", but {plural(problems, 'other problem was', 'other problems were')} found." if problems else "."
    return f"{subject} matched ({plural(calls, 'call')}){rest}"


def _findings_only(report: Report) -> str:
    found = severities(report.findings)
    if not found:
        return "Nothing wrong was found in the configuration."
    return f"{found} in the configuration."
