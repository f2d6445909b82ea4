"""What is in the files and not in Asterisk's memory: rejected files, dropped objects, endpoints that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pjsipdiag.asterisk.addresses.match import parse_match
from pjsipdiag.asterisk.config import Config, Dropped, Problem, Section, Where
from pjsipdiag.asterisk.loading import modules
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.replay.arrival import unheard
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.check.loading import BRING, is_missing, not_there, other_releases
from pjsipdiag.diagnosis.check.written import unfilled
from pjsipdiag.diagnosis.evidence.lookup import lookup, lost, meant_endpoint, section_at, taking
from pjsipdiag.diagnosis.evidence.signs import best
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, is_silent, listed, sources, who
from pjsipdiag.diagnosis.rules.difference import contradicts
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def of_rejected_file(situation: Situation, group: CallGroup) -> Cause | None:
    rejected = situation.config.rejected if not group.verdict.endpoint else ()
    return Cause(rejected[0].where.file, rejected[0].where) if rejected else None


def file_rejected(situation: Situation) -> Iterable[Finding]:
    """One finding for each file that Asterisk refuses as a whole; with a capture all its calls follow from it."""
    groups = [group for group in situation.groups if not group.verdict.endpoint]
    for problem in situation.config.rejected:
        answered = sum(sum(contradicts(group).values()) for group in groups)
        running = (
            [
                f"{counted(answered, 'call')} of the capture got an answer that these files do not give: Asterisk still"
                " runs what it read before this change"
            ]
            if answered
            else []
        )
        yield Finding(
            "file-rejected",
            Severity.ERROR,
            _rejection(situation.config, problem),
            problem.where,
            sources(groups[:100]),
            calls(groups),
            (
                *not_there(situation.config, problem),
                *(f"Asterisk's log: {line}" for line in problem.log.split("\n") if line),
                *running,
            ),
            advice=BRING if is_missing(situation.config, problem) else f"correct {problem.where.phrase}, then reload",
        )


def _rejection(config: Config, problem: Problem) -> str:
    """A file is rejected as a whole; one that another includes is only read up to the line."""
    where = problem.where
    if problem.why.kind is FileReason.NOTHING_COUNTS:
        return f"Asterisk rejects the whole of {where.file} because of line {where.line}: {problem.reason}"
    message = f"Asterisk reads {where.file} only up to line {where.line}: {problem.reason}; the rest of it is missing"
    later = next((section for section in config.sections if section.name == where.section), None)
    if later and problem.why.kind is FileReason.NOTHING_TO_ADD_TO:
        message += f" ([{later.name}] comes later, at {later.where}: include {where.file} behind it)"
    return message


def of_absent_module(situation: Situation, group: CallGroup) -> Cause | None:
    """The module without which nothing listens; for calls that nothing identifies the first one that would identify."""
    if group.verdict.endpoint and group.verdict.identifier != "anonymous":
        return None
    absent = [one for one in situation.config.absent if one.used]
    ended = next((one for one in absent if one.ends), None)
    if ended is not None:
        return Cause(ended.module, ended.where, ended.reason) if is_silent(group) else None
    identifying = (one for one in absent if one.module in (*modules.IDENTIFIERS, modules.WIZARD))
    found = next(identifying, None)
    return Cause(found.module, found.where, found.reason) if found else None


def module_not_loaded(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    logs = [one.log for one in situation.config.absent if one.where == cause.where]
    lines = [line for log in logs for line in log.split("\n") if line]
    return Finding(
        "module-not-loaded",
        Severity.ERROR,
        f"{cause.detail}; {who(groups, 'is', 'are')} not identified",
        cause.where,
        sources(groups),
        calls(groups),
        (*(f"Asterisk's log: {line}" for line in lines), f"observed answers: {answers(groups)}"),
        advice=f"correct {cause.where}, then restart Asterisk",
    )


def of_dropped(situation: Situation, group: CallGroup) -> Cause | None:
    """The object that Asterisk drops although it would have taken the call."""
    if group.verdict.endpoint and group.verdict.identifier != "anonymous":
        return None
    transport = next((dropped for dropped in situation.config.dropped if dropped.type == "transport"), None)
    if transport and is_silent(group) and unheard(group.transport, group.sample.destination, situation.config):
        return Cause(f"transport {transport.name}", transport.where)
    for identify, _ in taking(situation, group):
        if identify.endpoint not in situation.config.endpoints:
            dropped = _dropped(situation, "endpoint", identify.endpoint)
            return _blame(dropped, identify.name) if dropped else None
    gone = lost(situation, group) or _meant(situation, group) or next(iter(_left_over(situation, group)), None)
    if gone:
        return _blame(gone)
    dropped = next((d for d in situation.config.dropped if d.type == "endpoint" and d.name in group.callers), None)
    return _blame(dropped) if dropped else None


def _blame(gone: Dropped, by: str = "") -> Cause:
    """The object itself; where one name stands twice, that name costs all objects of its type."""
    if gone.why.kind is LoadReason.TWO_OF_ONE_NAME:
        return Cause(f"{gone.type} {gone.why['section']}", gone.where)
    return Cause(f"{gone.type} {gone.name}", gone.where, by)


def _meant(situation: Situation, group: CallGroup) -> Dropped | None:
    """The dropped identify of the endpoint that the source belongs to, where no other identify leads to it.

    One that was dropped over a host name is left to what is said about names.
    """
    config, known = situation.config, lookup(situation)
    owners = best(situation, group)
    if len(owners) != 1 or any(identify.endpoint == owners[0].endpoint for identify in config.identifies):
        return None
    named = [dropped for dropped, _ in known.hosts]
    found = (gone for gone, meant in zip(known.dropped, known.meant, strict=True) if meant == owners[0].endpoint)
    return next((gone for gone in found if gone not in named), None)


def _left_over(situation: Situation, group: CallGroup) -> list[Dropped]:
    """The dropped identifies that may have had the address, where nothing ties its source to anybody: those with a
    value that is no address, or with none at all. Those of a host name are left to what is said about names."""
    if group.verdict.outcome is not Outcome.NO_MATCH or best(situation, group):
        return []
    known = lookup(situation)
    named = [dropped for dropped, _ in known.hosts]
    found = (gone for gone in known.dropped if gone.type == "identify" and gone not in named)
    return [gone for gone in found if _holds_more(section_at(situation.config, gone))]


def _holds_more(section: Section | None) -> bool:
    """Whether lines of an identify stand for addresses that are not to be read in them."""
    values = [v for v in section.variables if v.name.lower() in ("match", "remote_hosts")] if section else []
    parts = [parse_match(part, v.where) for v in values for part in v.value.split(",")]
    return not parts or any(part.refused or part.hosts for part in parts)


def _probably(situation: Situation, dropped: Dropped, groups: Sequence[CallGroup]) -> list[str]:
    """What else speaks for an identify that nothing but its being there ties to the calls."""
    said = []
    others = {other.name: other for group in groups for other in _left_over(situation, group) if other is not dropped}
    said += [f"[{other.name}] ({other.where}) does not load either: {other.reason}" for other in others.values()]
    return [*said, "nothing that loaded ties the callers to an endpoint: ask who calls from there"]


def _as_written(config: Config, dropped: Dropped) -> list[str]:
    """The line where a part of it is named only, and what in it was to be filled in."""
    section = section_at(config, dropped)
    line = next((one for one in section.variables if one.where == dropped.where), None) if section else None
    if line is None:
        return []
    quoted = any(line.value in text for text in dropped.why.texts)
    said = [] if quoted else [f"the line reads {line.name}={line.value[:200]}"]
    return [*said, *unfilled(line.value)]


def not_loaded(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    kind, _, name = cause.name.partition(" ")
    dropped = _dropped(situation, kind, name)
    assert dropped is not None
    assert cause.where is not None
    if dropped.why.kind is LoadReason.TWO_OF_ONE_NAME:
        took = f"{'they' if kind == 'identify' else 'identifies that lead to them'} would take"
    elif kind == "identify" and any(lost(situation, group) for group in groups):
        took = "its match= lines would take"
    elif kind == "endpoint" and any(known is dropped for known in lookup(situation).dropped):
        took = "an endpoint takes no match=, which only an identify has; it names"
    elif kind == "transport":
        took = "nothing else listens for the calls of"
    elif kind == "identify" and any(dropped in _left_over(situation, group) for group in groups):
        meant = meant_endpoint(situation.config, dropped)
        took = f"it is for endpoint {meant or 'unknown'}, and probably what is missing for"
    elif kind == "identify":
        took = f"it is the only identify of endpoint {meant_endpoint(situation.config, dropped)}, which is to take"
    else:
        took = f"identify {cause.detail} takes" if cause.detail else "its name is the From user of"
    return Finding(
        "not-loaded",
        Severity.ERROR,
        f"[{name}] ({kind}) is in {cause.where.file} but Asterisk does not load it because of {_line(cause.where)}:"
        f" {dropped.reason}; {took} {listed(sources(groups))}",
        cause.where,
        sources(groups),
        calls(groups),
        (
            *_as_written(situation.config, dropped),
            f"the section begins at {dropped.section_where}",
            *(_probably(situation, dropped, groups) if "probably" in took else ()),
            *other_releases(dropped.type, dropped.why),
            *([f"Asterisk's log: {line}" for line in dropped.log.split("\n") if line]),
            f"observed answers: {answers(groups)}",
        ),
        advice=f"correct {cause.where.phrase}, then"
        f" {'restart Asterisk' if kind == 'transport' else 'reload'} and look for [{name}] in"
        f" `pjsip show {'identifies' if kind == 'identify' else f'{kind}s'}`",
    )


def _line(where: Where) -> str:
    return str(where) if where.column else f"line {where.line}"


def of_missing_endpoint(situation: Situation, group: CallGroup) -> Cause | None:
    """The identify that matches, and stops the search, although its endpoint does not exist."""
    if group.verdict.identifier in ("ip", "header", "request_uri"):
        return None
    if "endpoint" in situation.config.elsewhere:
        return None
    stopped = [check.identify for check in group.verdict.trace if check.identify and not check.endpoint]
    found = [identify for identify, _ in taking(situation, group)]
    found += [identify for identify in situation.config.identifies if stopped and identify.name in stopped]
    for identify in found:
        if identify.endpoint not in situation.config.endpoints:
            variable = identify.option("endpoint")
            return Cause(identify.name, variable.where if variable else identify.where, identify.endpoint)
    return None


def endpoint_missing(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    close = get_close_matches(cause.detail, list(situation.config.endpoints), n=1, cutoff=0.75)
    meant = f"; [{close[0]}] exists and is spelt alike" if close else ""
    section = namesake(situation.config, cause.detail)
    if section:
        kind = section.first("type")
        said = f"type={kind.value}, which is no endpoint" if kind else "no type="
        meant = f"; [{section.name}] at {section.where} has {said}"
    place = f"{cause.where} in [{cause.name}]" if cause.where else f"[{cause.name}]"
    said = f"endpoint={cause.detail}" if cause.detail else "no endpoint="
    return Finding(
        "endpoint-missing",
        Severity.ERROR,
        f"{who(groups, 'matches', 'match')} [{cause.name}], but its endpoint does not exist: {said} ({place}){meant}",
        cause.where,
        sources(groups),
        calls(groups),
        (
            "the search ends at this identify: no other one is asked",
            *_without(situation, cause, groups),
            f"observed answers: {answers(groups)}",
        ),
        advice=f"give [{section.name}] ({section.where}) type=endpoint"
        if section and section.first("type") is None
        else f"write the name of an existing endpoint {'in' if cause.where.column else 'on'} {_line(cause.where)}"
        if cause.where
        else "",
    )


def _without(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> list[str]:
    """Who would take the calls if the identify were not there."""
    found: dict[str, list[str]] = {}
    for group in groups:
        others = (known for known, _ in taking(situation, group) if known.name != cause.name)
        other = next((known for known in others if known.endpoint in situation.config.endpoints), None)
        if other is not None:
            found.setdefault(f"[{other.name}] ({other.where}) would take %s for endpoint {other.endpoint}", []).append(
                group.source
            )
    return [f"without it, {text % listed(list(dict.fromkeys(ips)))}" for text, ips in found.items()]


def namesake(config: Config, name: str) -> Section | None:
    """The section of that name which may be meant for an endpoint: one without a type before those of other types."""
    found = [section for section in config.sections if section.name == name and not section.template]
    return min(found, key=lambda section: section.first("type") is not None, default=None)


def _dropped(situation: Situation, kind: str, name: str) -> Dropped | None:
    known = lookup(situation).dropped if kind == "identify" else situation.config.dropped
    return next((dropped for dropped in known if (dropped.type, dropped.name) == (kind, name)), None)
