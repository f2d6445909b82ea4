"""Repairs that are no new address: a value, a name, an order or an option that the files have wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from pjsipdiag.asterisk.addresses.address_rule import BITS, number
from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.replay.admission import missing_auths
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import CALLER_IDENTIFIERS, IDENTIFIER_NAMES, RULE_IDENTIFIERS
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.place import is_generated, set_order
from pjsipdiag.diagnosis.edits.text_changes import (
    line_at,
    set_value,
    style_line,
    value_of,
    with_name,
    with_value,
)
from pjsipdiag.diagnosis.evidence.lookup import find_taking, identify_named
from pjsipdiag.diagnosis.evidence.owners import best_of_all
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.additions import exclude_sources
from pjsipdiag.diagnosis.repairs.grade import contacts
from pjsipdiag.diagnosis.rules.admission import is_by_contact, is_expected, is_missing
from pjsipdiag.diagnosis.rules.cause import Cause, sources
from pjsipdiag.diagnosis.rules.unloaded.dangling import namesake
from pjsipdiag.diagnosis.rules.unmatched import passed_over
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def close_bracket(situation: Situation, _cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Closes an open bracket. An include of a file that is not there is no mistake of the line."""
    where = situation.config.rejected_files[0].where
    line = line_at(situation.config, where)
    text = line.strip()
    if not text.startswith("[") or "]" in text:
        return
    new = f"{line.split(';')[0].rstrip()}]"
    edit = Edit(where.file, where.line, (line,), (new,))
    note = f"{text} -> {new.strip()}"
    yield Draft(groups, where.file, where.line, where.section, "", (), (edit,), sources(groups), note, is_own=True)


