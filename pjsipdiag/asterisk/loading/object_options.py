"""Which options each object type has in each release, and what becomes of a section's variables.

They are applied in file order; the first one that is unknown, or whose handler refuses its value, drops the object
(`ast_sorcery_objectset_apply`, main/sorcery.c), and so does the check of the whole that follows. Names are compared
without case. options.json was read from Asterisk's source and tags: the handler, the default, and the releases.
"""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from pjsipdiag.asterisk.config import Config, LoadedObject, Problem
from pjsipdiag.asterisk.loading.values import HANDLERS
from pjsipdiag.asterisk.loading.values.candidate import Candidate
from pjsipdiag.asterisk.loading.values.checks import CHECKS
from pjsipdiag.asterisk.loading.values.setting import Handler, Readable, Setting, ValueRefusal, ValueWarning
from pjsipdiag.asterisk.loading.values.words import anything
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.releases import FEATURES, RELEASES, Release, Span, is_newer, release
from pjsipdiag.asterisk.secrets import hide_secrets, hide_value, shown_value
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass

_MAIN_FILES = ("pjsip.conf", "pjsip_wizard.conf")
NO_SETTINGS = LoadedObject("", Where("", 0))
"""The settings where there is no `type=global`."""
_ALWAYS = Span()
"""The span of an option that every release has."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of one object type: how its value is taken, and in which releases; `limits` are the least and the
    largest number that it takes, None where its handler knows."""

    name: str
    handler: Handler
    default: str
    limits: tuple[int, int] | None
    span: Span


@dataclass(frozen=True, slots=True)
class AppliedOptions:
    """A section's variables by lower-case name, each in file order; `problem` is what drops the object, if anything
    does. Its `log` is Asterisk's own lines, joined by line ends, up to the one that names the object as a whole."""

    options: Mapping[str, tuple[Variable, ...]]
    problem: Problem | None = None
    warnings: tuple[Problem, ...] = ()


def cannot_tell(path: str) -> None:
    """Answers None: which files Asterisk's machine has is not known here."""


def _option(name: str, entry: Mapping[str, object]) -> Option:
    limits = entry.get("range")
    return Option(
        name,
        HANDLERS[str(entry["handler"])],
        str(entry["default"]),
        (limits[0], limits[1]) if isinstance(limits, list) else None,
        _span(entry),
    )


def _span(entry: Mapping[str, object]) -> Span:
    span = {key: entry[key] for key in ("since", "until") if key in entry}
    return Span(**span) if span else _ALWAYS  # type: ignore[arg-type] # the file's words are the class's


@cache
def _options(object_type: str, version: str) -> Mapping[str, Option]:
    asked = release(version)
    found = (_option(name, entry) for name, entries in _entries(object_type).items() for entry in entries)
    return {one.name: one for one in found if one.span is _ALWAYS or one.span.covers(asked.version)}


OBJECT_TYPES = (
    "identify", "endpoint", "aor", "auth", "acl", "domain_alias", "global", "system", "transport", "registration",
)  # fmt: skip
"""The object types of pjsip.conf that identification can depend on."""


_ALIASES = (("endpoint", "disallow"),)
"""Options that are registered by `ast_sorcery_object_field_register_alias`: a file's line counts, a column does not."""


def knows(object_type: str, name: str, version: str) -> bool:
    """Whether that release has the option; names that begin with `@` are for modules and always taken."""
    return name.startswith("@") or name.lower() in _options(object_type, version)


def registers(object_type: str, name: str, version: str) -> bool:
    """Whether `ast_sorcery_is_object_field_registered` (main/sorcery.c) finds an option: by its name as it is written,
    and all are in lower case; an alias is none."""
    return knows(object_type, name, version) and name == name.lower() and (object_type, name) not in _ALIASES


