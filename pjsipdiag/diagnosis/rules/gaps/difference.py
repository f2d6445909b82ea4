"""Answers that do not follow from the files: Asterisk ran something else than they say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.releases import REPRESENTATIVES
from pjsipdiag.asterisk.replay.arrival import check_listening
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import IDENTIFIER_NAMES, Match, Outcome
from pjsipdiag.diagnosis.edits.text_changes import apply_edits, line_at
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.model import Edit, Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, clock, counted, finding_for, listed, sources
from pjsipdiag.diagnosis.rules.gaps.stores import stores as stores_of
from pjsipdiag.diagnosis.rules.tried_identifies import tried_identifies
from pjsipdiag.diagnosis.situation import CallGroup, Situation

NONCE = re.compile(r'nonce="\d{9,11}/[0-9a-f]{32}"')
"""build_nonce() of res_pjsip_authenticator_digest.c: the time and a hash."""
MOST_GROUPS_ASKED = 100
"""Groups of calls with one cause of which the first ones are asked for all."""
MOST_LINES_TOLD = 20
"""Lines that decide otherwise than Asterisk did which are told one by one; more of them have one cause."""
BLANK_ADDRESSES = ("", "0.0.0.0", "::")
"""In place of the PBX's own address in Asterisk's log, which does not tell it."""
PAST_IDENTIFICATION = frozenset({100, 180, 181, 182, 183, 404, 480, 484, 486, 487, 488, 603, *range(200, 300)})
"""Answers that only a request with an endpoint gets from Asterisk."""
_PAST_PARSING, _CHALLENGES, _NONE = PAST_IDENTIFICATION | {401}, frozenset({401, 407}), frozenset[int]()


@lru_cache(maxsize=8192)
def contradicts(group: CallGroup) -> Mapping[int, int]:
    """The answers, by status, that Asterisk cannot have given if it ran these files."""
    verdict, statuses = group.verdict, group.statuses
    if verdict.outcome is Outcome.ACCEPTED:
        wrong = _CHALLENGES
    elif verdict.outcome in (Outcome.NO_MATCH, Outcome.ACL_DENIED):
        wrong = PAST_IDENTIFICATION
    elif verdict.outcome is Outcome.CHALLENGED:
        wrong = _NONE if group.challenged or group.credentialed else PAST_IDENTIFICATION
    elif verdict.outcome is Outcome.NOT_IDENTIFIED and not verdict.status:
        wrong = _PAST_PARSING
    else:
        wrong = _NONE
    found = {status: count for status, count in statuses.items() if status in wrong and count}
    if verdict.outcome in (Outcome.NO_MATCH, Outcome.ACL_DENIED):
        # new_invite (res_pjsip_session.c) sends 100 only once endpoint, credentials and extension are settled
        found |= {status: count for status, count in group.tried.items() if status not in (401, 407) and count}
    return found


def is_a_copy(situation: Situation) -> bool:
    """Whether the capture shows Asterisk running what files without some of their includes, or of their mappings of
    tables, cannot give: what is missing was not copied, and the rest counts. Only answers that the PBX is seen to give
    show that, for others may write some under its address; all calls together do where nobody acknowledged any."""
    config = situation.config
    lacks = config.missing_files or any(
        absent.module == "res_pjsip" and absent.is_fatal for absent in config.absent_modules
    )
    doubted = [group for group in situation.groups if contradicts(group)] if lacks else []
    told = [one for group in doubted if (one := situation.find_shown(group)) is not None]
    # Contradictions that the PBX itself is seen to give decide. Without any, one forged answer must not make a whole
    # copy doubtful: then all groups have to contradict.
    if told or not doubted:
        return any(contradicts(one.group) for one in told)
    return len(doubted) == len(situation.groups)


def of_difference(situation: Situation, group: CallGroup) -> Cause | None:
    """The line that decides in the files, for calls whose answer says that another one did; nameless among many."""
    if not contradicts(group) or is_split(situation, group) or group.source in situation.replaced_sources:
        return None
    expected = group.calls - sum(contradicts(group).values())
    if group.verdict.outcome is Outcome.NO_MATCH and expected > 0 and is_likely(situation, group):
        return None  # answers as predicted are there: others, which anybody can forge, do not outweigh them
    outcome = group.verdict.outcome
    if len(_deciding_lines(situation)) > MOST_LINES_TOLD:
        return Cause("", None, outcome)
    return Cause(group.verdict.identify or group.verdict.endpoint, _decides(situation, group), outcome)


def prediction_differs(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    total = sum(sum(contradicts(group).values()) for group in groups)
    shown = sorted({status for group in groups for status in contradicts(group)})
    place = f" ({_line(situation, cause)}{cause.where})" if cause.where else ""
    by, whom = (f"by [{cause.name}]{place} ", f" {cause.name}") if cause.name else ("", "")
    files_say = {
        Outcome.ACCEPTED: f"{by}the files let the calls in",
        Outcome.CHALLENGED: f"the files ask{whom} for credentials{place}",
        Outcome.NO_MATCH: "the files have nothing that takes the calls",
        Outcome.ACL_DENIED: f"the files deny them{place}",
    }.get(Outcome(cause.detail), _nobody_listens(situation, groups[0]))
    answered = f"{_who(situation, groups)} answered {listed([str(code) for code in shown])}"
    changed = _loaded_meanwhile(situation, cause, groups)
    why = [changed] if changed else hypotheses(situation, cause, groups)
    evidence = [*_unnamed(situation, groups), *_log_lines(situation, groups), *why]
    if cause.where is None:  # one of many, or none
        lines = dict.fromkeys(str(where) for group in groups if (where := _decides(situation, group)))
        evidence += [f"lines that decide: {listed([*lines])}"] if lines else []
    return finding_for(
        groups,
        Severity.ERROR,
        f"{listed(sources(groups))}: {files_say}, but {answered}"
        f" ({counted(total, 'call')}): it ran something else than these files",
        cause.where,
        *evidence,
        count=total,
        advice="nothing is left to load, it seems: see that it stays so (`pjsip show identifies`)"
        if changed
        else "compare `pjsip show identifies` and `pjsip show endpoints` with the files, then `pjsip reload`"
        " (transports: restart)",
    )


def _loaded_meanwhile(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> str:
    """A sentence where all calls went otherwise up to a time, and as the files say from then on; else empty."""
    if cause.detail != Outcome.ACCEPTED or len(sources(groups)) > MOST_GROUPS_ASKED:
        return ""
    rows = [row for source in sources(groups) for row in situation.acknowledged_calls(source)]
    wrong = [row.time for row in rows if row.observed_status in _CHALLENGES]
    right = [row.time for row in rows if row.observed_status in PAST_IDENTIFICATION]
    if not right or len(wrong) < sum(sum(contradicts(group).values()) for group in groups) or max(wrong) > min(right):
        return ""
    last, first = clock(max(wrong)), clock(min(right))
    return (
        f"likely: loaded meanwhile: the last of these calls came at {last}, and from {first} UTC on Asterisk answers as"
        " the files say: they were changed and loaded in between"
    )


def _who(situation: Situation, groups: Sequence[CallGroup]) -> str:
    """Asterisk, where something shows that it answered, else the address that did."""
    places = dict.fromkeys(place for group in groups for place in group.destinations)
    return "Asterisk" if is_shown(situation, groups) else listed([*places])


def _unnamed(situation: Situation, groups: Sequence[CallGroup]) -> Iterable[str]:
    if not is_shown(situation, groups):
        yield (
            "nothing in the answers says that Asterisk gave them: a proxy, another server or a test tool at that"
            " address would explain them as well (`ss -lnptu` on the machine)"
        )


def is_shown(situation: Situation, groups: Sequence[CallGroup]) -> bool:
    """Whether it is seen that Asterisk answers: it names itself, its nonce has its form, or its own log tells of it."""
    if situation.capture_version or any(_log_lines(situation, groups)):
        return True
    name = situation.config.globals.value("user_agent")
    for place in dict.fromkeys(place for group in groups for place in group.destinations):
        if ip_of(place) in BLANK_ADDRESSES:
            return True  # the own side is blank in Asterisk's own log only
        answer = situation.greetings.get(place)
        named = (answer.header("Server") or answer.header("User-Agent")) if answer else ""
        challenges = answer.values("WWW-Authenticate") if answer else ()
        if named and (named == name or "asterisk" in named.lower() or named.startswith("FPBX")):
            return True
        if any(NONCE.search(value) for value in challenges):
            return True
    return False


_DECIDING = ("endpoint", "identify", "auth", "acl", "global")
"""Types of objects that decide what becomes of a call."""
_EXPIRE = "`sorcery memory cache expire res_pjsip/identify`, then call again"


def hypotheses(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[str]:
    """The possible explanations of the difference, the best supported first, each with what speaks for or against
    it."""
    # Each cause of a difference is weighed by what would be different if it were the one: a name by the address that it
    # has now, a missing reload by a replay without the lines, another release by a replay under it.
    likely, possible, unlikely = [], [], []
    rules = [rule for group in groups[:MOST_GROUPS_ASKED] for _, rule in find_taking(situation, group)]
    named = next((rule for rule in rules if rule.host), None)
    accepted = cause.detail == Outcome.ACCEPTED
    unread = (one for held in stores_of(situation.config) for one in held)
    stores = dict.fromkeys((one.type, one.store) for one in unread if one.type in _DECIDING)
    likely += [f"elsewhere: {kind} objects come (also) from {store}" for kind, store in stores]
    if named:
        likely.append(
            f"DNS changed: {named.host} ({named.where}) means this source here, and may have meant others when"
            " Asterisk loaded (or it has SRV records: with srv_lookups=yes their targets count, not its own address)"
        )
    elif accepted and not stores and _explained(situation, groups):
        line = cause.where.phrase if cause.where else ""
        alone = line and len(_deciding_lines(situation)) == 1
        likely.append(
            f"not reloaded: without {line if alone else 'the lines that decide such calls'} the replay gives what the"
            f" capture shows; {'the line was' if alone else 'they were'} probably written after Asterisk last loaded"
        )
    else:
        possible.append("not reloaded: a line that decides these calls was changed after Asterisk last loaded")
    tables = list(dict.fromkeys(one.mapped.table for one in situation.config.stored_tables if one.type in _DECIDING))
    if tables:
        possible.append(f"other rows: {listed(tables)} may have been changed between these calls and now")
    for problem in situation.config.warnings:
        if problem.why.kind is FileReason.CACHE_HOLDS_ALL:
            likely.append(f"cache: Asterisk may go by older rows than the table has now ({problem.where}): {_EXPIRE}")
    possible.append("another file: Asterisk reads another directory than this one (`core show settings`)")
    agreeing = _releases(situation, groups)
    named_release = situation.capture_version
    if named_release and situation.config.version in (named_release, named_release.replace("/", "-")):
        unlikely.append(f"another version: the capture itself names Asterisk {named_release}, which was replayed")
    elif named_release:
        replayed = f"{situation.config.version} was replayed"
        possible.append(f"another version: the capture itself names Asterisk {named_release}, and {replayed}")
    elif agreeing:
        likely.append(f"another version: Asterisk {listed(agreeing)} does with these files what the capture shows")
    else:
        unlikely.append("another version: no other release would do with these files what the capture shows")
    yield from (f"likely: {text}" for text in likely)
    yield from (f"possible: {text}" for text in possible)
    yield from (f"ruled out: {text}" for text in unlikely)


def is_split(situation: Situation, group: CallGroup) -> bool:
    """Whether a text of Asterisk, which has no own address, shows one source both identified and refused, and the
    files do not tell one from the other: one address was put in the place of several."""
    if not any(ip_of(place) in BLANK_ADDRESSES for place in group.destinations):
        return False
    alike = groups_of(situation, group.source)
    statuses = {status for one in alike for status in one.statuses}
    return 401 in statuses and not PAST_IDENTIFICATION.isdisjoint(statuses) and any(map(contradicts, alike))


def _nobody_listens(situation: Situation, group: CallGroup) -> str:
    destination = group.sample.destination
    if check_listening(group.transport, destination, situation.config):
        if destination.ip in BLANK_ADDRESSES:
            return f"the files have no {group.transport.lower()} transport"
        return f"no transport of the files listens on {destination} (a NAT or port forwarding may stand in between)"
    return "by the files the requests are refused unread"


def _decides(situation: Situation, group: CallGroup) -> Where | None:
    """The line by which the files decide."""
    trace = group.verdict.trace
    found = (c.where for c in trace if c.match is Match.MATCH and c.step in IDENTIFIER_NAMES)
    refused = (c.where for c in reversed(trace) if c.result is not None)
    where = next(found if group.verdict.outcome is Outcome.ACCEPTED else refused, None)
    for identify, rule in find_taking(situation, group) if group.verdict.identify else ():
        if identify.name == group.verdict.identify:
            where = rule.where
    return where


@lru_cache(maxsize=2)
def _deciding_lines(situation: Situation) -> dict[Where, bool]:
    """The lines that decide otherwise than Asterisk did, and whether they let calls in."""
    found: dict[Where, bool] = {}
    for group in situation.groups:
        where = _decides(situation, group) if contradicts(group) else None
        if where is not None:
            found[where] = found.get(where, False) or group.verdict.outcome is Outcome.ACCEPTED
    return found


def _explained(situation: Situation, groups: Sequence[CallGroup]) -> bool:
    """Whether the files without the lines that let such calls in would have refused them, as Asterisk did."""
    replay = _without(situation)
    return replay is not None and all(not replay.verdict(group.sample).endpoint for group in groups[:MOST_GROUPS_ASKED])


@lru_cache(maxsize=2)
def _without(situation: Situation) -> Replay | None:
    """The configuration without these lines; None where that cannot be loaded."""
    letting = (where for where, accepts in _deciding_lines(situation).items() if accepts)
    edits = [
        Edit(where.file, where.line, (line,), ()) for where in letting if (line := line_at(situation.config, where))
    ]
    if situation.reload is None or not edits:
        return None
    return Replay(situation.reload(apply_edits(situation.config, edits), ""))


def _releases(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """The releases under which none of the answers contradicts."""
    some, replays = groups[:MOST_GROUPS_ASKED], _under_other_releases(situation)
    return [release for release, replay in replays if not any(_still(replay, group) for group in some)]


@lru_cache(maxsize=2)
def _under_other_releases(situation: Situation) -> list[tuple[str, Replay]]:
    """Replays of the files under other releases, if it may have been one of them."""
    reload = situation.reload
    if reload is None or situation.capture_version or not situation.version_assumed:
        return []
    return [(name, Replay(reload({}, name))) for name in REPRESENTATIVES if name != situation.config.version]


def _still(replay: Replay, group: CallGroup) -> bool:
    verdict = replay.verdict(group.sample)
    refused = any(status in (401, 407) for status in contradicts(group))
    return (verdict.outcome is Outcome.ACCEPTED) if refused else (verdict.outcome is not Outcome.ACCEPTED)


def _line(situation: Situation, cause: Cause) -> str:
    """The text of the address rule that decides in the files."""
    rules = (rule for identify in situation.config.identifies for rule in identify.rules if rule.where == cause.where)
    return next((f"match={rule.text}, " for rule in rules), "")


def _log_lines(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    wanted = set(sources(groups))
    tried = [line for line in tried_identifies(situation, groups) if "does not match" not in line]
    lines = [line for lines in situation.log_lines.values() for line in lines]
    told = (line for line in lines if any(f"'{ip}:" in line or f":{ip}:" in line or f"[{ip}]" in line for ip in wanted))
    return [f"Asterisk's log: {line}" for line in [*tried, *told]][:2]
