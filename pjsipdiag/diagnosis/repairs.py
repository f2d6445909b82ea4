"""Repairs that are no new address: a value, a name, an order or an option that the files have wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pjsipdiag.asterisk import options
from pjsipdiag.asterisk.config import Config, Dropped, Where
from pjsipdiag.diagnosis.addresses import is_address, number
from pjsipdiag.diagnosis.draft import Draft
from pjsipdiag.diagnosis.edits import changed, line_at, lines_of, styled, value_of, with_name, with_value
from pjsipdiag.diagnosis.evidence import best
from pjsipdiag.diagnosis.lookup import lookup
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.place import end_of_section, is_generated
from pjsipdiag.diagnosis.rules.cause import Cause, sources
from pjsipdiag.diagnosis.situation import CallGroup, Situation

ROUNDS = 8
"""How many mistakes of one object are repaired one after the other."""

_ONE_OF = re.compile(r"is one of ([^;]+?), not")
_NO_OPTION = re.compile(r"has no option '([^']*)'")


def loading(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Corrects the line that drops an object, and the next one while the object still does not load."""
    kind, _, name = cause.name.partition(" ")
    edits: list[Edit] = []
    where = cause.where
    config = situation.config
    known = lookup(situation).dropped if kind == "identify" else config.dropped
    dropped = next((lost for lost in known if (lost.type, lost.name) == (kind, name)), None)
    for _ in range(ROUNDS):
        if dropped is None or where is None or situation.reload is None or is_generated(config, where.file):
            break
        edit = _corrected(config, dropped)
        if edit is None or any((edit.file, edit.line) == (made.file, made.line) for made in edits):
            break
        edits.append(edit)
        dropped = _dropped(situation.reload(changed(config, edits), ""), kind, name)
    if edits and where:
        lines = "; ".join(f"line {edit.line}: {''.join(edit.old).strip()} -> {edit.new[0].strip()}" for edit in edits)
        note = (
            f"{lines}; write the right value instead, if there is one"
            if any(_silenced(edit) for edit in edits)
            else lines
        )
        yield Draft(groups, where.file, where.line, where.section, "", (), tuple(edits), sources(groups), note)


