"""The word of the files on a source that only a sentence of the log names, and the advice that would admit it."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.replay.arrival import check_listening
from pjsipdiag.asterisk.verdict import CALLER_IDENTIFIERS, Match, Outcome, Verdict
from pjsipdiag.capture.datagram import LoggedRefusal
from pjsipdiag.capture.source.tcpdump import RECORD
from pjsipdiag.diagnosis.evidence.lookup import dropped_for
from pjsipdiag.diagnosis.evidence.readable_addresses import near_miss
from pjsipdiag.diagnosis.evidence.trunks import prefix
from pjsipdiag.diagnosis.evidence.without_effect import places_without_effect
from pjsipdiag.diagnosis.explain import LOCAL, request
from pjsipdiag.diagnosis.rules.cause import listed
from pjsipdiag.diagnosis.rules.log_refusals.refusal_words import TO_HAVE_THEM, advise, find_words
from pjsipdiag.diagnosis.rules.scanning import MANY_TRIES, guessed_accounts
from pjsipdiag.diagnosis.rules.unloaded.drops import holding_more
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import NOWHERE, Address, parse_uri

PROTOCOLS = ("udp", "tcp", "tls", "wss", "ws")
"""Transports, the likeliest first."""


def look_in_files(
    situation: Situation, refused: LoggedRefusal, rule: str, senders: Sequence[str]
) -> tuple[list[str], str]:
    """Sentences on what the files have for the source, and the advice that would admit it."""
    if not refused.source:
        return [], _advice(refused) or TO_HAVE_THEM
    verdict, evidence = _replayed(situation, refused)
    if rule == "unmatched-source":
        return _admitted(situation, refused, verdict, evidence, senders)
    known_endpoint = situation.config.endpoints.get(refused.endpoint)
    if known_endpoint is not None:
        evidence = [f"the sentence names endpoint {refused.endpoint} ({known_endpoint.where})"]
    elif verdict is not None and not verdict.endpoint and verdict.outcome is not Outcome.UNKNOWN:
        evidence += _why_of_nobody(refused, rule, verdict)
    return evidence, _advice(refused)


def _replayed(situation: Situation, refused: LoggedRefusal) -> tuple[Verdict | None, list[str]]:
    """The verdict of the files on the source, and the sentence that tells it; None where they cannot be asked."""
    here = Address(refused.source, refused.port)
    place = str(here) if refused.port else refused.source
    config = situation.config
    # The log says that it arrived, but seldom by which transport, and never at which socket.
    listening = {transport.protocol for transport in config.listeners}
    protocol = refused.transport.lower() or next((one for one in PROTOCOLS if one in listening), "udp")
    if unheard := check_listening(protocol, NOWHERE, config):
        return None, [f"the files do not say where it arrived: {unheard.reason}"]
    # A SECURITY event names an account in place of a From: an account is no URI that could be replayed.
    sender = refused.sender if "sip" in refused.sender else None
    try:
        asked = request(here, from_=sender, uri=f"sip:100@{LOCAL.ip}", transport=protocol.upper(), destination=NOWHERE)
        verdict = situation.replay(asked)
    except PjsipdiagError:
        return None, []
    replayed = "replayed with address, port and From alone: the files"
    unknown = next(iter(verdict.unknown), None)
    if unknown is not None and verdict.outcome is Outcome.UNKNOWN:
        return verdict, [f"{replayed} do not tell whom they lead {place} to: {unknown.reason}"]
    known = [check for check in verdict.trace if check.match is Match.MATCH and check.endpoint]
    how = f" by {known[0].step} ({known[0].where})" if known and known[0].where else ""
    return verdict, [f"{replayed} lead {place} to {verdict.endpoint or 'no endpoint'}{how}"]


def _admitted(
    situation: Situation, refused: LoggedRefusal, verdict: Verdict | None, evidence: list[str], senders: Sequence[str]
) -> tuple[list[str], str]:
    """The same of a source for which Asterisk found no endpoint."""
    if verdict is None and evidence:
        return (
            evidence,
            f"bring all files that Asterisk reads: with these it could not have received it; {TO_HAVE_THEM}",
        )
    registers = refused.method == "REGISTER"
    if verdict is not None and verdict.outcome is Outcome.UNKNOWN:
        what = "user name with `asterisk -rx 'pjsip show endpoints'`" if registers else ""
        what = what or "address with `asterisk -rx 'pjsip show identifies'`"
        return evidence, f"compare its {what}: the files alone do not tell what Asterisk has; {TO_HAVE_THEM}"
    # One of the names that a scanner tries may be that of an endpoint.
    guesses = registers and len(senders) > 1 and verdict is not None and verdict.identifier in CALLER_IDENTIFIERS
    if verdict is not None and verdict.endpoint and not guesses:
        reload = "the files would take it now: `asterisk -rx 'pjsip reload'`, or another file is read"
        return evidence, f"{reload}; {TO_HAVE_THEM}"
    evidence += places_without_effect(situation.config, refused.source)
    near = [
        (f"{words} ({rule.where}) in [{identify.name}]", identify.name)
        for identify in situation.config.identifies
        for rule in identify.rules
        if (words := near_miss(rule, refused.source))
    ]
    evidence += [words for words, _ in near[:1]]
    if registers:
        return evidence, _advice(refused)
    certain = dropped_for(situation, Address(refused.source, refused.port))
    others = () if near else holding_more(situation, prefix(refused.source))
    if gone := certain or next(iter(others), None):
        evidence.append(f"[{gone.name}] ({gone.type}) does not load because of {gone.where}: {gone.reason}")
        had = "has" if certain else "may have had"
        return evidence, f"correct {gone.where} first, for it {had} this address; {TO_HAVE_THEM}"
    guessed = () if near else guessed_accounts(map(_user, senders))
    if len(guessed) >= MANY_TRIES:
        evidence.append(f"it calls itself {listed(guessed)}: names that scanners try, and the telephones of a PBX have")
    where = f"to [{near[0][1]}]" if near else "to the identify of the trunk it belongs to"
    return (
        evidence,
        f"if you know who calls from there, add match={refused.source} {where} (to be confirmed); {TO_HAVE_THEM}",
    )


def _user(sender: str) -> str:
    """The user that a From names; an event names an account instead."""
    uri = parse_uri(sender)
    return uri.user if uri else sender


def _why_of_nobody(refused: LoggedRefusal, rule: str, verdict: Verdict) -> list[str]:
    """How the sentence goes with files that identify nobody: `type=acl` is asked before identification, credentials are
    held against something in any case, and all others come after an endpoint was found."""
    if find_words(refused.reason).comes_first:
        denying = next((check for check in verdict.trace if check.result is Outcome.NOT_IDENTIFIED), None)
        return [f"{denying.reason} ({denying.where})"] if denying and denying.where else []
    if rule == "challenged-by-auth":
        return ["Asterisk says so, too, of a request for which it found no endpoint: no password satisfies it then"]
    return ["it comes only after an endpoint was found: Asterisk ran something else than these files"]


def _advice(refused: LoggedRefusal) -> str:
    """The advice that helps after that refusal, "" where it depends on the files."""
    words = find_words(refused.reason)
    if helps := advise(words, refused.source):
        # the SIP logger never shows what could not be read
        return (
            f"{helps}; to have the requests themselves: `{RECORD}`"
            if words.is_unreadable
            else f"{helps}; {TO_HAVE_THEM}"
        )
    if refused.method == "REGISTER":
        return f"a telephone registers under a name that is no endpoint here: compare its user name; {TO_HAVE_THEM}"
    return ""