def endpoint_name(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Gives a section of that name its type, or corrects `endpoint=` to the name that is spelt alike or that the
    evidence names."""
    section = namesake(situation.config, cause.detail)
    kind = section.first("type") if section else None
    if section and (kind is None or get_close_matches(kind.value.lower(), ["endpoint"], 1, 0.75)):
        where = kind.where if kind else section.where
        made = (
            set_value(situation.config, where, "endpoint")
            if kind
            else Edit(where.file, where.line + 1, (), ("type=endpoint",))
        )
        note = f"[{section.name}] becomes an endpoint"
        yield Draft(
            groups, where.file, where.line, section.name, section.name, (), (made,), sources(groups), note, is_own=True
        )
        return
    close = get_close_matches(cause.detail, list(situation.config.endpoints), n=3, cutoff=0.75)
    owners = best_of_all(situation, groups)
    name = close[0] if close else next(iter(owners)) if len(owners) == 1 else ""
    if not name or cause.where is None:
        return
    # Nothing is spelt alike, and the owner has an identify of its own that takes the address: renaming `endpoint=` here
    # would give it all other calls of this identify as well, so the address alone is taken out.
    elsewhere = {known.endpoint for group in groups for known, _ in find_taking(situation, group)} - {cause.detail}
    if not close and name in elsewhere:
        identify = next(known for known in situation.config.identifies if known.name == cause.name)
        if not identify.wizard and not is_generated(situation.config, identify.where.file):
            yield exclude_sources(situation.config, identify, name, groups)
        return
    others = [_renamed(situation.config, cause, cause.where, other, groups, True) for other in close[1:]]
    draft = _renamed(situation.config, cause, cause.where, name, groups, bool(close))
    yield replace(draft, alternatives=(*others, *_let_go_elsewhere(situation, cause, groups)))


def _renamed(  # noqa: PLR0917  (a line and what becomes of it)
    config: Config, cause: Cause, where: Where, name: str, groups: Sequence[CallGroup], alike: bool
) -> Draft:
    """`endpoint=` of an identify names another endpoint."""
    line = line_at(config, where)
    has_option = line.split("=")[0].strip().lower() == "endpoint"
    edit = set_value(config, where, name) if has_option else Edit(where.file, where.line + 1, (), (f"endpoint={name}",))
    note = f"endpoint={name}" + (" is spelt alike" if alike else " is what the evidence points to")
    return Draft(groups, where.file, where.line, cause.name, name, (), (edit,), sources(groups), note, is_own=alike)


def _let_go_elsewhere(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """The identify leaves sources to other identifies that take them, whose endpoints exist."""
    config = situation.config
    identify = identify_named(config, cause.name)
    if identify is None or identify.wizard or is_generated(config, identify.where.file):
        return
    found: dict[str, list[CallGroup]] = {}
    for group in groups:
        for known, _ in find_taking(situation, group):
            if known is not identify and known.endpoint in config.endpoints:
                found.setdefault(known.endpoint, []).append(group)
    for endpoint, taken in found.items():
        yield exclude_sources(config, identify, endpoint, taken)


def order(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Puts the identifier that was meant before the one that takes the calls; without a detail there is none."""
    if not cause.detail:
        return
    taken = groups[0].verdict.identifier
    # Whoever took the calls by what the caller says of itself must come after all rules, whichever of them was meant.
    meant = "ip" if taken in CALLER_IDENTIFIERS else cause.detail
    written = dict.fromkeys(map(str.strip, situation.config.globals.endpoint_identifier_order.split(",")))
    listed_names = [name for name in written if name in IDENTIFIER_NAMES and name != meant]
    at = listed_names.index(taken) if taken in listed_names else len(listed_names)
    value = ",".join([*listed_names[:at], meant, *listed_names[at:]])
    where, edit = set_order(situation.config, value)
    add = (f"endpoint_identifier_order={value}",)
    note = f"{meant} is asked before {taken}"
    if not is_generated(situation.config, where.file):
        yield Draft(groups, where.file, where.line, where.section or "global", "", add, (edit,), sources(groups), note)


def by_name(situation: Situation, endpoint: str, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Lets the From user find an account that has a password, where its own `identify_by` keeps it from that."""
    account = situation.config.endpoints[endpoint]
    variable = account.option("identify_by")
    if not account.auth or variable is None or variable.where.section != endpoint:
        return
    where = variable.where
    if any(passed_over(group) != endpoint for group in groups) or is_generated(situation.config, where.file):
        return
    edit = set_value(situation.config, where, f"username,{value_of(line_at(situation.config, where))}")
    note = f"{endpoint} has a password, so its From user may find it from any address"
    yield Draft(groups, where.file, where.line, where.section, endpoint, (), (edit,), sources(groups), note)


def credentials(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """`auth=` of a trunk becomes `outbound_auth=`, or goes where the endpoint has that already."""
    endpoint = situation.config.endpoints[cause.name]
    if cause.detail or cause.where is None or groups[0].verdict.identifier not in RULE_IDENTIFIERS:
        return
    if endpoint.wizard:
        yield from _open_wizard(situation.config, endpoint, groups)
        return
    line = line_at(situation.config, cause.where)
    option = line.split("=")[0].strip()
    if option.lower() not in ("auth", "endpoint/auth") or is_generated(situation.config, cause.where.file):
        return
    kept = endpoint.option("outbound_auth") is not None
    missing = len(missing_auths(endpoint, situation.config)) == len(endpoint.auth)
    new = f";{line}" if kept or missing else with_name(line, option[:-4] + "outbound_auth")
    where = cause.where
    own = where.section == endpoint.name and endpoint.option("identify_by") is None
    own = own and not _registers(situation.config, endpoint)
    # Without auth= a name in From lets anybody in. identify_by=ip closes that door, but only where nobody registers for
    # the endpoint: whoever does calls in from addresses that no match= has.
    shut = [style_line(line, option[:-4] + "identify_by", "ip")] if own else []
    edit = Edit(where.file, where.line, (line,), (new, *shut))
    note = "the provider is known by its address and need not log in"
    if shut:
        note += "; identify_by=ip keeps everybody else from calling in under its name without a password"
    elif "username" in endpoint.identify_by:
        note += f"; set identify_by=ip for {endpoint.name}, or anybody who names it gets in without a password"
    if not missing:
        why = "is there already" if kept else "is what Asterisk shows to the provider"
        note = f"{note}; outbound_auth {why}"
    yield Draft(groups, where.file, where.line, where.section, endpoint.name, (), (edit,), sources(groups), note)


def _open_wizard(config: Config, endpoint: Endpoint, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Has the wizard of a trunk ask for no credentials."""
    section = next((one for one in config.sections if one.where == endpoint.where), None)
    line = section.first("accepts_auth") if section else None
    if section is None or line is None or line.where.section != section.name or _registers(config, endpoint):
        return
    if is_generated(config, line.where.file):
        return
    place, text = line.where, line_at(config, line.where)
    # Without a password a name in From would let anybody in.
    shut = () if endpoint.option("identify_by") else (style_line(text, "endpoint/identify_by", "ip"),)
    edit = Edit(place.file, place.line, (text,), (with_value(text, "no"), *shut))
    note = "the provider is known by its address and need not log in; outbound_auth/ is what Asterisk shows to it"
    note += "; identify_by=ip keeps everybody else from calling in under its name without a password" if shut else ""
    yield Draft(groups, place.file, place.line, place.section, endpoint.name, (), (edit,), sources(groups), note)


def _registers(config: Config, endpoint: Endpoint) -> bool:
    """Whether the files let somebody register for the endpoint, who then calls under its name."""
    aors = (config.aors.get(name) for name in endpoint.aors)
    return any(aor.value("max_contacts", "0").strip() not in ("", "0") for aor in aors if aor)


def permission(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Permits the addresses behind the rule that denies them."""
    # A permit= behind the rule that denies decides, as the last rule that fits does (ast_apply_acl, main/acl.c).
    groups = [known for known in groups if is_expected(situation, known) and known.verdict.identifier != "anonymous"]
    if cause.where is None or not groups:
        return
    line = line_at(situation.config, cause.where)
    option = line.split("=")[0].strip()
    kind = option.lower().rpartition("/")[2]
    if kind == "acl" and is_missing(cause):
        yield from _named_list(situation.config, cause.where, cause.name, groups)
    if kind not in ("deny", "permit", "contact_deny", "contact_permit"):
        return
    name = option[: len(option) - len(kind)] + kind.replace("deny", "permit")
    ips = {host for group in groups for host in contacts(group)} if is_by_contact(cause) else sources(groups)
    texts = [f"{ip}/{BITS[number(ip)[0]]}" for ip in ips]
    edit = Edit(cause.where.file, cause.where.line + 1, (), tuple(style_line(line, name, text) for text in texts))
    add = tuple(f"{name}={text}" for text in texts)
    where = cause.where
    yield Draft(groups, where.file, where.line, where.section, cause.name, add, (edit,), sources(groups))


def _named_list(config: Config, where: Where, endpoint: str, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """The name of an access list that is spelt alike, in place of one that does not exist."""
    close = get_close_matches(value_of(line_at(config, where)), list(config.named_acls), 1, 0.75)
    if close and not is_generated(config, where.file):
        edit = set_value(config, where, close[0])
        note = f"acl.conf has [{close[0]}], which is spelt alike"
        yield Draft(groups, where.file, where.line, where.section, endpoint, (), (edit,), sources(groups), note)
