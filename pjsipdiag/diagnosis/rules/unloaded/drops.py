"""Objects that are in the files, and that Asterisk drops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache

from pjsipdiag.asterisk.addresses.match import parse_match
from pjsipdiag.asterisk.config import Config, DroppedObject
from pjsipdiag.asterisk.loading import object_options
from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason, ReasonKind
from pjsipdiag.asterisk.replay.arrival import check_listening
from pjsipdiag.asterisk.secrets import is_secret
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.evidence.lookup import (
    PEER_TYPES,
    dropped_identify,
    find_taking,
    lookup,
    matches_in,
    meant_endpoint,
    second_type,
    section_at,
    unattached_sections,
)
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.evidence.readable_addresses import is_address
from pjsipdiag.diagnosis.evidence.trunks import prefix
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, enumerated, finding_for, is_silent, listed, sources
from pjsipdiag.diagnosis.rules.gaps.copies import MOST_LISTED
from pjsipdiag.diagnosis.rules.unloaded.dangling import which_line
from pjsipdiag.diagnosis.rules.unloaded.ignored import passed_over, words_of_log
from pjsipdiag.diagnosis.rules.unloaded.placeholders import name_placeholders
from pjsipdiag.diagnosis.situation import CallGroup, Situation

OTHER_TYPES = (
    *("contact", "resource_list", "outbound-publish", "inbound-publication", "asterisk-publication", "phoneprov"),
    *("subscription_persistence", "wizard", "profile", "location", "attestation", "verification", "certificate"),
)
"""The types of sections that decide on no call."""
_SHOWN = {"identify": "identifies", "wizard": "endpoints", **dict.fromkeys(PEER_TYPES, "endpoints")}

_ADD_WAY_OUT = "Add a transport of that kind, or have server_uri and transport= name one that listens"
_REPAIRS: dict[ReasonKind, str] = {
    LoadReason.MAPPED_AWAY: "Write what is still wanted where sorcery.conf has it from, or correct the line",
    LoadReason.BEHIND_A_CACHE: "Take /cache out of that line, or write it before the others of its type",
    LoadReason.NO_WAY_OUT: _ADD_WAY_OUT,
    LoadReason.NAMED_WAY_OUT_MISSING: _ADD_WAY_OUT,
}
"""Kind of reason -> what to do, where no line of the object itself is wrong."""
_OF_SORCERY = (LoadReason.MAPPED_AWAY, LoadReason.BEHIND_A_CACHE)
"""The reasons whose line stands in sorcery.conf."""


def of_dropped(situation: Situation, group: CallGroup) -> Cause | None:
    """The object that Asterisk drops although it would have taken the call."""
    if group.verdict.endpoint and group.verdict.identifier != "anonymous":
        return None
    # The order is that of certainty: nobody listened; an identify took the call and its endpoint is gone; a dropped
    # identify names the address; one is for the owner; one may have had any address; last the From user, which anybody
    # can write.
    transport = next((dropped for dropped in situation.config.dropped if dropped.type == "transport"), None)
    if transport and is_silent(group) and check_listening(group.transport, group.sample.destination, situation.config):
        return Cause(f"transport {transport.name}", transport.where)
    for identify, _ in find_taking(situation, group):
        if identify.endpoint not in situation.config.endpoints:
            dropped = _find_dropped(situation, "endpoint", identify.endpoint)
            return _blame(dropped, identify.name) if dropped else None
    gone = (
        dropped_identify(situation, group)
        or _identify_of_owner(situation, group)
        or next(iter(_may_have_had(situation, group)), None)
    )
    return _blame(gone) if gone else of_dropped_name(situation, group)


def of_dropped_name(situation: Situation, group: CallGroup) -> Cause | None:
    """The dropped endpoint that the From user names."""
    dropped = next((d for d in situation.config.dropped if d.type == "endpoint" and d.name in group.callers), None)
    return _blame(dropped) if dropped else None


def _blame(gone: DroppedObject, by: str = "") -> Cause:
    """The object itself; where one name stands twice, that name costs all objects of its type."""
    if gone.why.kind is LoadReason.TWO_OF_ONE_NAME:
        return Cause(f"{gone.type} {gone.why['section']}", gone.where)
    return Cause(f"{gone.type} {gone.name}", gone.where, by)


def _identify_of_owner(situation: Situation, group: CallGroup) -> DroppedObject | None:
    """The dropped identify of the endpoint that the source belongs to, where no other identify leads to it.

    One that was dropped over a host name is left to what is said about names.
    """
    config, known = situation.config, lookup(situation)
    owners = best(situation, group)
    if len(owners) != 1 or any(identify.endpoint == owners[0].endpoint for identify in config.identifies):
        return None
    named = {id(dropped) for dropped, _ in known.hosts}
    found = (
        gone for gone, meant in zip(known.dropped, known.meant_endpoints, strict=True) if meant == owners[0].endpoint
    )
    return next((gone for gone in found if id(gone) not in named), None)


def _may_have_had(situation: Situation, group: CallGroup) -> Sequence[DroppedObject]:
    """The dropped identifies that may have had the address, where nothing ties its source to anybody."""
    if group.verdict.outcome is not Outcome.NO_MATCH or best(situation, group):
        return ()
    return holding_more(situation, prefix(group.source))


def holding_more(situation: Situation, near: tuple[int, int]) -> Sequence[DroppedObject]:
    """The dropped identifies that may have had an address of that net: those with a value that is no address, or with
    none at all, and last those whose mask is wrong behind an address elsewhere. Those of a host name are left to what
    is said about names."""
    found = [(None not in places and near not in places, gone) for gone, places in _unreadable(situation) if places]
    return tuple(gone for _, gone in sorted(found, key=lambda one: one[0]))


@lru_cache(maxsize=4)
def _unreadable(situation: Situation) -> Sequence[tuple[DroppedObject, frozenset[tuple[int, int] | None]]]:
    """Each of these, with the nets that its unreadable values may stand for: None for any."""
    known = lookup(situation)
    named = {id(dropped) for dropped, host in known.hosts if not name_placeholders(host)}
    found = (gone for gone in known.dropped if gone.type == "identify" and id(gone) not in named)
    return tuple((gone, frozenset(_places(section_at(situation.config, gone)))) for gone in found)


def _places(section: Section | None) -> Iterator[tuple[int, int] | None]:
    """The places of addresses that cannot be read in an identify: of one with a bad mask only that one."""
    values = [v for v in section.variables if v.name.lower() in ("match", "remote_hosts")] if section else []
    parts = [text for v in values for part in v.value.split(",") if (text := part.strip())]
    if not parts and not matches_in(section).rules:
        yield None
    for part in parts:
        found = parse_match(part, Where("", 0))
        address, slash, _ = part.lstrip("!").partition("/")
        if found.refusal and slash and is_address(address):
            yield prefix(address)
        elif found.refusal or found.hosts:
            yield None


def _probably(situation: Situation, dropped: DroppedObject, groups: Sequence[CallGroup]) -> list[str]:
    """Further evidence on an identify that nothing but its being there ties to the calls."""
    said = []
    others = {
        other.name: other for group in groups for other in _may_have_had(situation, group) if other is not dropped
    }
    said += [f"[{other.name}] ({other.where}) does not load either: {other.reason}" for other in others.values()]
    return [*said, "nothing that loaded ties the callers to an endpoint: ask who calls from there"]


def _as_written(config: Config, dropped: DroppedObject) -> list[str]:
    """The line where a part of it is named only, and what in it was to be filled in."""
    section = section_at(config, dropped)
    if dropped.why.kind is LoadReason.NOTHING_TO_MATCH and section:
        empty = [one for one in section.variables if not one.value.strip()]
        return [f"{one.name}= at {one.where} has no value: nothing was filled in" for one in empty[:MOST_LISTED]]
    line = next((one for one in section.variables if one.where == dropped.where), None) if section else None
    if section is None or line is None:
        return []
    second = second_type(section)
    if second and dropped.why.kind is LoadReason.NO_OPTION and second.where < line.where:
        return [f"type={second.value} at {second.where} is the second of the section: a head is missing before it"]
    quoted = any(line.value in text for text in dropped.why.texts)
    said = [] if quoted else [f"the line reads {line.name}={line.value[:200]}"]
    return [*said, *name_placeholders(line.value)]


def not_loaded(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    kind, _, name = cause.name.partition(" ")
    dropped = _find_dropped(situation, kind, name)
    assert dropped is not None
    assert cause.where is not None
    took, others = _why_theirs(situation, cause, dropped, groups)
    return finding_for(
        groups,
        Severity.ERROR,
        f"[{name}] ({kind}) is in {_file_of(dropped, cause.where)} but Asterisk does not load it because of"
        f" {_line_of(dropped, cause.where)}: {dropped.reason}; {took}",
        cause.where,
        *_as_written(situation.config, dropped),
        f"the section begins at {dropped.section_where}",
        *passed_over(situation.config, dropped),
        *others,
        *other_releases(dropped.type, dropped.why),
        *words_of_log(dropped.log),
        advice=f"{_correct(dropped, cause.where)}, then reload and look for [{name}] in"
        f" `pjsip show {_SHOWN.get(kind, f'{kind}s')}`",
    )


def _file_of(dropped: DroppedObject, where: Where) -> str:
    return dropped.section_where.file if dropped.why.kind in _OF_SORCERY else where.file


def _line_of(dropped: DroppedObject, where: Where) -> str:
    return str(where) if dropped.why.kind in _OF_SORCERY else which_line(where)


def _correct(dropped: DroppedObject, where: Where) -> str:
    if dropped.why.kind is LoadReason.MAPPED_AWAY:
        return f"write [{dropped.name}] where {where} has such objects from, or correct that line and restart Asterisk"
    if dropped.why.kind is LoadReason.BEHIND_A_CACHE:
        return f"take /cache out of {where}, or write that line before the others of its type, and restart Asterisk"
    if dropped.why.kind is LoadReason.ADDS_NOTHING:
        return f"write [{dropped.name}](+type={dropped.type}) as the head at {where}"
    if dropped.why.kind is LoadReason.WIZARD_ELSEWHERE:
        return f"move [{dropped.name}] ({dropped.section_where}) to {dropped.why['file']}"
    if dropped.why.kind is LoadReason.NOTHING_TO_MATCH:
        return f"write match= with the addresses of its callers into [{dropped.name}] ({where})"
    if dropped.why.kind is LoadReason.OF_CHAN_SIP:
        return f"write an endpoint, an aor and an identify with match= in the place of [{dropped.name}] ({where})"
    if dropped.why.kind is LoadReason.TYPE_COMES_SECOND:
        return f"write the head of the section before {where.phrase}"
    if dropped.why.kind is LoadReason.NO_REMOTE_HOSTS and not dropped.why["spelt"]:
        return f"write remote_hosts= with the addresses of the provider into [{where.section}] ({where})"
    return f"correct {where.phrase}"


def _why_theirs(
    situation: Situation, cause: Cause, dropped: DroppedObject, groups: Sequence[CallGroup]
) -> tuple[str, Sequence[str]]:
    """Why the calls belong to the dropped object, from what its lines name for certain down to what only may be, and
    further evidence."""
    kind, certain, all_of_them = dropped.type, [], listed(sources(groups))
    if kind in ("identify", "wizard"):
        certain = [group for group in groups if dropped_identify(situation, group)]
    probable = [group for group in groups if group not in certain and dropped in _may_have_had(situation, group)]
    others = _probably(situation, dropped, probable) if probable else ()
    if dropped.why.kind is LoadReason.TWO_OF_ONE_NAME:
        took = f"{'they' if kind == 'identify' else 'identifies that lead to them'} would take"
    elif certain and probable:
        took = f"its match= lines would take {listed(sources(certain))}, and it is probably what is missing for"
        return f"{took} {listed(sources(probable))}", others
    elif certain:
        took = f"its {'remote_hosts=' if kind == 'wizard' else 'match= lines'} would take"
    elif kind == "endpoint" and any(known is dropped for known in lookup(situation).dropped):
        option = dropped.why["option"]
        only = ", which only an identify has" if option == "match" else ": an identify has match= for that"
        took = f"an endpoint takes no {option}={only}; it names"
    elif kind in PEER_TYPES:
        took = "its host= is what an identify has in match=; it names"
    elif kind == "transport":
        took = "nothing else listens for the calls of"
    elif kind == "identify" and probable:
        meant = meant_endpoint(situation.config, dropped)
        took = f"it is for endpoint {meant or 'unknown'}, and probably what is missing for"
    elif kind == "identify":
        took = f"it is the only identify of endpoint {meant_endpoint(situation.config, dropped)}, which is to take"
    else:
        took = f"identify {cause.detail} takes" if cause.detail else "its name is the From user of"
    return f"{took} {all_of_them}", others


def _find_dropped(situation: Situation, kind: str, name: str) -> DroppedObject | None:
    known = lookup(situation).dropped if kind in ("identify", "wizard", *PEER_TYPES) else situation.config.dropped
    return next((dropped for dropped in known if (dropped.type, dropped.name) == (kind, name)), None)


def dropped_objects(config: Config) -> Iterator[Finding]:
    """One finding for each line that keeps objects from loading; a line of a template can keep many."""
    groups: dict[tuple[str, Reason, Where], list[DroppedObject]] = {}
    written = (variable for section in config.sections for variable in section.variables)
    lines = {variable.where: variable.value for variable in written if not is_secret(variable.name)}
    for drop in config.dropped:
        groups.setdefault((drop.type, drop.why, drop.where), []).append(drop)
    for (kind, reason, where), drops in groups.items():
        used = kind in ("identify", "endpoint", "transport", "global", "acl", "auth", "aor")
        names = list(dict.fromkeys(drop.name for drop in drops))
        shown = enumerated([f"'{name}'" for name in names], MOST_LISTED)
        yield Finding(
            Severity.ERROR if used else Severity.WARNING,
            f"{kind} {shown} {'do' if names[1:] else 'does'} not load: {reason}",
            where,
            evidence=(
                *name_placeholders(lines.get(where, "")),
                *other_releases(kind, reason),
                *words_of_log(drops[0].log),
            ),
            advice=f"{_REPAIRS.get(reason.kind, 'Correct the line')}, then `module reload res_pjsip.so`; a running"
            " Asterisk keeps what it had.",
        )
    yield from misspelt(config.sections)
    for section, whole in unattached_sections(config):
        reason = LoadReason.ADDS_NOTHING(section=section.name, place=str(whole.where))
        yield Finding(
            Severity.WARNING,
            f"[{section.name}] does not load: {reason}",
            section.where,
            advice=f"Write [{section.name}](+type=TYPE) with the type that the lines are for, then `module reload"
            " res_pjsip.so`.",
        )


def other_releases(object_type: str, reason: Reason) -> tuple[str, ...]:
    """The releases that know an option which this one lacks."""
    option = reason["option"] if reason.kind is LoadReason.NO_OPTION else ""
    first = object_options.first_releases(object_type, option) if option else ()
    plain = [release for release in first if not release.startswith("certified")]
    named = " and ".join([part for part in (", ".join(plain[:-1]), *plain[-1:]) if part])
    return (f"Asterisk {named} and later releases of each line have {option}=",) if plain else ()


def misspelt(sections: Iterable[Section]) -> Iterator[Finding]:
    """The sections of which the type is misspelt: Asterisk passes over what no module asks for, and logs nothing."""
    known = (*OBJECT_TYPES, *OTHER_TYPES)
    for section in sections:
        option = None if section.is_template else section.first("type")
        meant = get_close_matches(option.value.lower(), known, 1, 0.75) if option and option.value not in known else []
        if option and meant:
            yield Finding(
                Severity.ERROR,
                f"[{section.name}] does not load: Asterisk has no type '{option.value}', and passes over the section "
                "without a word",
                option.where,
                advice=f"Write type={meant[0]}, then `module reload res_pjsip.so`.",
            )
