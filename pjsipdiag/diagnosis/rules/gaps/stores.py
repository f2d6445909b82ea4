"""Objects that stand where nothing was read: in databases, memory and other files, or in what a program writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import Config, LoadedObject, UnreadObjects
from pjsipdiag.diagnosis.evidence.seen import with_calls
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import counted, listed, sources, with_status
from pjsipdiag.diagnosis.situation import CallGroup, Situation

MOST_ROW_COMMANDS = 3
"""Commands that show what Asterisk has."""


def tables_not_read(situation: Situation) -> Iterable[Finding]:
    """Findings on what was not read, with the refused calls whose verdict hangs on it."""
    for held, finding in zip(stores(situation.config), unread_stores(situation.config), strict=True):
        yield _with_refused(situation, finding, held)


def programs_not_run(situation: Situation) -> Iterable[Finding]:
    """The findings on objects that programs write."""
    for finding in programs(situation.config):
        held = [
            one for one in situation.config.unread_objects if one.source == "program" and one.where == finding.where
        ]
        yield _with_refused(situation, finding, held)


def _with_refused(situation: Situation, finding: Finding, unread: Collection[UnreadObjects]) -> Finding:
    def hangs(group: CallGroup) -> bool:
        return any(one.why.get("what") in unread for one in group.verdict.unknown)

    groups = [group for group in situation.groups if with_status(group, 401) and hangs(group)]
    if not groups:
        return finding
    count = sum(with_status(group, 401) for group in groups)
    message = f"{finding.message}; so it is not known why {listed(sources(groups))} got 401 ({counted(count, 'call')})"
    return with_calls(replace(finding, message=message, sources=sources(groups), calls=count), groups, (401,))


def unread_stores(config: Config) -> Iterator[Finding]:
    """Tables, memory and files that were not read: what hangs on them is unknown. One finding for each of them."""
    for held in stores(config):
        types = ", ".join(one.type for one in held)
        places = ", ".join(dict.fromkeys(one.place for one in held))
        shown = ", ".join(
            f"`asterisk -rx '{one}'`" for one in list(dict.fromkeys(one.how_shown for one in held))[:MOST_ROW_COMMANDS]
        )
        yield Finding(
            Severity.WARNING,
            f"{types} objects come (also) from {held[0].store}: what hangs on them is unknown",
            held[0].where,
            evidence=(
                f"{shown} {'show' if ',' in shown else 'shows'} what Asterisk has",
                *(text for one in held for text in _passed_over(config, one.type)),
            ),
            advice=f"{held[0].give}: until then none can be called missing. What is missing is written {places},"
            " nowhere else",
        )


def _passed_over(config: Config, object_type: str) -> Iterator[str]:
    """A sentence on the sections of a type that are in the files and not loaded: the store stands in their place."""
    known: Mapping[str, Iterable[LoadedObject]] = {
        "endpoint": config.endpoints.values(),
        "identify": config.identifies,
        "aor": config.aors.values(),
        "auth": config.auths.values(),
    }
    if object_type not in known:
        return
    told = {one.where for one in known[object_type]} | {one.section_where for one in config.dropped}
    typed = ((section, section.first("type")) for section in config.sections if not section.is_template)
    left = [section for section, kind in typed if kind and kind.value == object_type and section.where not in told]
    names = [f"[{section.name}] ({section.where})" for section in left if section.where.file in config.files]
    if names:
        does = "do" if names[1:] else "does"
        yield f"{listed(names)} {does} not count: sorcery.conf takes no {object_type} from that file"


def stores(config: Config) -> Iterable[Sequence[UnreadObjects]]:
    """The types of objects that were not read, by the store that holds them."""
    found: dict[str, list[UnreadObjects]] = {}
    for one in (one for one in config.unread_objects if one.source in ("table", "store")):
        found.setdefault(one.store, []).append(one)
    return found.values()


def programs(config: Config) -> Iterator[Finding]:
    """Lines that have a program write the configuration: what hangs on its output is unknown."""
    for where, text in dict.fromkeys((one.where, str(one)) for one in config.unread_objects if one.source == "program"):
        yield Finding(
            Severity.WARNING,
            text,
            where,
            advice="Run the program on the machine, put what it prints in the place of the line in a copy of the "
            "files, and give that copy.",
        )
