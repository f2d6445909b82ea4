"""Scanners: who looks for open accounts, shown by calls that are his own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain

from pjsipdiag.asterisk.addresses.address_rule import is_whole_world
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.edits.place import is_generated
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.evidence.trunks import prefix, trunks
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules import unmatched
from pjsipdiag.diagnosis.rules.admission import is_kept_out
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, enumerated, listed, sources, with_status
from pjsipdiag.diagnosis.rules.order.everybody import of_anonymous
from pjsipdiag.diagnosis.situation import CallGroup, Names, Situation
from pjsipdiag.sip import parse_uri

TOOLS = re.compile(
    r"friendly-(scanner|request)|sip-?vicious|sip-?scan|sipcli|sundayddr|vaxsip|vaxip|pplsip|iwar|sipsak|sivus|smap|"
    r"sipptk|gulp|nsauditor|sipsscuser|gazllove|usaairport|\bnmap\b|zgrab|masscan|scanner",
    re.IGNORECASE,
)
"""User-Agent names of SIP scanners, as published fail2ban and iptables lists have them."""

WELL_KNOWN = re.compile(
    r"(\d{2,4}|admin|test|user|guest|root|anonymous|asterisk|sip|voip|phone|demo|office|a)", re.IGNORECASE
)
"""The From users that scanners guess: short extensions and default account names."""

SCANNER_POINTS = 4
"""Points from which a source counts as a scanner."""

MANY_TRIES = 3
"""Prefixes before one number, or guessed accounts, from which they are no accident."""

PATTERN_CALLS = 3
"""Calls that are a pattern; fewer can be somebody's who uses the address of another."""

BY_NAME = ("username", "auth_username", "anonymous")
"""Identifiers that take a source for what it says of itself."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Everything that one source did and that no address of the configuration invited."""

    groups: tuple[CallGroup, ...]
    names: Callable[[], Names]
    """The numbers that it called, and what it called itself: few strangers are asked for them."""
    agents: tuple[str, ...]
    calls: int
    refused: int
    """Calls that got 401 or 403."""
    other: Mapping[str, int]
    """Its requests of other methods."""
    is_from_here: Callable[[], bool]
    """Whether its first From names the address that it calls; it has to be read for that."""


class ScannerSigns(NamedTuple):
    """Points and sentences for a source being a scanner."""

    points: int
    sentences: tuple[str, ...]


@lru_cache(maxsize=4)
def strangers(situation: Situation) -> dict[str, Stranger]:
    """The uninvited by source: matched by nothing for certain, by the name that they give themselves, by a rule that
    takes everybody, or kept out by a type=acl."""
    found: dict[str, list[CallGroup]] = {}
    for group in situation.groups:
        unknown = group.verdict.outcome in (Outcome.NO_MATCH, Outcome.UNKNOWN) or group.verdict.identifier in BY_NAME
        if unknown or is_kept_out(group) or of_anonymous(situation, group):
            found.setdefault(group.source, []).append(group)
    return {
        source: Stranger(
            tuple(groups),
            partial(_names_in, groups),
            tuple(dict.fromkeys(agent for group in groups for agent in group.user_agents)),
            calls(groups),
            sum(with_status(group, 401, 403) for group in groups),
            situation.other_methods.get(source, {}),
            partial(_names_target, groups[0]),
        )
        for source, groups in found.items()
    }


def _names_in(groups: Sequence[CallGroup]) -> Names:
    """The names of several groups, each once."""
    numbers, callers, _ = zip(*(group.read_names() for group in groups), strict=True)
    return Names(*(tuple(dict.fromkeys(chain.from_iterable(some))) for some in (numbers, callers)))


@lru_cache(maxsize=8192)
def scanner_signs(situation: Situation, source: str) -> ScannerSigns:
    """The marks of a scanner that a source has, by the calls that are its own where that is known."""
    own = find_owner(situation, source)
    return _signs(own) if own else _claimed_signs(situation, source)


@lru_cache(maxsize=8192)
def _claimed_signs(situation: Situation, source: str) -> ScannerSigns:
    """The signs by all calls under its address, which may be somebody else's."""
    return _signs(strangers(situation)[source])


