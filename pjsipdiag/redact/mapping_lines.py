"""Lines of the files that map types and families to tables: names of files and tables stay, others have stand-ins."""

from __future__ import annotations

import re
from typing import Protocol

from pjsipdiag.asterisk.realtime.families import parse_mapping
from pjsipdiag.asterisk.section import Variable, Where
from pjsipdiag.redact.disguise import STAYING_NAMES, Disguise

_PLAIN = re.compile(r"[\w./-]*")
_SECTION = re.compile(r"\[[\w.-]*\](?:\([\w.,!+-]*\))?")


class StandIns(Protocol):
    """Gives stand-ins for the name of an option, the value of `type=`, and the value of an option."""

    def option(self, text: str, /) -> str: ...
    def kind(self, text: str, /) -> str: ...
    def value(self, option: str, value: str, /) -> str: ...


def is_named_section(text: str) -> bool:
    """Whether a line begins a section of these files, whose names are those of modules."""
    return bool(_SECTION.fullmatch(text))


def redact_extconfig(name: str, sign: str, value: str, disguise: Disguise, _: StandIns) -> str:
    """A line of extconfig.conf; what a driver is told may be the URL of a web server, with a password."""
    mapped = parse_mapping(Variable(name, value, Where("", 0)))
    if mapped is None:
        return f"{_plain(name, disguise)}{sign}{_database(value, disguise)}"
    parts = [_plain(mapped.driver, disguise), _database(mapped.database, disguise)]
    if not mapped.no_table:
        parts += [_plain(mapped.table, disguise), str(mapped.priority)]
    return f"{_plain(name, disguise)}{sign}{','.join(parts)}"


def redact_sorcery(name: str, sign: str, value: str, disguise: Disguise, options: StandIns) -> str:
    """A line of sorcery.conf; it may choose sections by their names and options."""
    parts = [_wizard_option(part, disguise, options) for part in value.split(",")]
    shown = name if _PLAIN.fullmatch(name) else disguise.opaque("option", name)
    return f"{shown}{sign}{','.join(parts)}"


def _wizard_option(text: str, disguise: Disguise, options: StandIns) -> str:
    name, equals, value = text.partition("=")
    key, sign, wanted = value.partition("=")
    if name.lower() == "explicit_name":
        return f"{name}={disguise.section(value)}"
    if name.lower() == "criteria" and sign:
        stand = options.kind(wanted) if key.lower() == "type" else options.value(key, wanted)
        return f"{name}={options.option(key)}={stand}"
    return f"{_plain(name, disguise)}{equals}{_plain(value, disguise)}"


def learn_mapping(database: str, table: str, disguise: Disguise) -> None:
    """Makes known what extconfig.conf tells a driver, as sentences and advice name it."""
    stand = _database(database, disguise)
    for ending in ("", "=URL", "=FILE"):
        disguise.learn(database + ending, stand + ending)
    if (shown := _plain(table, disguise)) != table:
        disguise.learn(table, shown)


def _database(text: str, disguise: Disguise) -> str:
    return text if text.lower() in STAYING_NAMES else disguise.opaque("database", text)


def _plain(text: str, disguise: Disguise) -> str:
    return text if _PLAIN.fullmatch(text) else disguise.opaque("word", text)
