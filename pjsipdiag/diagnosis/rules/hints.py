"""Hints on the owner of calls that nobody takes, and on lines of the files that only seem to take them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from itertools import islice

from pjsipdiag.asterisk.addresses.address_rule import BITS, canonical, is_prefix, shared_bits
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.verdict import Match
from pjsipdiag.diagnosis.evidence.called_numbers import is_slip
from pjsipdiag.diagnosis.evidence.look_alikes import appearance, tell_apart
from pjsipdiag.diagnosis.evidence.lookup import find_holding, nearest
from pjsipdiag.diagnosis.evidence.owners import hosts_named, is_likely, owners, samples
from pjsipdiag.diagnosis.evidence.readable_addresses import is_address, is_private, near_miss
from pjsipdiag.diagnosis.evidence.trunks import prefix, trunks
from pjsipdiag.diagnosis.rules.cause import Cause, listed, sources
from pjsipdiag.diagnosis.rules.unloaded.drops import holding_more
from pjsipdiag.diagnosis.rules.unloaded.ignored import passed_over
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def others_of(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """Endpoints that take other calls from the same addresses, by what the caller says of itself."""
    mine = set(sources(groups))
    found = {
        f"{group.source} also makes calls that {group.verdict.endpoint} takes by {group.verdict.identifier}"
        for group in situation.groups
        if group.source in mine and group.verdict.endpoint
    }
    callers: dict[str, list[str]] = defaultdict(list)
    for caller, ip in ((caller, one.source) for one in groups[:32] for caller in one.callers if caller):
        callers[caller].append(ip)
    looks: dict[str, list[str]] = defaultdict(list)
    for caller in callers:
        looks[appearance(caller)].append(caller)
    for caller, ips in callers.items():
        plain, options, _ = caller.partition(";")
        if options and plain in situation.config.endpoints:
            text = f"its From user is {plain}, an endpoint, with options behind `;`, which count as part of the name"
            found.add(_whose(groups, f"{text} unless ignore_uri_user_options=yes stands in [global]", ips))
    for name in situation.config.endpoints:
        user = name.partition("@")[0]
        if user in callers and user != name:
            text = f"its From user is that of endpoint {name}, which is for another domain than its From names"
            found.add(_whose(groups, text, callers[user]))
        elif name not in callers:
            for like in looks.get(appearance(name), ())[:4]:
                text = f"its From user is spelt like endpoint {name} {tell_apart(like, name)}"
                found.add(_whose(groups, text, callers[like]))
    return sorted(found)[:4]


def misfits(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> list[str]:
    """Lines of the endpoint's identifies that say something else than what they seem to, or than what the call has."""
    found = []
    for identify in situation.config.identifies:
        for rule in identify.rules if cause.name and identify.endpoint == cause.name else ():
            bare, _, port = rule.text.rpartition(":")
            if rule.version == 6 and bare in sources(groups):
                found.append(
                    f"match={rule.text} ({rule.where}) is an address that ends in {port}: before a port an IPv6 address"
                    f" stands in brackets, [{bare}]:{port}"
                )
            short = not rule.host and rule.version == 4 and rule.text.partition("/")[0].count(".") < 3
            if short or not is_prefix(rule):
                found.append(f"match={rule.text} is {canonical(rule)} to Asterisk ({rule.where})")
    for check in situation.replay(groups[0].sample).trace:
        # Where nothing ties the caller to an endpoint, a header that is there with another value may be what was meant.
        meant = check.endpoint == cause.name or (
            not cause.name and check.step == "header" and check.why.kind is not WalkReason.NO_HEADER
        )
        if check.step in ("header", "request_uri") and meant and check.match is Match.NO_MATCH:
            found.append(f"{check.reason} ({check.where})")
    return list(dict.fromkeys(found))[:4]


