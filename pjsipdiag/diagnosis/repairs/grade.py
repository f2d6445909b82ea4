"""Which calls a repair may rest on: facts tie their source to the endpoint, so that what they ask for is likely.

The law: every repair is made twice, for the calls that facts speak for and for the others. What the others ask for is
told apart and waits for somebody to confirm it, so that they neither make a likely repair nor take one away.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from pjsipdiag.diagnosis.evidence.owners import found_by_pbx, is_beside, is_likely, samples
from pjsipdiag.diagnosis.evidence.readable_addresses import is_address
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.evidence.vicinity import lines_beside, lines_naming
from pjsipdiag.diagnosis.rules import assign_blame
from pjsipdiag.diagnosis.rules.admission import is_by_contact
from pjsipdiag.diagnosis.rules.cause import Cause
from pjsipdiag.diagnosis.rules.scanning import scans, scans_by_deed
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import parse_uri

Grounds = Callable[[Situation, Cause, CallGroup], bool]
"""Whether facts speak for a group of calls that a repair is meant for."""
NEVER_LET_IN = ("scanner", "translated-source")
"""Rules whose sources are never let in."""
_NO_ADDRESS = ("", "0.0.0.0", "::")
"""In place of an address that is not known, and what binds to all of them."""


def by_address(situation: Situation, _cause: Cause, group: CallGroup) -> bool:
    """The files name its address for an endpoint, or one a few beside it that does not scan."""
    return is_vouched_for(situation, group)


def is_vouched_for(situation: Situation, group: CallGroup, endpoint: str = "") -> bool:
    """Whether facts tie its source to an endpoint (to this one, where it is named), and no deed of its own against
    it."""
    return is_likely(situation, group, endpoint) and not _is_strange_neighbour(situation, group.source)


def by_files(_situation: Situation, _cause: Cause, _group: CallGroup) -> bool:
    """The files alone say what is wrong."""
    return True


def by_deed(situation: Situation, _cause: Cause, group: CallGroup) -> bool:
    """A line of the files names its address, which acknowledged such a call: for repairs that open more than a line."""
    return (
        _is_known(situation, "", group.source)
        and is_acknowledged(situation, group)
        and not _is_strange_neighbour(situation, group.source)
    )


def _is_strange_neighbour(situation: Situation, ip: str) -> bool:
    """Whether it only lies beside what is written, and scans: a provider's network has other customers too."""
    return is_beside(situation, ip) and scans_by_deed(situation, ip)


def by_permission(situation: Situation, cause: Cause, group: CallGroup) -> bool:
    """The lines of the endpoint that denies it (of any, without one) speak for every address to be permitted."""
    wanted = contacts(group) if is_by_contact(cause) else [group.source]
    return all(_is_known(situation, cause.name, ip) for ip in wanted)


def contacts(group: CallGroup) -> list[str]:
    """The addresses that the Contact headers of a group name."""
    uris = (parse_uri(message.header("Contact")) for message in samples(group))
    return [uri.host for uri in uris if uri and is_address(uri.host)]


def is_acknowledged(situation: Situation, group: CallGroup) -> bool:
    """Whether its source has shown that calls of the group are its own, or came over TLS, which nobody can forge."""
    seen = situation.find_shown(group)
    return group.transport in ("TLS", "WSS") or (seen is not None and seen.is_own)


def without_forged(situation: Situation) -> Situation:
    """The situation without what may be somebody else's in groups of addresses that the files know: nobody's calls
    under another's address decide what becomes of his own.

    The same object where that makes no difference, and where no such call failed: then nobody looks for a repair.
    """
    known = {group for group in situation.groups if _is_known(situation, "", group.source)}
    blame = {group for causes in assign_blame(situation).values() for groups in causes.values() for group in groups}
    if not any(group in blame or any(not 100 <= status < 300 for status in group.statuses) for group in known):
        return situation
    return _with_groups(
        situation, [_group_without_forged(situation, group) if group in known else group for group in situation.groups]
    )


def by_deed_alone(situation: Situation) -> Situation:
    """The situation with nothing but groups that `by_deed` takes."""
    return _with_groups(situation, [group for group in situation.groups if by_deed(situation, Cause(), group)])


def _group_without_forged(situation: Situation, group: CallGroup) -> CallGroup:
    seen = situation.find_shown(group)
    return seen.group if seen else group


def _with_groups(situation: Situation, groups: Sequence[CallGroup]) -> Situation:
    same = len(groups) == len(situation.groups) and all(map(operator.is_, groups, situation.groups))
    return situation if same else replace(situation, groups=groups)


def part(
    situation: Situation, basis: Grounds, cause: Cause, groups: Sequence[CallGroup]
) -> tuple[list[CallGroup], list[CallGroup]]:
    """The groups that facts speak for, and the others."""
    sure = [group for group in groups if basis(situation, cause, group)]
    return sure, [group for group in groups if group not in sure]


@lru_cache(maxsize=8192)
def _is_known(situation: Situation, endpoint: str, ip: str) -> bool:
    """Whether the lines of the endpoint (of any, without one) name the address or one that is near enough, or the PBX
    found it for a name in them."""
    config = situation.config
    owners = chain(lines_naming(config, ip), lines_beside(config, ip), found_by_pbx(situation, ip))
    return any(endpoint in ("", owner[0]) for owner in owners)


@lru_cache(maxsize=8192)
def is_uninvited(situation: Situation, ip: str) -> bool:
    """Whether no suggestion may add an address: a scanner's, a translated source or the PBX's own. Only those are asked
    that a repair is about, as telling a scanner may read all of its calls."""
    if ip in _NO_ADDRESS:
        return False
    return ip in _blamed_or_own(situation) or any(scans(situation, group) for group in groups_of(situation, ip))


@lru_cache(maxsize=2)
def _blamed_or_own(situation: Situation) -> frozenset[str]:
    causes = assign_blame(situation)
    blamed_for = [group for rule in NEVER_LET_IN for groups in causes.get(rule, {}).values() for group in groups]
    found = {group.source for group in blamed_for if not is_likely(situation, group)}
    found |= {*situation.pbx, *(transport.bind for transport in situation.config.transports.values())}
    return frozenset(found.difference(_NO_ADDRESS))


def never_let_in(situation: Situation) -> frozenset[str]:
    """All addresses that no suggestion may add."""
    called = {group.source for group in situation.groups}
    return _blamed_or_own(situation) | {ip for ip in called if is_uninvited(situation, ip)}