def _signs(stranger: Stranger) -> ScannerSigns:
    """Points for what it did; a published tool name alone is enough."""
    signs: list[tuple[int, str]] = []
    agent = next((agent for agent in stranger.agents if TOOLS.search(agent)), "")
    if agent:
        signs.append((SCANNER_POINTS, f"User-Agent {agent!r} is a known scanning tool"))
    numbers, callers, _ = stranger.names()
    tail, tries = _prefixes(numbers)
    if tries >= MANY_TRIES:
        signs.append((2, f"it dials …{tail} with {tries} different prefixes, as who looks for an outside line does"))
    guessed = guessed_accounts(callers)
    if len(guessed) >= MANY_TRIES:
        signs.append((2, f"it calls itself {listed(guessed)}: guessed accounts"))
    elif guessed and len(callers) == len(guessed):
        signs.append((1, f"it calls itself {listed(guessed)}"))
    if len(numbers) >= 10 and len(callers) >= 10 and stranger.calls >= 20:
        signs.append((1, f"{len(numbers)} or more numbers and {len(callers)} or more callers"))
    if stranger.refused >= 5 and not any(group.retried for group in stranger.groups):
        signs.append((1, f"{counted(stranger.refused, 'call')} refused, and it goes on"))
    if sum(stranger.other.values()) >= 20:
        other = enumerated([f"{count} {method}" for method, count in stranger.other.items()])
        signs.append((1, f"it also sent {other}"))
    # Telephones whose domain is the PBX's address do so, too: it only confirms other signs.
    if SCANNER_POINTS > sum(points for points, _ in signs) > 0 and stranger.is_from_here():
        signs.append((1, "its From names the address that it calls, as if it came from here"))
    return ScannerSigns(sum(points for points, _ in signs), tuple(text for _, text in signs))


def scans(situation: Situation, group: CallGroup) -> bool:
    """Whether the source is uninvited and looks for accounts.

    One packet makes no scanner: anybody can send it in another's name. Nor is it a source that a line takes, that facts
    tie to an endpoint, or that answers the PBX; what it claims of itself does not clear it. Where it has shown that
    calls are its own, only these count: the others may be somebody else's.
    """
    stranger = strangers(situation).get(group.source)
    if stranger is None or group not in stranger.groups or group.source in situation.pbx:
        return False  # who uses the PBX's own address is somebody else
    if stranger.calls < PATTERN_CALLS or _claimed_signs(situation, group.source).points < SCANNER_POINTS:
        return False
    if (
        is_likely(situation, group)
        or situation.requests_to(group.source)
        or any(not rule.deny and not is_whole_world(rule) for _, rule in find_taking(situation, group))
    ):
        return False
    return find_owner(situation, group.source) is None or scans_by_deed(situation, group.source)


def scans_by_deed(situation: Situation, source: str) -> bool:
    """Whether the calls of a stranger that it acknowledged, so that nobody forged them, look like a scanner's."""
    own = find_owner(situation, source) if source in strangers(situation) else None
    return own is not None and own.calls >= PATTERN_CALLS and _signs(own).points >= SCANNER_POINTS


@lru_cache(maxsize=8192)
def find_owner(situation: Situation, source: str) -> Stranger | None:
    """A stranger as the calls show it that it acknowledged; None where it acknowledged none, so that all may be
    forged."""
    known = strangers(situation)[source]
    verdicts = {group.verdict.endpoint for group in known.groups}
    rows = [row for row in situation.acknowledged_calls(source) if row.verdict.endpoint in verdicts]
    if not rows:
        return None
    return Stranger(
        known.groups,
        partial(Names, _users(row.request_uri for row in rows), _users(row.from_ for row in rows)),
        tuple(dict.fromkeys(row.user_agent for row in rows if row.user_agent)),
        len(rows),
        sum(row.observed_status in (401, 403) for row in rows),
        {},
        partial(_names_host, rows[0].from_, ip_of(rows[0].destination)),
    )


def _users(texts: Iterable[str]) -> tuple[str, ...]:
    uris = map(parse_uri, texts)
    return tuple(dict.fromkeys(uri.user for uri in uris if uri and uri.user))


def borrowed_addresses(situation: Situation, groups: Sequence[CallGroup]) -> Iterable[str]:
    """Conflicts: calls that look like a scanner's, under an address that something speaks for."""
    for source in sources(groups):
        stranger = strangers(situation).get(source)
        if stranger is None or _claimed_signs(situation, source).points < SCANNER_POINTS:
            continue
        own = find_owner(situation, source)
        if scans_by_deed(situation, source):
            why = scanner_signs(situation, source).sentences[0]
            yield f"calls that {source} acknowledged look like a scanner's ({why}): only the provider knows whose it is"
        elif (doubtful := stranger.calls - (own.calls if own else 0)) >= PATTERN_CALLS:
            why = _claimed_signs(situation, source).sentences[0]
            unlike = f", unlike {counted(own.calls, 'other call')}" if own else ""
            yield (
                f"{counted(doubtful, 'call')} under {source} look like a scanner's ({why}), but it acknowledged none of"
                f" them{unlike}: somebody may use its address"
            )


def _prefixes(numbers: Iterable[str]) -> tuple[str, int]:
    """The end of a number that was dialled with the most different prefixes, and how many these were."""
    digits = (text if text.isdecimal() else re.sub(r"\D", "", text) for text in numbers)
    found = Counter(text[-9:] for text in digits if len(text) >= 10).most_common(1)
    return found[0] if found else ("", 0)


