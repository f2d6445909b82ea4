"""Requests outside of calls that the PBX refused: registrations, keep-alives, subscriptions, messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.calls.heads import has_tag
from pjsipdiag.diagnosis.calls.rows import CHALLENGES, NO_SUCH_CALL
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, counted, listed
from pjsipdiag.diagnosis.rules.doors.telephones import registered_in_vain
from pjsipdiag.diagnosis.rules.hints import nearest_misses, reasons
from pjsipdiag.diagnosis.rules.methods import credential_check, unidentified
from pjsipdiag.diagnosis.rules.methods.explanations import EXPLANATIONS, UNKNOWN_TAG, RefusalReason, explain_unhandled
from pjsipdiag.diagnosis.rules.methods.refused_requests import (
    AS_IT_SHOULD,
    Refusal,
    is_attack,
    part_crowds,
    refusals,
    say_requests,
    tell_crowd,
)
from pjsipdiag.diagnosis.rules.refusals.otherwise import SEE_THE_LOG, is_maintenance
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import METHODS

KEEP_ALIVES = ("OPTIONS",)
"""Requests with which providers ask whether the PBX is alive."""
DEAD = "no call of it is in the capture: a provider whose keep-alive is refused may take the PBX for dead and send none"
UNHANDLED = (405, 501)


def keepalive_refused(situation: Situation) -> Iterable[Finding]:
    """Keep-alives of somebody who may send calls that were refused."""
    told, crowds = part_crowds(situation, _keepalives(situation))
    for refusal in told:
        yield _keepalive(situation, refusal)
    for crowd in crowds:
        yield tell_crowd(crowd, _keepalive(situation, crowd.first))


def request_refused(situation: Situation) -> Iterable[Finding]:
    """Registrations and other requests that were refused."""
    found = []
    for refusal in refusals(situation):
        in_vain = not refusal.exchange.successes
        if in_vain and registered_in_vain(situation, refusal.requests[0], refusal.verdict):
            continue  # told with the rule that takes it
        if refusal.method not in KEEP_ALIVES or is_attack(refusal):
            found.append(refusal)
    told, crowds = part_crowds(situation, found)
    for refusal in told:
        yield _request(situation, refusal)
    for crowd in crowds:
        yield tell_crowd(crowd, _request(situation, crowd.first))


def unmatched_keepalives(situation: Situation) -> Iterator[tuple[str, CallGroup]]:
    """(endpoint that it may belong to, group) of sources whose keep-alives nobody takes, and who made no call."""
    others = (*unidentified.CORRECTED, unidentified.NEVER_ADDED)
    for refusal in _keepalives_without_calls(situation):
        group = refusal.exchange.group
        owners = best(situation, group) if group and refusal.verdict.outcome is Outcome.NO_MATCH else ()
        blamed = unidentified.blamed_rule(situation, refusal) if len(owners) == 1 else None
        if group and len(owners) == 1 and (blamed is None or blamed.rule not in others):
            yield owners[0].endpoint, group


def blamed_keepalives(situation: Situation) -> Mapping[tuple[str, Cause], Sequence[CallGroup]]:
    """(rule, cause) -> keep-alives that a line of the files keeps out, of sources who made no call."""
    found: dict[tuple[str, Cause], list[CallGroup]] = defaultdict(list)
    for refusal in _keepalives_without_calls(situation):
        blamed = unidentified.blamed_rule(situation, refusal)
        if blamed and blamed.rule in unidentified.CORRECTED:
            found[blamed.rule.name, blamed.cause].append(blamed.group)
    return found


def _keepalives(situation: Situation) -> list[Refusal]:
    return [one for one in refusals(situation) if one.method in KEEP_ALIVES and not is_attack(one)]


def _keepalives_without_calls(situation: Situation) -> list[Refusal]:
    callers = {group.source for group in situation.groups}
    return [one for one in _keepalives(situation) if one.exchange.client not in callers]


def _keepalive(situation: Situation, refusal: Refusal) -> Finding:
    client = refusal.exchange.client
    why = _why(situation, refusal)
    calls = bool(groups_of(situation, client))
    group = refusal.exchange.group
    unknown = why is UNKNOWN_TAG
    known = bool(refusal.verdict.endpoint or why.where or (group and best(situation, group)))
    return Finding(
        _weigh(is_note=unknown and not (calls or known), is_warning=calls or not known),
        f"{say_requests([refusal.method], client, refusal.times)} answered {refusal.status}"
        f" ({_share(refusal)}): {why.text}",
        where=why.where,
        sources=(client,),
        evidence=(
            *([] if calls or unknown else [DEAD]),
            *why.evidence,
            *_hints(situation, refusal, why),
        ),
        advice=why.advice,
        changes=why.changes,
    )


def _request(situation: Situation, refusal: Refusal) -> Finding:
    client = refusal.exchange.client
    names = f" for {listed(refusal.senders)}" if refusal.senders else ""
    attack, why = is_attack(refusal), _why(situation, refusal)
    stranger = refusal.verdict.outcome is Outcome.NO_MATCH and why.where is None
    unknown = why is UNKNOWN_TAG
    as_it_should = AS_IT_SHOULD if attack else ""
    return Finding(
        _weigh(is_note=attack or (stranger and unknown), is_warning=stranger or unknown),
        f"{say_requests([refusal.method], f'{client}{names}', refusal.times)} refused with {refusal.status}"
        f" ({_share(refusal)}){as_it_should}: {why.text}",
        where=why.where,
        sources=(client,),
        evidence=(*why.evidence, *_hints(situation, refusal, why), *_logins(situation, refusal)[0]),
        advice="block it where packets enter, or let fail2ban do so" if attack else why.advice,
        changes="" if attack else why.changes,
    )


def _weigh(*, is_note: bool, is_warning: bool) -> Severity:
    if is_note:
        return Severity.NOTE
    return Severity.WARNING if is_warning else Severity.ERROR


def _share(refusal: Refusal) -> str:
    """How many of all requests were refused; of what has only its answers in the capture, how often."""
    total = refusal.exchange.requests
    if total < refusal.times:
        return counted(refusal.times, "time")
    return f"{refusal.times:,} of {counted(total, 'request')}"


def _why(situation: Situation, refusal: Refusal) -> RefusalReason:
    """The reason for a refusal: from before an endpoint was found to what the method's own module answers."""
    verdict, status, config = refusal.verdict, refusal.status, situation.config
    endpoint = config.endpoints.get(verdict.endpoint)
    answers = refusal.exchange.answers.get(status, ())
    # From outside to inside, as Asterisk asks: maintenance, identification, access lists, credentials, the method's
    # module. The first that can have refused is the reason.
    if any(map(is_maintenance, answers)):
        return RefusalReason(
            "the endpoint is in maintenance mode", None, "`pjsip set maintenance off` ends it, or wait"
        )
    if status == NO_SUCH_CALL and _may_be_inside(refusal):
        return UNKNOWN_TAG
    if verdict.outcome is Outcome.NO_MATCH:
        return unidentified.find_why(situation, refusal) or _unmatched(situation, refusal)
    if verdict.outcome is Outcome.UNKNOWN:
        return RefusalReason(
            "the files cannot tell which endpoint it belongs to", None, "`pjsip show identifies` tells"
        )
    if verdict.outcome is Outcome.NOT_IDENTIFIED and verdict.status not in (status, 403):
        return RefusalReason(
            "the files say that it is not looked at, and the answer says otherwise",
            None,
            SEE_THE_LOG,
        )
    if verdict.outcome in (Outcome.ACL_DENIED, Outcome.NOT_IDENTIFIED):
        check = next(check for check in verdict.trace if check.result is not None)
        if verdict.outcome is Outcome.NOT_IDENTIFIED and verdict.status != 403:
            return RefusalReason(
                check.reason, check.where, "have the sender corrected: it is refused before anybody is looked for"
            )
        return RefusalReason(check.reason, check.where, "permit the source in that access list, if it may come in")
    if endpoint is None:
        return RefusalReason("refused by something else", None, SEE_THE_LOG)
    if status in CHALLENGES and not endpoint.auth:
        return RefusalReason(
            f"the files let it in as {endpoint.name}: Asterisk ran something else than they say",
            endpoint.where,
            "compare `pjsip show endpoints` and `pjsip show identifies` with the files, then `pjsip reload`",
        )
    if status in CHALLENGES:
        return _challenged(situation, refusal, endpoint)
    explain = EXPLANATIONS.get((refusal.method, status))
    if explain:
        return explain(config, endpoint, refusal.requests[0])
    if status in UNHANDLED:
        return explain_unhandled(refusal.method, status)
    return RefusalReason(
        f"identified as {endpoint.name}, then refused by something else; the files do not explain this answer",
        endpoint.where,
        SEE_THE_LOG,
    )