def nearest_misses(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """The nearest miss of each identify."""
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for ip in sources(groups)[:8]:
        closest = nearest(situation, ip)
        beside = [rule for _, rule in trunks(situation.config).networks.get(prefix(ip), ())]
        for rule in [*([closest.rule] if closest else []), *beside]:
            miss, bits = near_miss(rule, ip), shared_bits(rule, ip)
            key = ip, rule.where.section
            if miss and "same /" not in miss and bits > found.get(key, (-1, ""))[0]:
                found[key] = bits, f"{miss} ({rule.where})"
    return [text for _, text in found.values()][:6] or _slips(situation, groups)


def _slips(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """The addresses of identifies that become those of the callers by another digit, or by two in another order."""
    hosts = [
        rule
        for identify in situation.config.identifies[:1000]
        for rule in identify.rules
        if rule.version == 4 and rule.mask == (1 << BITS[4]) - 1 and not (rule.host or rule.deny)
    ]
    return [
        f"{ip} is match={rule.text} ({rule.where}) but for a digit, or two in another order"
        for ip in sources(groups)[:8]
        for rule in hosts
        if (written := str(IPv4Address(rule.network))) != ip and is_slip(written, ip)
    ][:4]


def reasons(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """The signs by which the sources may belong to somebody."""
    found: dict[str, list[str]] = defaultdict(list)
    for group in groups[:8]:
        for reason in (reason for owner in owners(situation, group)[:2] for reason in owner.reasons):
            found[reason].append(group.source)
    return [_whose(groups, reason, ips) for reason, ips in islice(found.items(), 6)]


def _whose(groups: Sequence[CallGroup], text: str, ips: Iterable[str]) -> str:
    """A sentence on "its" headers with whose these are, where the finding is about several sources."""
    if not text.startswith("its ") or not sources(groups)[1:]:
        return text
    whose = list(dict.fromkeys(ips))
    return f"{listed(whose)}: {'their' if whose[1:] else 'its'}{text.removeprefix('its')}"


def passing_on(situation: Situation, groups: Sequence[CallGroup]) -> Iterator[str]:
    """A sentence for each source that says of itself that it passes on what others send it: whose proxy it is no
    header proves."""
    own = {prefix(ip) for ip in situation.pbx if is_address(ip)}
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for group in groups[:8]:
        if not is_likely(situation, group):
            found[group.source].update(dict.fromkeys(_passed_on(situation, group)))
    for ip, hosts in found.items():
        if hosts:
            beside = " in the PBX's own network" if prefix(ip) in own else ""
            yield (
                f"by its Via {ip} is a proxy{beside} that passes on what {listed(list(hosts))} sent: whether the"
                " provider's or one of your own (Kamailio, OpenSIPS, an SBC) is not known, and a match= line for it"
                " lets in all that it passes on"
            )


def _passed_on(situation: Situation, group: CallGroup) -> Iterator[str]:
    """The public or known addresses in the Vias below one of the source itself."""
    for message in samples(group):
        *below, top = [host for header, host in hosts_named(message) if header == "Via"] or [""]
        for host in below if top == group.source else ():
            if is_address(host) and host != top and (not is_private(host) or find_holding(situation, host)):
                yield host


def unrun_programs(situation: Situation) -> Iterator[str]:
    """Programs that Asterisk does not run, whose output may have had a rule for the address."""
    for problem in situation.config.warnings:
        if problem.why.kind is FileReason.EXEC_NOT_ALLOWED:
            yield f"{problem.where}: {problem.reason}; what the program writes may be what is missing"


def unloaded_identifies(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """Identifies that did not load, and that may have had an address of these calls."""
    held = [
        gone for near in sorted({prefix(group.source) for group in groups}) for gone in holding_more(situation, near)
    ]
    return [
        "; ".join(
            [
                f"[{gone.name}] ({gone.where}) did not load, and may have had the address: {gone.reason}",
                *passed_over(situation.config, gone),
            ]
        )
        for gone in islice(dict.fromkeys(held), 4)
    ]