def rejected(situation: Situation, _cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Closes an open bracket, or takes out an include of a file that is not there."""
    where = situation.config.rejected[0].where
    line = line_at(situation.config, where)
    text = line.strip()
    if text.startswith("[") and "]" not in text:
        new = f"{line.split(';')[0].rstrip()}]"
    elif text.lower().startswith("#include"):
        new = f";{line}"
    else:
        return
    edit = Edit(where.file, where.line, (line,), (new,))
    yield Draft(
        groups, where.file, where.line, where.section, "", (), (edit,), sources(groups), f"{text} -> {new.strip()}"
    )


def endpoint_name(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Corrects `endpoint=` to the name that is spelt alike, or that the evidence names."""
    close = get_close_matches(cause.detail, list(situation.config.endpoints), n=1, cutoff=0.75)
    owners = {owner.endpoint for group in groups for owner in best(situation, group)}
    name = close[0] if close else next(iter(owners)) if len(owners) == 1 else ""
    if not name or cause.where is None:
        return
    line = line_at(situation.config, cause.where)
    has_option = line.split("=")[0].strip().lower() == "endpoint"
    edit = (
        Edit(cause.where.file, cause.where.line, (line,), (with_value(line, name),))
        if has_option
        else Edit(cause.where.file, cause.where.line + 1, (), (f"endpoint={name}",))
    )
    note = f"endpoint={name}" + (" is spelt alike" if close else " is what the evidence points to")
    yield Draft(groups, cause.where.file, cause.where.line, cause.name, name, (), (edit,), sources(groups), note)


def order(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Puts the identifier that was meant before the one that takes the calls."""
    taken = groups[0].verdict.identifier
    meant = "ip" if taken in ("username", "auth_username") else cause.detail
    listed_names = [name for name in situation.config.globals.endpoint_identifier_order.split(",") if name != meant]
    at = listed_names.index(taken) if taken in listed_names else len(listed_names)
    value = ",".join([*listed_names[:at], meant, *listed_names[at:]])
    variable = situation.config.globals.option("endpoint_identifier_order")
    add = (f"endpoint_identifier_order={value}",)
    note = f"{meant} is asked before {taken}"
    if variable:
        where = variable.where
        line = line_at(situation.config, where)
        edit = Edit(where.file, where.line, (line,), (with_value(line, value),))
    else:
        where = situation.config.globals.where
        if where.line:
            edit = Edit(where.file, end_of_section(situation.config, where.file, where.line) + 1, (), add)
        else:
            file = next((known for known in situation.config.files if known.endswith("pjsip.conf")), "pjsip.conf")
            where = Where(file, len(lines_of(situation.config, file)), "global")
            edit = Edit(file, where.line + 1, (), ("", "[global]", "type=global", *add))
    if not is_generated(situation.config, where.file):
        yield Draft(groups, where.file, where.line, where.section or "global", "", add, (edit,), sources(groups), note)


def credentials(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """`auth=` of a trunk becomes `outbound_auth=`, or goes where the endpoint has that already."""
    endpoint = situation.config.endpoints[cause.name]
    if cause.detail or cause.where is None or groups[0].verdict.identifier not in ("ip", "header", "request_uri"):
        return
    line = line_at(situation.config, cause.where)
    option = line.split("=")[0].strip()
    if option.lower() not in ("auth", "endpoint/auth") or is_generated(situation.config, cause.where.file):
        return
    kept = endpoint.option("outbound_auth") is not None
    missing = not any(name in situation.config.auths for name in endpoint.auth)
    new = f";{line}" if kept or missing else with_name(line, option[:-4] + "outbound_auth")
    edit = Edit(cause.where.file, cause.where.line, (line,), (new,))
    note = "the provider is known by its address and need not log in"
    if not missing:
        why = "is there already" if kept else "is what Asterisk shows to the provider"
        note = f"{note}; outbound_auth {why}"
    where = cause.where
    yield Draft(groups, where.file, where.line, where.section, endpoint.name, (), (edit,), sources(groups), note)


def permission(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Permits the addresses behind the rule that denies them."""
    if cause.where is None:
        return
    line = line_at(situation.config, cause.where)
    option = line.split("=")[0].strip()
    if option.lower().rpartition("/")[2] not in ("deny", "permit"):
        return
    name = option[: len(option) - len(option.rpartition("/")[2])] + "permit"
    texts = [f"{ip}/{32 if number(ip)[0] == 4 else 128}" for ip in sources(groups)]
    edit = Edit(cause.where.file, cause.where.line + 1, (), tuple(styled(line, name, text) for text in texts))
    add = tuple(f"{name}={text}" for text in texts)
    where = cause.where
    yield Draft(groups, where.file, where.line, where.section, cause.name, add, (edit,), sources(groups))


def _corrected(config: Config, dropped: Dropped) -> Edit | None:
    """The smallest change of the line that drops an object."""
    where = dropped.where
    line = line_at(config, where)
    if not line:
        return None
    text = line.strip()
    if dropped.reason.startswith("its type is"):
        return Edit(where.file, where.line, (line,), (with_value(line, dropped.type),))
    if dropped.reason.startswith("it has no type"):
        return Edit(where.file, where.line + 1, (), (f"type={dropped.type}",))
    if text.startswith("["):
        if "there are two" not in dropped.reason:
            return None
        taken = {section.name for section in config.sections}
        name = next(new for count in range(2, 100) if (new := f"{where.section}-{count}") not in taken)
        return Edit(where.file, where.line, (line,), (line.replace(f"[{where.section}]", f"[{name}]", 1),))
    unknown = _NO_OPTION.search(dropped.reason)
    close = get_close_matches(unknown[1], options.names(dropped.type, config.version), 1, 0.8) if unknown else []
    if close:
        return Edit(where.file, where.line, (line,), (with_name(line, close[0]),))
    known = _ONE_OF.search(dropped.reason)
    value = value_of(line)
    better = get_close_matches(value.lower(), [word.strip() for word in known[1].split(",")], 1, 0.6) if known else []
    if better:
        return Edit(where.file, where.line, (line,), (with_value(line, better[0]),))
    parts = [part.strip() for part in value.split(",")]
    masked = [_with_mask(part) for part in parts]
    if masked != parts:
        return Edit(where.file, where.line, (line,), (with_value(line, ", ".join(masked)),))
    good = [part for part in parts if part not in dropped.reason]
    if 0 < len(good) < len(parts):
        return Edit(where.file, where.line, (line,), (with_value(line, ",".join(good)),))
    return Edit(where.file, where.line, (line,), (f";{line}",))


def _with_mask(value: str) -> str:
    """`!203.0.113.9` is a host name to Asterisk; `!203.0.113.9/32` is the exception that was meant."""
    if not value.startswith("!") or "/" in value or not is_address(value[1:]):
        return value
    return f"{value}/{32 if number(value[1:])[0] == 4 else 128}"


def _silenced(edit: Edit) -> bool:
    return edit.new[0].startswith(";") and not "".join(edit.old).startswith(";")


def _dropped(config: Config, kind: str, name: str) -> Dropped | None:
    return next((dropped for dropped in config.dropped if (dropped.type, dropped.name) == (kind, name)), None)