def _may_be_inside(refusal: Refusal) -> bool:
    """Whether nothing shows that the refused requests have no To tag; REGISTER has no part in dialogs."""
    ids = {answer.call_id for answer in refusal.exchange.answers.get(refusal.status, ())}
    untagged = {one.call_id for one in refusal.exchange.samples if not has_tag(one.header("To").encode())}
    return refusal.method != "REGISTER" and untagged.isdisjoint(ids)


def _unmatched(situation: Situation, refusal: Refusal) -> RefusalReason:
    names = refusal.senders
    if refusal.method != "REGISTER":
        # Another word may be anything: what stands between backticks is run by whoever pastes it into a shell.
        lists = f"; --method {refusal.method} lists such requests" if refusal.method in METHODS else ""
        return RefusalReason(
            "the source is in no match= of any identify, and no other identifier takes it",
            None,
            f"if that is your provider, add match={refusal.exchange.client} to its identify (the provider can confirm"
            f" the address){_own(names)}{lists}",
        )
    if by_login := _named_in_login(situation, refusal):
        return by_login
    known = [name for user in names for name in get_close_matches(user, situation.config.endpoints, 2, 0.7)]
    alike = f"; alike: {listed(list(dict.fromkeys(known)))}" if known else ""
    return RefusalReason(
        f"no endpoint is named {listed(names) or 'as it registers'}, and no other identifier takes it{alike}",
        None,
        "have the telephone log in as an endpoint of the files, or write endpoint, AOR and auth of that name",
    )