def guessed_accounts(callers: Iterable[str]) -> list[str]:
    """The names among those of callers that scanners try."""
    return [user for user in callers if WELL_KNOWN.fullmatch(user)]


def of_scanner(situation: Situation, group: CallGroup) -> Cause | None:
    """A scanner, unless an open door lets it in: that is the configuration's fault."""
    if of_anonymous(situation, group) or not scans(situation, group):
        return None
    return Cause("accepted" if group.verdict.outcome is Outcome.ACCEPTED else "")


def scanner(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    found = sources(groups)
    accepted = cause.name == "accepted"
    weight = Severity.NOTE if all(map(is_kept_out, groups)) else Severity.WARNING
    signs = [f"{source}: {sign}" for source in found[:4] for sign in scanner_signs(situation, source).sentences]
    entered = f" and reaches the dialplan as {groups[0].verdict.endpoint}" if accepted else ""
    where = situation.config.endpoints[groups[0].verdict.endpoint].where if accepted else None
    return Finding(
        Severity.ERROR if accepted else weight,
        f"{listed(found)} {'scan' if len(found) > 1 else 'scans'} for open accounts"
        f" ({counted(calls(groups), 'call')}){entered}:"
        " never add it to match=",
        where,
        found,
        calls(groups),
        (*signs, *_unproven(situation, found), f"observed answers: {answers(groups)}"),
        advice=_advice(situation, found),
    )


def _unproven(situation: Situation, found: Sequence[str]) -> Iterable[str]:
    """Says that an address may be forged: nothing shows that its sender gets what is sent there."""
    answered = {group.source for group in situation.groups if with_status(group, 0) < group.calls}
    doubtful = [ip for ip in found if ip in answered and find_owner(situation, ip) is None]
    if doubtful:
        yield f"{listed(doubtful)} acknowledged no answer, as scanners do, and as forged addresses do"


def _advice(situation: Situation, found: Sequence[str]) -> str:
    """How to block them where that works; none that lies among a provider's addresses."""
    blocked = [ip for ip in found if not trunks(situation.config).networks.get(prefix(ip))]
    if not blocked:
        return "it lies beside a provider's addresses, so block nothing before the provider has said whose it is"
    if any(is_generated(situation.config, file) for file in situation.config.files):
        return (
            f"have fail2ban block it, as FreePBX does: fail2ban-client set asterisk-iptables banip {' '.join(blocked)}"
        )
    return (
        f"block it where packets enter, before other rules: {_blocking(blocked)}; on FreePBX and elsewhere"
        " fail2ban does so itself, once its jail for asterisk is on"
    )


def _blocking(found: Sequence[str]) -> str:
    """The commands that block addresses, one for each family; `insert` puts the rule before those that accept."""
    commands = []
    for family, ips in (("ip", [ip for ip in found if ":" not in ip]), ("ip6", [ip for ip in found if ":" in ip])):
        if ips:
            them = ips[0] if len(ips) == 1 else f"{{ {', '.join(ips)} }}"
            commands.append(f"nft insert rule inet filter input {family} saddr {them} drop")
    return "; ".join(commands)


def crowd(situation: Situation) -> Iterable[Finding]:
    """The many sources that are not listed one by one."""
    many = situation.crowd
    if many:
        yield Finding(
            Severity.WARNING,
            f"{many.sources:,} further sources called {counted(many.calls, 'time')}; no identifier takes any of them"
            " and none is"
            f" near to what the configuration names (for example {listed(many.examples)})",
            sources=many.examples,
            calls=many.calls,
            evidence=(f"User-Agent: {listed([repr(agent) for agent in many.user_agents])}",)
            if many.user_agents
            else (),
            advice="limit port 5060 to the addresses of your providers and telephones in the firewall",
        )


def _names_target(group: CallGroup) -> bool:
    return _names_host(group.sample.header("From"), group.sample.destination.ip)


def _names_host(sender: str, host: str) -> bool:
    uri = parse_uri(sender)
    return uri is not None and uri.host == host


def unmatched_source(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    """The finding, with what speaks against it: a scanner that uses the address."""
    finding = unmatched.unmatched_source(situation, cause, groups)
    return replace(finding, evidence=(*borrowed_addresses(situation, groups), *finding.evidence))


def besides(situation: Situation, blamed: Blamed) -> Iterable[Finding]:
    """Scanners that an open door lets in, where the door is to blame, and a crowd of sources."""
    for groups in blamed["anonymous-accepted"].values():
        found = [group for group in groups if scans(situation, group)]
        if found:
            yield scanner(situation, Cause(), found)
    yield from crowd(situation)
