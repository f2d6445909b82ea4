"""From captures and a configuration to the report: fold, infer the PBX and its release, replay, find, suggest.

Each capture is folded as it streams; which requests the PBX received is decided when all is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Unpack

from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.loading.resolve import Dns
from pjsipdiag.asterisk.realtime.tables import Databases
from pjsipdiag.asterisk.releases import NEWEST
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.capture.reread import note_missing as not_read_again
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis import rules
from pjsipdiag.diagnosis.basis.live_questions import (
    ask,
    callers_hosts,
    open_names,
    open_questions,
    settled_questions,
)
from pjsipdiag.diagnosis.basis.name_sources import load, parse_databases, release_of
from pjsipdiag.diagnosis.basis.replay_basis import Basis, Reload, load_changed, of_running, settle
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.groups import group, regrouping
from pjsipdiag.diagnosis.calls.judge import judge
from pjsipdiag.diagnosis.calls.outside.exchanges import (
    exchanges,
    find_missing_methods,
    other_methods,
    own_registrations,
    row_of,
    tokens,
    unknown_calls,
)
from pjsipdiag.diagnosis.calls.pbx.inference import parse_addresses
from pjsipdiag.diagnosis.calls.pbx.received_at import Arrival
from pjsipdiag.diagnosis.calls.pbx.same_machine import find_proxied
from pjsipdiag.diagnosis.calls.selection import Selection
from pjsipdiag.diagnosis.calls.sources import SourceRows
from pjsipdiag.diagnosis.evidence.offers import offer_of
from pjsipdiag.diagnosis.evidence.owners import nearby
from pjsipdiag.diagnosis.evidence.quoted import quotations
from pjsipdiag.diagnosis.evidence.readable_addresses import show_address, show_ip
from pjsipdiag.diagnosis.model import Finding, Report, Suggestion
from pjsipdiag.diagnosis.notes import notes_on
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.outcome import attackers, failed_calls, note_filters
from pjsipdiag.diagnosis.repairs.advice import complete
from pjsipdiag.diagnosis.repairs.suggest import suggest
from pjsipdiag.diagnosis.rules.gaps.difference import is_a_copy
from pjsipdiag.diagnosis.rules.unfit_names import names_are_dead
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.diagnosis.traffic import CallRow, SourceRow
from pjsipdiag.diagnosis.work.gather import AlreadyRead, BegunReading, GatheredCaptures, begin, summary
from pjsipdiag.diagnosis.work.jobs import share, share_range, slices
from pjsipdiag.diagnosis.work.rereading.acknowledged import AcknowledgedCalls, EndAddresses
from pjsipdiag.diagnosis.work.rereading.lone_answers import lone_answers
from pjsipdiag.diagnosis.work.rereading.second_reading import SecondReading
from pjsipdiag.diagnosis.work.rereading.transcript import transcripts
from pjsipdiag.sip import Address, SipMessage

OnRows = Callable[[Sequence[CallRow], Sequence[SourceRow]], None]


@dataclass(frozen=True, slots=True)
class Observation:
    """The situation that the rules looked at, and the report that came of it."""

    situation: Situation
    report: Report


def diagnose(captures: Sequence[str | Path], config: str | Path | None, **options: Unpack[Options]) -> Report:
    """Why calls in `captures` failed under the configuration at `config`, and which lines would fix them.

    :raises PjsipdiagError: a capture or the configuration cannot be used, or an option makes no sense.
    """
    return observe(captures, config, **options).report


def observe(captures: Sequence[str | Path], config: str | Path | None, **options: Unpack[Options]) -> Observation:
    """Diagnoses, and keeps the situation that the rules looked at for further questions."""
    with begin(captures, options) as begun:
        return conclude(begun, config, options)


def conclude(
    begun: BegunReading | AlreadyRead,
    config: str | Path | None,
    options: Options,
    on_rows: OnRows | None = None,
    disk: Disk | None = None,
) -> Observation:
    """Diagnoses captures whose reading has begun with these options.

    `on_rows` is called with the calls and sources of the report before the rules run; the last call counts. What `disk`
    has read of the configuration is not read again.
    """
    told = parse_addresses(options.get("pbx", ()))
    databases = options.get("databases", ())
    disk = disk or Disk(options.get("include_from", ()))
    options = {**options, "databases": databases if isinstance(databases, Databases) else parse_databases(databases)}
    if options.get("resolve") is True:
        options["resolve"] = Dns()  # each name is asked once, however often the configuration is loaded
    hosts = callers_hosts(begun.finish().merged) if options.get("live") else ()
    live = ask(config, options, hosts, calls=True)
    reload = partial(load, config, options, live, disk=disk)
    asked = reload({}, options.get("asterisk") or release_of(live) or NEWEST)
    seen, wanted, jobs = begun.finish(), begun.reading.selection, begun.reading.jobs
    basis = settle(seen, asked, told, options.get("asterisk"), reload)
    if live and not options.get("asterisk"):
        basis = of_running(basis, asked, live.version)
    situation = _situation(seen, basis, reload, wanted, jobs, on_rows)
    # Each of these may change the configuration and so every verdict: the calls are judged anew, from the same folds.
    # In this order, for each rests on the verdicts before it.
    if is_a_copy(situation):
        reload = partial(reload, partial=True)
        basis, situation = _judge_anew(seen, basis, reload, wanted, jobs, on_rows)
    if shown := settled_questions(situation):
        reload = partial(reload, shown=shown)
        basis, situation = _judge_anew(seen, basis, reload, wanted, jobs, on_rows)
    situation = note_filters(situation, options, seen.tallies)
    notes = [
        *seen.notes,
        *notes_on(seen.merged, situation, seen.tallies, basis.translated),
        *open_questions(situation.config, live, situation.groups if config is None else ()),
    ]
    if names_are_dead(situation):
        dead = ", ".join(basis.config.unresolved_hosts)
        notes.append(f"the 401s show that {dead} did not resolve to these sources when Asterisk loaded")
        reload = partial(reload, complete=True)
        basis, situation = _judge_anew(seen, basis, reload, wanted, jobs, on_rows)
    findings = tuple(rules.find(situation))
    aggregate = options.get("aggregate", False)
    repairs = suggest(situation, findings, aggregate=aggregate, jobs=jobs) if config is not None else ((), ())
    findings = complete(situation.config, findings, *repairs)
    methods = tuple(dict.fromkeys(method.upper() for method in options.get("methods", ())))
    notes += [*open_names(situation, live), *not_read_again(seen.tallies)]
    notes += [
        f"the captures hold no {name} that the PBX received"
        for name in find_missing_methods(situation.exchanges, methods)
    ]
    report = _report(situation, basis, findings, repairs, notes, methods)
    return Observation(
        situation, replace(report, transcripts=partial(transcripts, seen.tallies, seen.signs, situation.mirrors))
    )


def _judge_anew(  # noqa: PLR0917  (as `_situation`)
    seen: GatheredCaptures, basis: Basis, reload: Reload, wanted: Selection, jobs: int, on_rows: OnRows | None
) -> tuple[Basis, Situation]:
    basis = replace(basis, config=reload({}, basis.config.newer or basis.config.version))
    return basis, _situation(seen, basis, reload, wanted, jobs, on_rows)


def _situation(  # noqa: PLR0917  (everything that is known)
    seen: GatheredCaptures, basis: Basis, reload: Reload, wanted: Selection, jobs: int, on_rows: OnRows | None
) -> Situation:
    pbx = frozenset(basis.pbx.addresses)
    replay = Replay(basis.config, tokens(own_registrations(seen.merged, pbx), basis.config))
    proxied = find_proxied(seen.merged, pbx, basis.config)
    arrival = Arrival(basis.config, seen.merged.answering, proxied, basis.translated.places)
    look = partial(judge, seen.merged, pbx=pbx, arrival=arrival, replay=replay, wanted=wanted)
    judged = share(look, slices([len(keys) for keys in seen.merged.keys], jobs), jobs)
    files = [tally.name for tally in seen.tallies]
    calls = Calls(seen.merged, judged, files, arrival, replay.verdict, share=partial(share_range, jobs=jobs))
    sources = SourceRows(calls, others := other_methods(seen.merged, pbx, wanted))
    if on_rows:  # as early as may be: others write the rows meanwhile
        on_rows(calls, sources)
    received, sent = exchanges(seen.merged, pbx, wanted, replay)
    asked = {*_packed(one.server for one in sent), *(ip for ip, _ in calls.sent)}
    near = nearby(basis.config)
    groups, crowd = group(calls, basis.config, lambda ip: ip in asked or near(ip))
    callers = {calls.sources[calls.source[one.first_call]] for one in groups}
    second = SecondReading(calls, seen.tallies, groups)
    ends = EndAddresses(pbx, callers, asked & {*callers, *_packed(one.client for one in received)})
    acknowledged = AcknowledgedCalls(calls, seen.merged.tags, seen.tallies, ends, wanted.mirrors)
    return Situation(
        config=basis.config,
        replay=replay.verdict,
        groups=groups,
        calls=calls,
        sources=sources,
        pbx=tuple(map(show_ip, basis.pbx.addresses)),
        other_methods=others,
        exchanges=received,
        own_exchanges=sent,
        unknown_calls=unknown_calls(seen.merged, pbx, wanted),
        encrypted_connections=seen.encrypted_connections,
        log_lines=seen.log_lines,
        logged_refusals=seen.logged_refusals,
        unread_messages=sum((tally.unread_messages for tally in seen.tallies), Counter()),
        signs=seen.signs,
        mirrors=wanted.mirrors,
        replaced_sources=basis.translated.replaced_sources(),
        find_sent=acknowledged.find_sent,
        captures=tuple(map(summary, seen.tallies)),
        are_texts=bool(seen.tallies) and all(tally.is_text for tally in seen.tallies),
        outbound_calls=len(calls.outbound),
        outbound=tuple((show_ip(ip), status, count) for (ip, status), count in sorted(calls.sent.items())),
        version_assumed=basis.is_assumed,
        capture_version=basis.capture_version,
        reload=partial(load_changed, reload, basis.config.newer or basis.config.version),
        offer=lru_cache(partial(offer_of, calls, seen.tallies)),  # a capture is read again for each
        acknowledged_calls=acknowledged,
        requests_to=acknowledged.requests_to,
        find_shown=partial(acknowledged.find_shown, regroup=regrouping(calls, basis.config)),
        unheard=lru_cache(second.unheard),
        taken_up=lru_cache(second.taken_up),
        lone_answers=lru_cache(partial(lone_answers, seen.tallies, seen.merged, pbx, has_calls=len(calls) > 0)),
        end=seen.merged.end,
        responses=seen.merged.responses,
        crowd=crowd,
        greetings={show_address(place): SipMessage(head) for place, head in seen.merged.greetings.items()},
    )


def _packed(ips: Iterable[str]) -> Iterable[bytes]:
    return (Address(ip).pack()[:-2] for ip in ips)


def _report(  # noqa: PLR0917  (what it is made of)
    situation: Situation,
    basis: Basis,
    findings: tuple[Finding, ...],
    repairs: tuple[tuple[Suggestion, ...], tuple[Suggestion, ...]],
    notes: Sequence[str],
    methods: tuple[str, ...],
) -> Report:
    calls = situation.calls
    assert isinstance(calls, Calls)
    failed, unmatched = failed_calls(situation)
    return Report(
        asterisk_version=basis.config.version,
        asterisk_assumed=basis.is_assumed,
        asterisk_reason=basis.reason,
        asterisk_names=basis.names,
        captures=situation.captures,
        sources=situation.sources,
        calls=calls,
        unmatched=calls.unmatched_sources(),
        findings=findings,
        quotations=partial(quotations, situation, findings),
        suggestions=repairs[0],
        unconfirmed=repairs[1],
        pbx=situation.pbx,
        pbx_reason=basis.pbx.reason,
        failed_calls=failed,
        failed_unmatched=unmatched,
        attackers=len(attackers(situation)),
        callers=len(calls.sources),
        config=basis.config,
        notes=tuple(notes),
        outbound_calls=situation.outbound_calls,
        requests=tuple(map(row_of, situation.exchanges)),
        methods=methods,
        filter_text=situation.filter_text,
    )