def _named_in_login(situation: Situation, refusal: Refusal) -> RefusalReason | None:
    """The endpoint that the credentials of a telephone name, and its From does not."""
    known = situation.config.endpoints
    endpoint = next((known[user] for user in credential_check.users(refusal.requests) if user in known), None)
    if endpoint is None or "auth_username" in endpoint.identify_by:
        return None
    methods = ",".join((*endpoint.identify_by, "auth_username"))
    other = f"; or write identify_by={methods} into [{endpoint.name}]" if endpoint.auth else ""
    return RefusalReason(
        f"no endpoint is named {listed(refusal.senders) or 'as it registers'}; its credentials name endpoint"
        f" {endpoint.name}, which identify_by={','.join(endpoint.identify_by)} does not let them find",
        endpoint.line_of("identify_by") or endpoint.where,
        f"set the SIP user of the telephone to {endpoint.name}, beside its login name{other}",
    )


def _own(names: Sequence[str]) -> str:
    return (
        f"; if it is a telephone, have it log in as an endpoint of the files (it calls itself {listed(names)})"
        if names
        else ""
    )


def _challenged(situation: Situation, refusal: Refusal, endpoint: Endpoint) -> RefusalReason:
    where = endpoint.line_of("auth")
    auth = f"auth={listed(endpoint.auth)} ({where}) of endpoint {endpoint.name}"
    if refusal.exchange.proven:
        sentences, advice = _logins(situation, refusal)
        return RefusalReason(
            f"the credentials did not satisfy {auth}: {sentences[0] if sentences else 'unread'}", where, advice
        )
    if refusal.method == "OPTIONS":
        return RefusalReason(
            f"{auth} asks OPTIONS for credentials as well, and none came",
            where,
            f"set allow_unauthenticated_options=yes in [{endpoint.name}], or leave auth= out of a trunk",
        )
    return RefusalReason(
        f"{auth} asks for credentials, and none came after the challenge",
        where,
        credential_check.SET_LOGIN,
    )


def _logins(situation: Situation, refusal: Refusal) -> tuple[list[str], str]:
    endpoint = situation.config.endpoints.get(refusal.verdict.endpoint)
    if endpoint is None or refusal.status not in CHALLENGES:
        return [], ""
    return credential_check.compare(refusal.requests, endpoint, situation.config)


def _hints(situation: Situation, refusal: Refusal, why: RefusalReason) -> Iterator[str]:
    group: CallGroup | None = refusal.exchange.group
    may_belong = refusal.verdict.outcome is Outcome.NO_MATCH and why.where is None and why is not UNKNOWN_TAG
    if group is not None and may_belong:
        if refusal.method != "REGISTER":
            yield from _few(nearest_misses(situation, [group]))
            yield from _few(reasons(situation, [group]))
        yield from unidentified.alike_names(situation, refusal)
    agents = list(dict.fromkeys(one.header("User-Agent") for one in refusal.requests if one.header("User-Agent")))
    if agents:
        yield f"User-Agent: {listed([repr(agent[:80]) for agent in agents])}"
    counts = ", ".join(f"{status} ({count})" for status, count in refusal.exchange.statuses.items())
    yield f"answers to its {refusal.method}: {counts}"


def _few(texts: Sequence[str]) -> Sequence[str]:
    return texts[:3]
