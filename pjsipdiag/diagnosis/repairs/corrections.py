"""Corrects a line that drops its object: finds what it was meant to be, the smallest change that Asterisk takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pjsipdiag.asterisk.addresses.address_rule import BITS, fits, number
from pjsipdiag.asterisk.addresses.match import parse_match
from pjsipdiag.asterisk.config import Config, DroppedObject
from pjsipdiag.asterisk.loading import object_options
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.diagnosis.edits.place import added_lines, free_name
from pjsipdiag.diagnosis.edits.text_changes import line_at, option_of, style_line, value_of, with_name, with_value
from pjsipdiag.diagnosis.evidence.lookup import section_at
from pjsipdiag.diagnosis.evidence.readable_addresses import is_address, is_name
from pjsipdiag.diagnosis.evidence.trunks import prefix
from pjsipdiag.diagnosis.model import Edit

ADDRESS_OPTIONS = ("match", "identify/match", "remote_hosts", "permit", "deny", "endpoint/permit", "endpoint/deny")
"""Options whose values are addresses."""


def correction(config: Config, dropped: DroppedObject, ips: Sequence[str], owner: str) -> Edit | None:
    """The change of the line that drops an object, which is to take `ips` for endpoint `owner`."""
    where = dropped.where
    line = line_at(config, where)
    if not line:
        return None
    if dropped.why.kind is LoadReason.NO_TYPE:
        return Edit(where.file, where.line + 1, (), (f"type={dropped.type}",))
    if dropped.why.kind is LoadReason.TYPE_COMES_SECOND:
        section = section_at(config, dropped)
        meant = section.first("endpoint") if section else None
        head = free_name(config, meant.value if meant else dropped.name)
        return Edit(where.file, where.line, (), (f"[{head}]",))
    if dropped.why.kind in _ELSEWHERE:
        return None
    if _missing(dropped) == "endpoint":
        return Edit(where.file, where.line + 1, (), (f"endpoint={owner}",)) if owner else None
    added = added_lines(config, where) if dropped.why.kind in _OF_MATCH else None
    if added:
        return added
    new = next(filter(None, _readings(config, dropped, line, ips)), "")
    # A head cannot be commented out: its options would become those of the section before it.
    if not new and line.lstrip().startswith("["):
        return None
    return Edit(where.file, where.line, (line,), (new or f";{line}",))


_ELSEWHERE = (
    *(LoadReason.OF_CHAN_SIP, LoadReason.MAPPED_AWAY, LoadReason.BEHIND_A_CACHE, LoadReason.WIZARD_ELSEWHERE),
)
"""Reasons that no line of the section mends: it belongs into another file, or is to be written anew."""
_OF_MATCH = (LoadReason.MATCH_NOT_RESOLVED, LoadReason.MATCH_REFUSED)
_ONE_OF = (ValueReason.NOT_ONE_OF, ValueReason.NOT_ONE_OF_SMALL)


def _missing(dropped: DroppedObject) -> str:
    """The option that is not there and must be."""
    missing = dropped.why.kind in (LoadReason.MISSING, LoadReason.NO_REMOTE_HOSTS)
    return str(dropped.why["option"]) if missing else ""


def _readings(config: Config, dropped: DroppedObject, line: str, ips: Sequence[str]) -> Iterator[str]:
    """The lines that may have been meant, the likeliest first; empty where a reading does not apply."""
    if dropped.why.kind is LoadReason.OTHER_TYPE:
        yield with_value(line, dropped.type)
    if dropped.why.kind is LoadReason.ADDS_NOTHING:
        yield line.replace(f"[{dropped.name}]", f"[{dropped.name}](+type={dropped.type})", 1)
    yield _no_template(dropped, line)
    yield _other_name(config, dropped, line)
    yield _other_option(config, dropped, line, ips)
    if not line.lstrip().startswith("["):
        yield _other_word(dropped, line)
        yield _other_value(config, dropped, line, ips)


def _no_template(dropped: DroppedObject, line: str) -> str:
    """The head of a template as that of a section."""
    if dropped.why.kind is not LoadReason.TEMPLATE:
        return ""
    head, options, rest = line.partition("(")
    marks, close, more = rest.partition(")")
    kept = ",".join(mark for mark in marks.split(",") if mark.strip() != "!")
    return f"{head}{options}{kept}{close}{more}" if kept else f"{head}{more}"


def _other_name(config: Config, dropped: DroppedObject, line: str) -> str:
    """A name of its own for the second of two sections."""
    if dropped.why.kind is not LoadReason.TWO_OF_ONE_NAME or not line.lstrip().startswith("["):
        return ""
    old, taken = dropped.where.section, {section.name for section in config.sections}
    name = next(new for count in range(2, 100) if (new := f"{old}-{count}") not in taken)
    return line.replace(f"[{old}]", f"[{name}]", 1)


def _other_option(config: Config, dropped: DroppedObject, line: str, ips: Sequence[str]) -> str:
    """The option that is spelt alike; for one that this release does not know, the addresses that called."""
    group, slash, spelt = line.partition("=")[0].strip().rpartition("/")
    missing, unknown = _missing(dropped), dropped.why.kind is LoadReason.NO_OPTION
    names = [missing] if missing else object_options.names(dropped.type, config.version) if unknown else ()
    close = get_close_matches(spelt.lower(), names, 1, 0.8)
    if close:
        return with_name(line, f"{group}{slash}{close[0]}")
    section = section_at(config, dropped)
    if unknown and section and dropped.type == "identify" and not _asks(section, dropped.where):
        return style_line(line, f"{group}{slash}match", ", ".join(ips))
    return ""


def _other_word(dropped: DroppedObject, line: str) -> str:
    """The word that is spelt alike, of those that the option takes."""
    words = dropped.why.get("words") if dropped.why.kind in _ONE_OF else ()
    better = get_close_matches(value_of(line).lower(), words, 1, 0.6)
    return with_value(line, better[0]) if better else ""


def _other_value(config: Config, dropped: DroppedObject, line: str, ips: Sequence[str]) -> str:
    """The value without what was refused, or with what that was meant to be."""
    value = value_of(line)
    parts, refused = [part.strip() for part in value.split(",")], {*dropped.why.texts}
    # Of a list of words the refused ones are left out. Of addresses nothing is left out that can be read as one: each
    # tells whose calls are meant, so it is tidied first, and replaced by who called from there at last.
    if option_of(line) not in ADDRESS_OPTIONS:
        good = [part for part in parts if part not in refused]
    else:
        tidied = [part for text in parts for part in _tidy(text).split(", ")]
        good = [part for part in tidied if _is_address_list(part) or (is_name(part) and part not in refused)]
        good += _callers_near(config, dropped, [part for part in tidied if part not in good], ips)
    new = (", " if option_of(line) in ADDRESS_OPTIONS else ",").join(dict.fromkeys(good))
    return with_value(line, new) if new and new != value else ""


def _asks(section: Section, but: Where) -> bool:
    """Whether an identify looks for anything beside the line `but`."""
    names = ("match", "match_header", "match_request_uri")
    return any(variable.name.lower() in names and variable.where != but for variable in section.variables)


_QUOTES = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"


def _tidy(value: str) -> str:
    """An address that is written as something else, as it was meant; the same value where that is not certain."""
    plain = re.sub(r"^<?sips?:(?:[^@]*@)?([^;>]*).*$", r"\1", value, flags=re.IGNORECASE)
    candidates = (
        _with_mask(value),
        plain,
        value.strip(_QUOTES),
        ", ".join(value.split()),
        _as_network(value),
        value.translate(str.maketrans("OoIl", "0011")),
    )
    return next((text for text in candidates if text != value and _is_address_list(text)), value)


_ANY_OCTETS = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,2})((?:\.\*){1,3})")


def _as_network(value: str) -> str:
    """The network of 203.0.113.*; empty for what is none."""
    found = _ANY_OCTETS.fullmatch(value) if value.count(".") == 3 else None
    octets = found[1].split(".") if found else []
    return f"{'.'.join([*octets, '0', '0', '0'][:4])}/{8 * len(octets)}" if octets else ""


def _is_address_list(text: str) -> bool:
    found = parse_match(text, Where("", 0))
    return bool(found.rules) and not found.refusal and not found.hosts


def _callers_near(config: Config, dropped: DroppedObject, refused: Sequence[str], ips: Sequence[str]) -> list[str]:
    """The addresses that called from the /24 of which a refused value speaks, and that no other line has."""
    section = section_at(config, dropped)
    others = [variable for variable in section.variables if variable.where != dropped.where] if section else []
    rules = [
        rule
        for variable in others
        if variable.name.lower() in ADDRESS_OPTIONS
        for rule in parse_match(variable.value, variable.where).rules
    ]
    near = [ip for ip in ips if any(_speaks_of(text, ip) for text in refused)]
    return [ip for ip in near if not any(fits(rule, ip) for rule in rules)]


def _speaks_of(text: str, ip: str) -> bool:
    """Whether a value that is no address was meant for the /24 (IPv6: /64) of `ip`."""
    address = text.partition("/")[0]
    same = is_address(address) and prefix(address) == prefix(ip)
    return same or ("." in ip and text.startswith(ip.rpartition(".")[0] + "."))


def _with_mask(value: str) -> str:
    """`!203.0.113.9` is a host name to Asterisk; `!203.0.113.9/32` is the exception that was meant."""
    if not value.startswith("!") or "/" in value or not is_address(value[1:]):
        return value
    return f"{value}/{BITS[number(value[1:])[0]]}"
