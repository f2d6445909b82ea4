"""RULES: every cause that a diagnosis can name, and `find`, which names those that a situation shows.

Each group of calls is blamed on one cause: BLAMES is asked from top to bottom and the first rule that takes the blame
keeps it. So a cause stands above what follows from it, and one mistake is one finding however many calls it costs.

    another       something else than PJSIP answers
    network       before identification: silence, nobody listens, unreadable messages, translated sources
    loading       what is in the files and not in memory
    unmatched     nobody takes the source; hints says what speaks for an owner
    order         another identifier or identify takes it
    doors         calls through doors that were not meant for them
    admission     the right endpoint asks for credentials or denies
    refused, otherwise    identified, and refused later
    methods       requests outside of calls; credentials: what is wrong with those that came
    told          what only Asterisk's sentences tell
    scanning, no_calls    scanners; captures without a call, and connections that cannot be read
    difference            files that are not what ran
    cause         what calls are blamed on

A rule is a function in its family's module, a row here, a page in pages/ and a case in fixtures/diagnosis.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from pjsipdiag.diagnosis.check import CONFIG_RULES, ON_CONFIG
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Rule
from pjsipdiag.diagnosis.rules import (
    admission,
    another,
    difference,
    loading,
    network,
    no_calls,
    order,
    otherwise,
    refused,
    scanning,
    told,
    unmatched,
)
from pjsipdiag.diagnosis.rules.cause import Cause, Takes, Tells
from pjsipdiag.diagnosis.rules.doors import strangers, telephones
from pjsipdiag.diagnosis.rules.methods import received, sent
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.diagnosis.space.expect import EXPECTATION


def _unmatched_source(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    """With what speaks against it: a scanner that uses the address."""
    finding = unmatched.unmatched_source(situation, cause, groups)
    return replace(finding, evidence=(*scanning.borrowed(situation, groups), *finding.evidence))


BLAMES: dict[str, tuple[Takes, Tells | None]] = {
    "file-rejected": (loading.of_rejected_file, None),
    "module-not-loaded": (loading.of_absent_module, loading.module_not_loaded),
    "answered-by-another": (another.of_another, another.answered_by_another),
    "wrong-transport": (network.of_transport, network.wrong_transport),
    "dropped-by-parser": (network.of_parser, network.dropped_by_parser),
    "prediction-differs": (difference.of_difference, difference.prediction_differs),
    "telephone-taken": (telephones.of_telephone, telephones.telephone_taken),
    "translated-source": (network.of_translation, network.translated_source),
    "scanner": (scanning.of_scanner, scanning.scanner),
    "denied-by-acl": (admission.of_acl, admission.denied_by_acl),
    "not-loaded": (loading.of_dropped, loading.not_loaded),
    "endpoint-missing": (loading.of_missing_endpoint, loading.endpoint_missing),
    "port-mismatch": (unmatched.of_port, unmatched.port_mismatch),
    "registration-only": (unmatched.of_registration, unmatched.registration_only),
    "hostname-mismatch": (unmatched.of_hostname, unmatched.hostname_mismatch),
    "unreachable-identifier": (order.of_unreachable, order.unreachable_identifier),
    "identified-by-user": (order.of_user, order.identified_by_user),
    "overlapping-identifies": (order.of_overlap, order.overlapping_identifies),
    "anonymous-accepted": (order.of_anonymous, order.anonymous_accepted),
    "challenged-by-auth": (admission.of_challenge, admission.challenged_by_auth),
    "in-maintenance": (otherwise.of_maintenance, otherwise.maintenance),
    "media-rejected": (refused.of_media, refused.media_rejected),
    "dialplan-rejected": (refused.of_dialplan, refused.dialplan_rejected),
    "unmatched-source": (unmatched.of_address, _unmatched_source),
    "refused-otherwise": (otherwise.of_other, otherwise.refused_otherwise),
}
"""Rule name -> (whether it takes the blame for a group, the finding for what it took), causes before consequences."""


@lru_cache(maxsize=4)
def blamed(situation: Situation) -> dict[str, dict[Cause, list[CallGroup]]]:
    """The groups of calls by the rule, and there by the cause, that takes the blame; healthy groups are left out."""
    found: dict[str, dict[Cause, list[CallGroup]]] = defaultdict(lambda: defaultdict(list))
    for group in situation.groups:
        for name, (takes, _) in BLAMES.items():
            cause = takes(situation, group)
            if cause is not None:
                found[name][cause].append(group)
                break
    return found


def _told(name: str, situation: Situation) -> Iterable[Finding]:
    tells = BLAMES[name][1]
    if tells is not None:
        for cause, groups in blamed(situation)[name].items():
            yield tells(situation, cause, groups)


def _scanners(situation: Situation) -> Iterable[Finding]:
    """Those that are to blame, and those that an open door lets in: for them the door is to blame."""
    yield from _told("scanner", situation)
    for groups in blamed(situation)["anonymous-accepted"].values():
        found = [group for group in groups if scanning.scans(situation, group)]
        if found:
            yield scanning.scanner(situation, Cause(), found)
    yield from scanning.crowd(situation)


def _otherwise(situation: Situation) -> Iterable[Finding]:
    """Those that are to blame, and other refusals of groups that another rule explains in part."""
    yield from _told("refused-otherwise", situation)
    rest: dict[Cause, list[CallGroup]] = defaultdict(list)
    for name, statuses in (("media-rejected", refused.MEDIA), ("dialplan-rejected", refused.DIALPLAN)):
        for groups in blamed(situation)[name].values():
            for group in groups:
                cause = otherwise.left_over(situation, group, statuses)
                if cause is not None:
                    rest[cause].append(group)
    for cause, groups in rest.items():
        yield otherwise.refused_otherwise(situation, cause, groups)


def _telephones(situation: Situation) -> Iterable[Finding]:
    """By their calls, and by their registrations."""
    yield from _told("telephone-taken", situation)
    yield from telephones.registrations_taken(situation)


def _row(
    name: str, severity: Severity, summary: str, on_calls: Callable[[Situation], Iterable[Finding]] | None = None
) -> Rule:
    return Rule(name, severity, summary, on_calls or partial(_told, name), ON_CONFIG.get(name))


CALL_RULES: tuple[Rule, ...] = (
    _row(
        "incomplete-copy",
        Severity.ERROR,
        "files that others include are missing in the copy at hand",
        lambda situation: ON_CONFIG["incomplete-copy"](situation.config),
    ),
    _row("telephone-taken", Severity.ERROR, "a trunk's rule takes the call of a telephone", _telephones),
    _row(
        "registration-refused",
        Severity.ERROR,
        "the PBX's own registration is refused or unanswered, so that no call comes",
        sent.registration_refused,
    ),
    _row("keepalive-refused", Severity.ERROR, "a provider's OPTIONS are refused", received.keepalive_refused),
    _row(
        "request-refused",
        Severity.ERROR,
        "registrations or other requests outside of calls are refused",
        received.request_refused,
    ),
    _row("no-invite", Severity.ERROR, "the capture holds no inbound INVITE", no_calls.no_invite),
    _row("file-rejected", Severity.ERROR, "a whole file is rejected, so nothing in it loads", loading.file_rejected),
    _row("module-not-loaded", Severity.ERROR, "a module is not loaded, and what it would do is not done"),
    _row(
        "table-not-read",
        Severity.WARNING,
        "objects stand in a database that was not given, so verdicts that hang on them are unknown",
        lambda situation: ON_CONFIG["table-not-read"](situation.config),
    ),
    _row(
        "program-not-run",
        Severity.WARNING,
        "a program writes objects while Asterisk loads, so verdicts that hang on them are unknown",
        lambda situation: ON_CONFIG["program-not-run"](situation.config),
    ),
    _row("answered-by-another", Severity.ERROR, "something else than PJSIP answers where the calls go"),
    _row(
        "loaded-otherwise",
        Severity.WARNING,
        "the running Asterisk holds an object otherwise than the files have it",
        lambda situation: ON_CONFIG["loaded-otherwise"](situation.config),
    ),
    _row("wrong-transport", Severity.ERROR, "calls arrive on a transport, family or port where nothing listens"),
    _row("no-answer", Severity.ERROR, "INVITEs stay without any answer", network.no_answer),
    _row("dropped-by-parser", Severity.ERROR, "Asterisk cannot parse the request"),
    _row("prediction-differs", Severity.ERROR, "Asterisk did something else than these files say"),
    _row("not-loaded", Severity.ERROR, "an object is in the file, but Asterisk drops it"),
    _row("endpoint-missing", Severity.ERROR, "an identify points to an endpoint that does not exist"),
    _row("port-mismatch", Severity.ERROR, "the address fits, the source port does not"),
    _row("registration-only", Severity.ERROR, "reachable by the line token of a registration only"),
    _row("hostname-mismatch", Severity.ERROR, "a name in match= does not resolve to the source"),
    _row("denied-by-acl", Severity.ERROR, "an access list denies the source"),
    _row(
        "unreachable-identifier", Severity.ERROR, "an identifier is never asked, because another takes the call first"
    ),
    _row("identified-by-user", Severity.ERROR, "the From user takes the call instead of the address"),
    _row("overlapping-identifies", Severity.ERROR, "several identifies fit, and another wins than the most specific"),
    _row("challenged-by-auth", Severity.ERROR, "the right endpoint asks for credentials that the caller does not send"),
    _row("translated-source", Severity.ERROR, "the source is a NAT, Docker or proxy address that stands for others"),
    _row("unmatched-source", Severity.ERROR, "no identifier takes the source"),
    _row("anonymous-accepted", Severity.ERROR, "strangers reach the dialplan"),
    _row(
        "open-door",
        Severity.WARNING,
        "strangers get in without a password, by what they say of themselves",
        strangers.tried,
    ),
    _row("media-rejected", Severity.ERROR, "identified and let in, then refused over codecs or encryption"),
    _row("dialplan-rejected", Severity.ERROR, "identified and let in, then refused by the dialplan"),
    _row("in-maintenance", Severity.ERROR, "the endpoint is in maintenance mode"),
    _row("refused-otherwise", Severity.ERROR, "identified, then refused by something else than these", _otherwise),
    _row("scanner", Severity.WARNING, "unsolicited traffic that looks for open accounts", _scanners),
    _row("encrypted", Severity.WARNING, "TLS connections that cannot be read", no_calls.encrypted),
)
"""The rules that look at calls, in the order in which their causes should be dealt with."""

RULES: tuple[Rule, ...] = (*CALL_RULES, *CONFIG_RULES, EXPECTATION)
"""Every rule there is: those that look at calls, then those that look at a configuration alone; the last is
asked for with --expect."""


def find(situation: Situation) -> tuple[Finding, ...]:
    """What is wrong, ordered by what to do first: errors, warnings, notes; causes before consequences."""
    found = [finding for rule in CALL_RULES if rule.on_calls for finding in rule.on_calls(situation)]
    found = [*told.told(situation), *found]
    found = _merged(found)
    if not any(finding.severity is Severity.ERROR for finding in found):
        alone = (f.rule == "scanner" and f.severity is Severity.WARNING for f in found)
        found = [replace(f, severity=Severity.ERROR) if is_it else f for f, is_it in zip(found, alone, strict=True)]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one rule and weight about one line are one: the later ones become consequences of the first."""
    kept: dict[object, Finding] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.where or finding.message)
        first = kept.get(key)
        kept[key] = finding if first is None else _with_consequence(first, finding)
    return list(kept.values())


def _with_consequence(cause: Finding, finding: Finding) -> Finding:
    same = finding.rule == cause.rule
    return replace(
        cause,
        sources=tuple(dict.fromkeys((*cause.sources, *finding.sources))),
        calls=cause.calls + (finding.calls if same else 0),
        consequences=(*cause.consequences, finding.message, *finding.consequences),
    )


__all__ = ["BLAMES", "CALL_RULES", "RULES", "blamed", "find"]
