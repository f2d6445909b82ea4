"""Tries a change: which calls go elsewhere with lines added to a section, or with another identifier order."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading import object_options
from pjsipdiag.asterisk.section import Section
from pjsipdiag.asterisk.verdict import IDENTIFIER_NAMES, Verdict
from pjsipdiag.diagnosis.compare import Change, by_weight, describe, differs
from pjsipdiag.diagnosis.edits.place import end_of_section, set_order
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.proof.prove import replay_alike
from pjsipdiag.diagnosis.repairs.proof.reach import Passage
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.errors import ConfigError
from pjsipdiag.sip import SipMessage


def what_if(
    situation: Situation, lines: Sequence[str] = (), section: str = "", order: str | None = None
) -> tuple[Change, ...]:
    """The calls that would go elsewhere with `lines` at the end of [`section`], and with `order` as the
    endpoint_identifier_order; most calls first.

    Raises ConfigError when there is no such section, a line is no `name=value`, or the configuration is not in files.
    """
    if situation.reload is None:
        raise ConfigError("this configuration does not come from files, so no line can be tried")
    strange = [name for name in (order or "").split(",") if order and name.strip() not in IDENTIFIER_NAMES]
    if strange:
        raise ConfigError(f"{strange[0]!r} is no identifier: Asterisk has {', '.join(IDENTIFIER_NAMES)}")
    edits = [
        *(_additions(situation.config, lines, section) if lines else ()),
        *(_order(situation.config, order) if order else ()),
    ]
    found: dict[tuple[str, str, str], tuple[int, CallGroup]] = {}
    other = situation.reload(apply_edits(situation.config, edits), "")
    was, will = Passage(situation, situation.config), Passage(situation, other)
    for group, calls, after, message in replay_alike(situation, other):
        before = group.verdict
        ends = _end(was, group, before, message), _end(will, group, after, message)
        if differs(before, after) or ends[0] != ends[1]:
            key = (group.source, describe(before) + ends[0], describe(after) + ends[1])
            count, first = found.get(key, (0, group))
            found[key] = count + calls, first
    changes = [Change(*key, count, situation.calls[first.first_call]) for key, (count, first) in found.items()]
    return by_weight(changes)


def _end(way: Passage, group: CallGroup, verdict: Verdict, message: SipMessage) -> str:
    """Where a call that is let in comes out: its context, and what answers it next, as far as the files tell."""
    endpoint = way.config.endpoints.get(verdict.endpoint)
    if endpoint is None or not verdict.endpoint:
        return ""
    stop = way.stop(group, verdict, message)
    doubt = "" if stop else way.doubt(group, verdict, message)
    more = f", answered {stop.status} next: {stop.reason}" if stop else f", {doubt}" if doubt else ""
    return f" in context {endpoint.context}{more}"


def _additions(config: Config, lines: Sequence[str], section: str) -> list[Edit]:
    added: dict[int, list[str]] = {}
    for line in lines:
        option, equals, _ = line.partition("=")
        option = option.strip().removesuffix("+").strip()
        if not equals or not option:
            raise ConfigError(f"{line!r} is not a line of a configuration file: write NAME=VALUE")
        there = _section(config, section, option)
        if option.lower() == "type" and there.first("type") is not None:
            raise ConfigError(f"[{there.name}] has a type= already, and the first one counts: {line!r} changes nothing")
        added.setdefault(config.sections.index(there), []).append(line)
    edits = []
    for at, text in added.items():
        where = config.sections[at].where
        edits.append(Edit(where.file, end_of_section(config, where.file, where.line) + 1, (), tuple(text)))
    return edits


def _section(config: Config, name: str, option: str) -> Section:
    """The section of that name whose type knows the option; `NAME:TYPE` says which, where several do."""
    found = [section for section in config.sections if section.name == name]
    wanted, _, kind = name.rpartition(":")
    if not found and wanted:
        found = [section for section in config.sections if section.name == wanted and kind in _types(config, section)]
    if not found:
        names = ", ".join(dict.fromkeys(identify.name for identify in config.identifies)) or "none"
        missing = f"there is no section [{name}] in {config.directory}" if name else "--try needs --in SECTION"
        raise ConfigError(f"{missing}; the identifies are: {names}")
    # Several sections may have one name, one for each type, as in Asterisk's sample files. The option says which is
    # meant; a match= line can only be meant for the identify. What Asterisk would refuse is refused here, for a line
    # that drops its object would change more than was asked.
    fitting = [section for section in found if _takes(config, section, option)]
    types = list(dict.fromkeys(one for section in fitting for one in sorted(_types(config, section))))
    if not fitting:
        known = sorted({one for section in found for one in _types(config, section)})
        if known == ["wizard"]:
            groups = [
                one for one in WIZARD_OF if object_options.knows(WIZARD_GROUPS.get(one, one), option, config.version)
            ]
            meant = f": write {' or '.join(f'{one}/{option}' for one in groups)}" if groups else ""
            raise ConfigError(
                f"[{found[0].name}] of type=wizard has no option {option!r}: Asterisk passes over it without a"
                f" word{meant}"
            )
        alike = get_close_matches(
            option.lower(), [n for one in known for n in object_options.names(one, config.version)], 1
        )
        meant = f" (did you mean {alike[0]}?)" if alike else ""
        raise ConfigError(
            f"[{found[0].name}] of type={', '.join(known)} has no option {option!r} in Asterisk {config.version}: it"
            f" would drop the object{meant}"
        )
    if len(types) > 1 and "wizard" not in types and "identify" not in types and len(fitting) > 1:
        raise ConfigError(
            f"several sections are named [{found[0].name}], and {option}= is an option of more than one"
            f" ({', '.join(types)}): say which section, as --in {found[0].name}:{types[0]}"
        )
    identifies = [section for section in fitting if _types(config, section) & {"identify", "wizard"}]
    return (identifies or fitting)[-1]


def _types(config: Config, section: Section) -> frozenset[str]:
    """The type of a section; of a template without one the types of the sections that it is put into."""
    kind = section.first("type")
    if kind is not None:
        return frozenset((kind.value,))
    children = (one.first("type") for one in config.sections if section.name in one.parents)
    return frozenset(child.value for child in children if child is not None)


def _takes(config: Config, section: Section, option: str) -> bool:
    """Whether Asterisk would take a line with that option there; types that are not known are not judged."""
    types = _types(config, section)
    if not types or types - {*object_options.OBJECT_TYPES, "wizard"}:
        return True
    group, slash, rest = option.lower().rpartition("/")
    if "wizard" in types and slash:
        return object_options.knows(WIZARD_GROUPS.get(group, group), rest, config.version)
    return any(
        option.lower() in WIZARD_OPTIONS if kind == "wizard" else object_options.knows(kind, option, config.version)
        for kind in types
    )


WIZARD_GROUPS = {"inbound_auth": "auth", "outbound_auth": "auth"}
"""A wizard's name for the objects of a type, where it is another one."""
WIZARD_OF = ("endpoint", "identify", "aor", "inbound_auth", "outbound_auth", "registration")
WIZARD_OPTIONS = frozenset(
    {
        *("type", "accepts_auth", "accepts_registrations", "client_uri_pattern", "contact_pattern", "has_hint"),
        *("has_phoneprov", "hint_application", "hint_context", "hint_exten", "outbound_proxy", "remote_hosts"),
        *("sends_auth", "sends_line_with_registrations", "sends_registrations", "server_uri_pattern", "transport"),
    }
)
"""The options of a wizard itself (res_pjsip_config_wizard.c); it looks for these names and for those of its groups."""


def _order(config: Config, order: str) -> list[Edit]:
    unknown = [name for name in order.split(",") if name not in config.identifiers]
    if unknown:
        known = ", ".join(config.identifiers[1:])
        raise ConfigError(f"Asterisk {config.version} has no identifier {unknown[0]!r}; it has {known}")
    return [set_order(config, order)[1]]
