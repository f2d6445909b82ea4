"""extensions.conf becomes contexts (pbx_load_config, pbx/pbx_config.c; ast_add_extension2, main/pbx.c).

Global variables are put in where a line names them; what a line names that only a running Asterisk knows leaves its
context open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.dialplan.contexts import HINT, NO_CONTEXTS, Context, Dialplan, Extension, Include, Switch
from pjsipdiag.asterisk.dialplan.extension import place
from pjsipdiag.asterisk.files.conf import parse
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.reasons.files import PASSED_OVER, FileReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Variable, Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import ConfigError

EXTENSIONS_FILE = "extensions.conf"
ELSEWHERE = {"extensions.ael": "pbx_ael", "extensions.lua": "pbx_lua"}
"""Files of the dialplan in other languages, and the modules that read them."""
DIALPLAN_MODULES = ("pbx_config", *ELSEWHERE.values())
LONGEST_EXTENSION = 255
_NUMBER = re.compile(r"[ \t]*([+-]?\d{1,30})")
_OUTSIDE = re.compile(r"(?:^|\])[^\[]*")
"""The parts of a pattern outside of its sets."""
_MEANT = re.compile(r"[^|(]+")
"""The name in a line that was written for releases before 1.6, with | between its parts."""
_GLOBAL = re.compile(r"\$\{(?:GLOBAL\()?([A-Za-z0-9_]+)\)?\}")


@dataclass
class _Numbered:
    """An extension while its lines are read."""

    name: str
    caller: str | None
    where: Where
    labels: dict[str, int] = field(default_factory=dict)
    priorities: dict[int, None] = field(default_factory=dict)


@dataclass
class _Open:
    """A context while its sections are read."""

    where: Where
    extensions: dict[object, _Numbered] = field(default_factory=dict)
    includes: dict[str, Include] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    open: list[Problem] = field(default_factory=list)
    left_out: list[tuple[str, Problem]] = field(default_factory=list)

    def finish(self, name: str) -> Context:
        found = [
            Extension(known.name, known.caller, tuple(known.priorities), known.where)
            for known in self.extensions.values()
        ]
        found.sort(key=lambda one: (place(one.name), one.caller is None, place(one.caller or "")))
        return Context(
            name,
            self.where,
            tuple(found),
            tuple(self.includes.values()),
            tuple(self.switches),
            tuple(self.open),
            tuple(self.left_out),
        )


def read_dialplan(files: Files, release: Release, missing: Mapping[str, Where]) -> Dialplan | None:
    """The dialplan of a directory; None where it has no extensions.conf. `missing` are modules that are not loaded.

    :raises ConfigError: a file cannot be read.
    """
    parsed = parse(EXTENSIONS_FILE, files, release, partial=True)
    if not parsed.is_found:
        return None
    unknown = [Problem(FileReason.FILE_IS_MISSING(file=gone.why["file"]), gone.where) for gone in parsed.missing_files]
    unknown += (
        Problem(FileReason.OPTIONAL_FILE_IS_MISSING(file=gone.why["file"]), gone.where)
        for gone in parsed.optional_files
    )
    unknown += parsed.programs
    unknown += [problem for problem in parsed.warnings if problem.why.kind in PASSED_OVER]
    if not parsed.is_valid:
        unknown.append(Problem(FileReason.DIALPLAN_REJECTED(file=EXTENSIONS_FILE), parsed.rejected_files[0].where))
    if "pbx_config" in missing:
        unknown.append(Problem(FileReason.NO_PBX_CONFIG(file=EXTENSIONS_FILE), missing["pbx_config"]))
    unknown += _mappings(files, release)
    override = parsed.setting("general", "overrideswitch")
    if override and override.value:
        unknown.append(Problem(FileReason.OVERRIDE_SWITCH(value=override.value), override.where))
    tree = parsed.setting("general", "extenpatternmatchnew")
    variables = {v.name: v.value for section in parsed.sections_named("globals") for v in section.variables}
    contexts: dict[str, _Open] = {}
    templates: dict[str, Where] = {}
    warnings: list[Problem] = []
    for section in parsed.sections if parsed.is_valid and "pbx_config" not in missing else ():
        if section.is_template:
            templates.setdefault(section.name, section.where)
        if section.is_template or section.name.lower() in NO_CONTEXTS:
            continue
        # Sections of one name fill one context (ast_context_find_or_create); `same` and `n` go on from nothing in each,
        # for lastextension and lastpri begin anew with every category.
        context = contexts.setdefault(section.name, _Open(section.where))
        _ContextReader(context, variables, warnings).read(section.variables)
    return Dialplan(
        contexts={name: context.finish(name) for name, context in contexts.items()},
        unknown_sources=tuple(unknown),
        elsewhere={
            name: text for name, module in ELSEWHERE.items() if module not in missing and (text := _text(files, name))
        },
        templates=templates,
        pickup=_pickup(files, release),
        by_caller=release.has("caller_in_extension"),
        empty_is_s=release.has("empty_user_is_s"),
        warnings=tuple(warnings),
        tree=Problem(FileReason.NEW_MATCH(value=tree.value), tree.where) if tree and parse_bool(tree.value) else None,
    )


def _mappings(files: Files, release: Release) -> list[Problem]:
    """extconfig.conf can put a table in the place of the file."""
    found = parse("extconfig.conf", files, release, partial=True).sections_named("settings")[:1]
    settings = (variable for section in found for variable in section.variables)
    return [
        Problem(FileReason.MAPPED_ELSEWHERE(file=EXTENSIONS_FILE, value=variable.value), variable.where)
        for variable in settings
        if variable.name.lower() in (EXTENSIONS_FILE, "global")  # the table of every file without one of its own
    ]


def _pickup(files: Files, release: Release) -> str:
    parsed = parse("features.conf", files, release, partial=True)
    found = [
        variable.value
        for section in parsed.sections_named("general")
        for variable in section.variables
        if variable.name.lower() == "pickupexten"
    ]
    return found[-1] if found else "*8"


def _text(files: Files, name: str) -> str:
    try:
        return (files.read(name) or b"").decode("utf-8", "surrogateescape")
    except ConfigError:
        return ""


class _ContextReader:
    """The lines of one section."""

    def __init__(self, context: _Open, variables: dict[str, str], warnings: list[Problem]) -> None:
        self.context, self.variables, self.warnings = context, variables, warnings
        self.last, self.priority = "", -2

    def read(self, lines: Sequence[Variable]) -> None:
        for line in lines:
            name = line.name.lower()
            if name.startswith("same"):
                self._step(line, self.last, line.value)
            elif name == "exten":
                extension, _, rest = _split(line.value)
                self.last = self._fill(extension, line)[:LONGEST_EXTENSION]
                self._step(line, self.last, rest)
            elif name == "include":
                context, comma, when = re.split(r"([,|])", self._fill(line.value, line) + ",", maxsplit=1)
                self.context.includes.setdefault(
                    f"{context}{comma}{when}", Include(context, when.rstrip(","), line.where)
                )
            elif name in ("switch", "lswitch", "eswitch"):
                self.context.switches.append(Switch(f"{line.name} => {line.value}", line.where))
            elif name not in ("ignorepat", "autohints"):
                self.warnings.append(Problem(FileReason.NO_DIALPLAN_LINE(name=line.name), line.where))

    def _step(self, line: Variable, extension: str, rest: str) -> None:
        """One priority of an extension; what makes no number of it is left out, as Asterisk does."""
        name, slash, caller = extension.partition("/")
        name = _squeeze(name)
        asked = _shrink(caller) if slash else None
        key = place(name), asked  # 1-2 and 12 are one extension
        text, _, _ = rest.partition(",")
        text, parenthesis, label = text.strip().partition("(")
        label, closing, _ = label.partition(")")
        text, _, more = text.partition("+")
        known = self.context.extensions.get(key)
        number = self._number(text.strip(), known)
        if not name or (parenthesis and not closing) or number is None or not number:
            reason = FileReason.FIRST_IS_SAME() if not name else FileReason.NO_PRIORITY(value=line.value)
            self.warnings.append(Problem(FileReason.LEFT_OUT(why=reason), line.where))
            meant = _MEANT.match(name)
            if meant:
                left_out = Problem(FileReason.LINE_WITHOUT_PRIORITY(extension=meant[0]), line.where)
                self.context.left_out.append((meant[0], left_out))
            return
        added = _NUMBER.match(more)
        number += int(added[1]) if added else 0
        self.priority = number
        known = known or self.context.extensions.setdefault(key, _Numbered(name, asked, line.where))
        if number not in known.priorities:
            known.priorities[number] = None
            if label:
                known.labels.setdefault(label, number)
            if number == 1:
                known.where = line.where

    def _number(self, text: str, known: _Numbered | None) -> int | None:
        if text == "hint":
            return HINT
        if text in ("n", "next", "s", "same"):
            return None if self.priority <= -2 else self.priority + (text in ("n", "next"))
        found = _NUMBER.match(text)
        if found:
            number = int(found[1])
            return number if number >= 1 else None
        return known.labels.get(text) if known else None

    def _fill(self, text: str, line: Variable) -> str:
        """pbx_substitute_variables_helper() with global variables only."""
        if "$" not in text:
            return text
        filled = _GLOBAL.sub(lambda found: self.variables.get(found[1], ""), text)
        if "${" in filled or "$[" in filled:
            self.context.open.append(Problem(FileReason.ONLY_RUNNING(name=line.name, text=text), line.where))
            return ""
        return filled


def _split(value: str) -> tuple[str, str, str]:
    """pbx_strsep(): at the first comma outside of a set."""
    depth, at = 0, 0
    while at < len(value):
        sign = value[at]
        if sign == "[":
            depth += 1
        elif sign == "]":
            depth = max(0, depth - 1)
        elif sign == "\\":
            at += 1
        elif sign == "," and not depth:
            return value[:at], ",", value[at + 1 :]
        at += 1
    return value, "", ""


def _squeeze(name: str) -> str:
    """ext_strncpy(): without the blanks outside of the sets of a pattern."""
    if " " not in name:
        return name
    return (
        _OUTSIDE.sub(lambda found: found[0].replace(" ", ""), name) if name.startswith("_") else name.replace(" ", "")
    )


def _shrink(number: str) -> str:
    """ast_shrink_phone_number(): without parentheses, blanks, dots and, outside of sets, dashes."""
    made, depth = "", 0
    for at, sign in enumerate(number):
        depth += (sign == "[") - (sign == "]")
        if sign in "( )" or (sign == "-" and not depth) or (sign == "." and at + 1 < len(number)):
            continue
        made += sign
    return made
