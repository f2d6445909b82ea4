"""What would change: the calls that go elsewhere with lines added to a section, or with another identifier order."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Config, Section
from pjsipdiag.diagnosis.compare import Change, describe
from pjsipdiag.diagnosis.edits.lines import changed, lines_of, with_value
from pjsipdiag.diagnosis.edits.place import end_of_section
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.prove import differs, replayed
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.errors import ConfigError


def what_if(
    situation: Situation, lines: Sequence[str] = (), section: str = "", order: str | None = None
) -> tuple[Change, ...]:
    """The calls that would go elsewhere with `lines` at the end of [`section`], and with `order` as the
    endpoint_identifier_order; most calls first.

    Raises ConfigError when there is no such section, a line is no `name=value`, or the configuration is not in files.
    """
    if situation.reload is None:
        raise ConfigError("this configuration does not come from files, so no line can be tried")
    edits = [
        *(_additions(situation.config, lines, section) if lines else ()),
        *(_order(situation.config, order) if order else ()),
    ]
    found: dict[tuple[str, str, str], tuple[int, CallGroup]] = {}
    for group, calls, after, _ in replayed(situation, situation.reload(changed(situation.config, edits), "")):
        if differs(group.verdict, after):
            key = (group.source, describe(group.verdict), describe(after))
            count, first = found.get(key, (0, group))
            found[key] = count + calls, first
    changes = [Change(*key, count, situation.calls[first.first_call]) for key, (count, first) in found.items()]
    return tuple(sorted(changes, key=lambda change: (-change.calls, change.source, change.before)))


def _additions(config: Config, lines: Sequence[str], section: str) -> list[Edit]:
    for line in lines:
        if "=" not in line:
            raise ConfigError(f"{line!r} is not a line of a configuration file: write NAME=VALUE")
    found = _section(config, section)
    end = end_of_section(config, found.where.file, found.where.line)
    return [Edit(found.where.file, end + 1, (), tuple(lines))]


def _section(config: Config, name: str) -> Section:
    found = [section for section in config.sections if section.name == name]
    if not found:
        names = ", ".join(dict.fromkeys(identify.name for identify in config.identifies)) or "none"
        missing = f"there is no section [{name}] in {config.directory}" if name else "--try needs --in SECTION"
        raise ConfigError(f"{missing}; the identifies are: {names}")
    identifies = [s for s in found if (kind := s.first("type")) and kind.value in ("identify", "wizard")]
    return (identifies or found)[-1]


def _order(config: Config, order: str) -> list[Edit]:
    unknown = [name for name in order.split(",") if name not in config.identifiers]
    if unknown:
        known = ", ".join(config.identifiers[1:])
        raise ConfigError(f"Asterisk {config.version} has no identifier {unknown[0]!r}; it has {known}")
    variable = config.globals.option("endpoint_identifier_order")
    if variable:
        where = variable.where
        line = lines_of(config, where.file)[where.line - 1].rstrip("\r\n")
        return [Edit(where.file, where.line, (line,), (with_value(line, order),))]
    where = config.globals.where
    added = f"endpoint_identifier_order={order}"
    if where.line:
        return [Edit(where.file, end_of_section(config, where.file, where.line) + 1, (), (added,))]
    file = next((known for known in config.files if known.endswith("pjsip.conf")), "pjsip.conf")
    return [Edit(file, len(lines_of(config, file)) + 1, (), ("", "[global]", "type=global", added))]