def _entries(object_type: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
    """The table's entries of an object type by the names of options."""
    return _table().get(object_type, {})


@cache
def _table() -> Mapping[str, Mapping[str, Sequence[Mapping[str, object]]]]:
    return json.loads(Path(__file__).with_name("options.json").read_bytes())  # type: ignore[no-any-return]


def _ever_known(object_type: str, name: str) -> bool:
    """Whether any known release has the option: one that lost it, or has it in another line, is not newer for that."""
    entries = _entries(object_type).get(name, ())
    return any(not (since := _since(entry)) or not all(map(is_newer, since)) for entry in entries)


def names(object_type: str, version: str) -> tuple[str, ...]:
    """All options of that object type in that release."""
    return tuple(_options(object_type, version))


@cache
def first_releases(object_type: str, name: str) -> tuple[str, ...]:
    """The first release of each line that has an option, for the lines whose newest release has it, or whose next."""
    found = []
    for releases in RELEASES.values():
        if name.lower() in names(object_type, releases[-1]):
            found.append(next(release for release in releases if name.lower() in names(object_type, release)))
    later = [since for entry in _entries(object_type).get(name.lower(), ()) for since in _since(entry)]
    return (*found, *(since for since in later if is_newer(since)))


def _since(entry: Mapping[str, object]) -> list[str]:
    """The first releases that an entry names."""
    since = entry.get("since")
    return [version for version in since.values() if version] if isinstance(since, dict) else []


def loaded_alike(config: Config, version: str) -> Config | None:
    """The configuration as another release loads it, where only its name differs; None where more of it may."""
    named = config.absent_modules or any(one.why.kind is LoadReason.NO_OPTION for one in config.dropped)
    return None if named or not _load_alike(config.version, version) else replace(config, version=version)


@cache
def _load_alike(one: str, other: str) -> bool:
    """Whether two releases have the same features and options."""
    entries = (entry for of_type in _table().values() for entries in of_type.values() for entry in entries)
    spans = (*(feature.span for feature in FEATURES.values()), *map(_span, entries))
    return all(span.covers(one) == span.covers(other) for span in spans if span is not _ALWAYS)


def default(object_type: str, name: str, version: str) -> str:
    """The value of an option that is not set."""
    return _options(object_type, version)[name.lower()].default


def apply(
    object_type: str,
    section: Section,
    version: str,
    readable: Readable = cannot_tell,
    profiles: Readable = cannot_tell,
    *,
    newer: str = "",
    settings: LoadedObject = NO_SETTINGS,
) -> AppliedOptions:
    """Takes a section's variables as release `version` does for an object of that type; see `AppliedOptions`.

    `readable` says which files Asterisk can read on its machine, `profiles` which geolocation profiles it has; None
    where that cannot be told (the object is then taken). `match` is taken as it stands: `match.py` reads it. Where it
    stands for a `newer` release, that one may have options of which nothing is known: they change nothing. `settings`
    are those of `type=global`, which stand in for options of other objects.
    """
    # In file order, and the first variable that is refused ends it: the ones behind are never looked at, so that what
    # they would be warned about is not told either.
    known, asked = _options(object_type, version), release(version)
    names: list[str] = []
    warnings: list[Problem] = []
    for index, variable in enumerate(section.variables):
        name = variable.name.lower()
        option = known.get(name)
        if option is not None and option.handler is anything:
            pass  # the most, which need no question
        elif option is not None:
            answer = option.handler(Setting(section, index, asked, option.limits, readable))
            if isinstance(answer, ValueWarning):
                warnings.append(Problem(answer.why, variable.where, answer.log))
            if isinstance(answer, ValueRefusal):
                log = f"Error parsing {variable.name}={shown_value(variable)} {_place(variable)}"
                own, reason = hide_value(variable, answer.log), answer.why.map_texts(partial(hide_value, variable))
                problem = Problem(reason, variable.where, f"{own}\n{log}" if own else log)
                return AppliedOptions(_take(section, names), problem, tuple(warnings))
        elif newer and not _ever_known(object_type, name):
            reason = LoadReason.NOT_YET_KNOWN(option=variable.name, type=object_type, release=newer)
            warnings.append(Problem(reason, variable.where, ""))
        elif not name.startswith("@"):
            problem = _unknown_option(object_type, section, variable, asked)
            return AppliedOptions(_take(section, names), problem, tuple(warnings))
        names.append(name)
    options = _take(section, names)
    return AppliedOptions(
        options, _check(object_type, Candidate(section, options, asked, profiles, settings)), tuple(warnings)
    )


class _Options(Mapping[str, tuple[Variable, ...]]):
    """Variables by their lower-case names, kept as they are: tables have a hundred thousand objects."""

    __slots__ = ("_names", "_variables")

    def __init__(self, names: tuple[str, ...], variables: tuple[Variable, ...]) -> None:
        self._names, self._variables = names, variables

    def __getitem__(self, wanted: str) -> tuple[Variable, ...]:
        if wanted not in self._names:
            raise KeyError(wanted)
        return tuple(one for name, one in zip(self._names, self._variables, strict=True) if name == wanted)

    def get(self, wanted: str, default: Any = None) -> Any:
        return self[wanted] if wanted in self._names else default

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._names))

    def __len__(self) -> int:
        return len(set(self._names))

    def items(self) -> ItemsView[str, tuple[Variable, ...]]:
        found: dict[str, list[Variable]] = {}
        for name, variable in zip(self._names, self._variables, strict=True):
            found.setdefault(name, []).append(variable)
        return {name: tuple(variables) for name, variables in found.items()}.items()


@lru_cache(maxsize=1000)
def _share(names: tuple[str, ...]) -> tuple[str, ...]:
    """One tuple for all objects with these options, to keep memory small."""
    return names


def _take(section: Section, names: list[str]) -> _Options:
    """The variables of a section up to the one that was refused, if any was."""
    all_ = len(names) == len(section.variables)
    return _Options(_share(tuple(names)), section.variables if all_ else section.variables[: len(names)])


def _unknown_option(object_type: str, section: Section, variable: Variable, asked: Release) -> Problem:
    log = f"Could not find option suitable for category '{section.name}' named '{variable.name}' {_place(variable)}"
    return Problem(LoadReason.NO_OPTION(type=object_type, option=variable.name, release=asked), variable.where, log)


def _check(object_type: str, candidate: Candidate) -> Problem | None:
    for check in CHECKS.get(object_type, ()):
        fault = check(candidate)
        if fault is not None:
            blamed = candidate.options.get(fault.option)
            where = blamed[-1].where if blamed else candidate.section.where
            return Problem(fault.why.map_texts(hide_secrets), where, hide_secrets(fault.log))
    return None


def _place(variable: Variable) -> str:
    """The end of Asterisk's line: only an included file has a name there, and it is the whole path."""
    path = variable.where.file
    if PurePosixPath(path).name in _MAIN_FILES:
        path = ""
    elif not path.startswith("/"):
        path = f"/etc/asterisk/{path}"
    return f"at line {variable.where.line} of {path}"
