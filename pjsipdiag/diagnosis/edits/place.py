"""Where a line belongs: the section of an identify as it stands in the files, and files that a program writes."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import PurePosixPath

from pjsipdiag.asterisk.config import Config, Identify, LoadedObject
from pjsipdiag.asterisk.dialplan.extensions_conf import EXTENSIONS_FILE
from pjsipdiag.asterisk.loading.sources.sorcery import MAIN_FILE
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.edits.text_changes import lines_of, option_of, set_value
from pjsipdiag.diagnosis.model import Edit

FREEPBX = re.compile(r"pjsip\.(identify|endpoint|aor|auth|registration|transports)\.conf$")
"""Files that FreePBX writes anew with every Apply Config."""

_GENERATED = re.compile(
    r"do not edit.*(freepbx|auto-?generated)|(freepbx|auto-?generated).*do not edit", re.IGNORECASE | re.DOTALL
)
_HEADER = re.compile(r"^\s*\[")


@dataclass(frozen=True, slots=True)
class InsertionPoint:
    """After which line of which file a line of a section goes; `model` is a line whose style it takes."""

    file: str
    after: int
    model: str = ""


def section_of(config: Config, loaded: LoadedObject) -> Section | None:
    """The section that a loaded object was written in."""
    return next(
        (s for s in config.sections if (s.where.file, s.where.line) == (loaded.where.file, loaded.where.line)), None
    )


def own_lines(config: Config, section: Section, *names: str) -> list[Variable]:
    """The section's variables of these names that stand in a section of its name, not in a template, in file order."""
    found = [v for v in section.variables if v.where.section == section.name and (not names or v.name.lower() in names)]
    places = {file: place for place, file in enumerate(config.files)}
    return sorted(found, key=lambda variable: (places.get(variable.where.file, 0), variable.where.line))


def place_for_match(config: Config, identify: Identify) -> InsertionPoint:
    """Behind the last `match=` line of the identify itself, or behind its last line, or its header."""
    section = section_of(config, identify)
    own = own_lines(config, section) if section else []
    matches = [v for v in own if v.name.lower() in ("match", "identify/match")]
    last = next(reversed(matches or own), None)
    where = last.where if last else identify.where
    lines = lines_of(config, where.file)
    model = lines[where.line - 1] if last and where.line <= len(lines) else ""
    return InsertionPoint(where.file, where.line, model)


def end_of_section(config: Config, file: str, line: int) -> int:
    """The last line of the section whose header is at `line`, blank lines and comments behind it left out."""
    lines = lines_of(config, file)
    end = line
    for number in range(line + 1, len(lines) + 1):
        text = lines[number - 1]
        if _HEADER.match(text):
            break
        if text.strip() and not text.lstrip().startswith(";"):
            end = number
    return end


def added_lines(config: Config, where: Where) -> Edit | None:
    """The `NAME += VALUE` lines that add to the value of a line, as lines of their own."""
    lines = lines_of(config, where.file)
    name = re.escape(option_of(lines[where.line - 1])) if 0 < where.line <= len(lines) else "$"
    adding = re.compile(rf"\s*{name}\s*\+=", re.IGNORECASE)
    found = []
    for number in range(where.line + 1, len(lines) + 1):
        if _HEADER.match(lines[number - 1]):
            break
        found += [number] if adding.match(lines[number - 1]) else []
    if not found:
        return None
    old = tuple(line.rstrip("\r\n") for line in lines[found[0] - 1 : found[-1]])
    return Edit(
        where.file, found[0], old, tuple(line.replace("+=", "=", 1) if adding.match(line) else line for line in old)
    )


def set_order(config: Config, order: str) -> tuple[Where, Edit]:
    """Sets endpoint_identifier_order: where it stands, [global] stands, or the file ends to which that is added."""
    if variable := config.globals.option("endpoint_identifier_order"):
        return variable.where, set_value(config, variable.where, order)
    added = f"endpoint_identifier_order={order}"
    where = config.globals.where
    if where.line:
        return where, Edit(where.file, end_of_section(config, where.file, where.line) + 1, (), (added,))
    file = next((stored.name for stored in config.stored_tables if stored.type == "global"), main_file(config))
    where = Where(file, len(lines_of(config, file)), "global")
    return where, Edit(file, where.line + 1, (), ("", "[global]", "type=global", added))


def main_file(config: Config) -> str:
    """pjsip.conf, or the table that stands for it."""
    tables = (stored.name for stored in config.stored_tables if stored.filename == MAIN_FILE)
    return [*tables, *(file for file in config.files if file.endswith(MAIN_FILE)), MAIN_FILE][0]


def is_generated(config: Config, file: str) -> bool:
    """Whether a program writes the file anew, so that an edit would not last."""
    head = "".join(lines_of(config, file)[:20])
    return bool(FREEPBX.search(file) and "freepbx" in head.lower()) or bool(_GENERATED.search(head))


def is_freepbx(config: Config, file: str) -> bool:
    """Whether FreePBX is the program that writes the file."""
    return is_generated(config, file) and "freepbx" in "".join(lines_of(config, file)[:20]).lower()


def custom_file(config: Config) -> str:
    """The file for own additions to the identifies that FreePBX generates, if the configuration includes it."""
    wanted = ("pjsip.identify_custom_post.conf", "pjsip_identify_custom_post.conf")
    return next((file for file in config.files if PurePosixPath(file).name in wanted), "")


def say_place(config: Config, where: Where) -> str:
    """Where a line is changed, in brackets: not in a file that a program writes anew."""
    if not is_generated(config, where.file):
        return f" ({where})"
    page = "the page of the program that writes it"
    if is_freepbx(config, where.file):
        page = f"FreePBX's page, or in {where.file.removesuffix('.conf')}_custom_post.conf"
    return f" (not at {where}, for that file is written anew: on {page})"


def dialplan_file(config: Config) -> str:
    """The file for own contexts: FreePBX writes extensions.conf anew."""
    return "extensions_custom.conf" if is_freepbx(config, EXTENSIONS_FILE) else EXTENSIONS_FILE


def free_name(config: Config, endpoint: str, later: int = 0) -> str:
    """A name for an identify of the endpoint that no section has; the one after `later` free ones."""
    taken = {section.name for section in config.sections}
    stem = endpoint.removesuffix("-endpoint").removesuffix("_endpoint")
    names = (f"{stem}-identify", *(f"{stem}-identify-{count}" for count in range(2, 100)))
    return [*islice((name for name in names if name not in taken), later + 1)][-1]
