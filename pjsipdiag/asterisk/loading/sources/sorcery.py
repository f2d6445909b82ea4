"""Which sections become objects of which type, and when none does (main/sorcery.c, res_sorcery_config.c).

Each object type is read from a file by criteria, by default `pjsip.conf` with `type=TYPE`; sorcery.conf can send a type
elsewhere. A duplicate name refuses every object of the type, an object that fails is left out alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Generic, TypeVar

from pjsipdiag.asterisk.config import DroppedObject, Problem
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES, registers
from pjsipdiag.asterisk.loading.sources.caches import Cache, cache_of
from pjsipdiag.asterisk.loading.sources.opened_mappings import opened, tried
from pjsipdiag.asterisk.loading.walk_order import bucket_count
from pjsipdiag.asterisk.realtime.collation import EXACT, Folding
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.digits import is_number, read_number

MAIN_FILE = "pjsip.conf"
SINGLE_OBJECTS = ("global", "system")

OWNERS = {
    "identify": "res_pjsip_endpoint_identifier_ip",
    "registration": "res_pjsip_outbound_registration",
    "acl": "acl",
}
"""The section of sorcery.conf that maps a type; `res_pjsip` where it is not named here."""

RES_PJSIP = "res_pjsip"
"""The section whose types res_pjsip itself owns: it does not load where one of its mappings does not open."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Backend:
    """Where the objects of a type come from: sections of `file` that meet all `criteria` or are called `name` and hold
    options of the type only. No file shows a `kind` other than `config`. `buckets` of a hash table: 0 if not set."""

    kind: str
    file: str = ""
    criteria: tuple[tuple[str, str], ...] = ()
    name: str = ""
    is_single: bool = False
    whole_file: bool = False
    buckets: int = 0
    family: str = ""
    where: Where | None = None
    unqualified: bool = True
    """Whether rows are fetched without a key (`allow_unqualified_fetch`)."""
    cache: Cache | None = None
    """The cache that may hold older rows."""
    is_cache: bool = False
    """Whether the line has `cache` behind its type: a list ends there once it has anything, and nothing but copies is
    kept in a memory of that use."""

    def __str__(self) -> str:
        conditions = "&".join(f"{name}={value}" for name, value in self.criteria)
        return f"{self.file or self.family} ({conditions or self.kind})"

    def takes(self, section: Section, object_type: str, version: str) -> bool:
        """Whether a section is meant to be an object of the type (`sorcery_is_configuration_met`)."""
        if section.is_template:
            return False
        if not self.criteria and not self.name:
            return True
        if self.name and section.name == self.name and self.unknown_line(section, object_type, version) is None:
            return True
        for name, value in self.criteria:
            found = section.first(name)
            if found is None or found.value != value:
                return False
        return bool(self.criteria)

    def unknown_line(self, section: Section, object_type: str, version: str) -> Variable | None:
        """The line for which a section's name alone makes no object of it (`sorcery_is_explicit_name_met`)."""
        return next((line for line in section.variables if not registers(object_type, line.name, version)), None)

    def passed_over(self, sections: Sequence[Section], object_type: str, version: str) -> Iterator[Problem]:
        """The sections without type= of which nothing counts, although they have the name: Asterisk says nothing."""
        for section in sections:
            if section.name == self.name and not section.is_template and section.first("type") is None:
                line = self.unknown_line(section, object_type, version)
                if line is not None:
                    reason = LoadReason.NAME_ALONE(section=section.name, type=object_type, option=line.name)
                    yield Problem(reason, line.where)


@dataclass(frozen=True, slots=True)
class Batch(Generic[_T]):
    """The loaded objects of one type from one file, in file order; `sections` is how many were meant to be that."""

    objects: tuple[_T, ...] = ()
    sections: int = 0
    are_rows: bool = False
    keys: tuple[str, ...] = ()
    """The ids by which the objects of rows are found, in the order of `objects`."""
    folding: Folding = EXACT
    dropped: tuple[DroppedObject, ...] = ()


def default_backend(object_type: str) -> Backend:
    """The backend that the module asks for itself (`ast_sorcery_apply_default`)."""
    single = object_type in SINGLE_OBJECTS
    return Backend("config", MAIN_FILE, (("type", object_type),), object_type if single else "", single)


@dataclass(frozen=True, slots=True)
class Mappings:
    """The mappings of sorcery.conf: the backends of each type in the order they are asked (each kind once).

    `failure` keeps res_pjsip from loading, `passed_over` are mappings of other sections that do not open,
    `misplaced_types` are types that [res_pjsip] maps although another module owns them: that module does not load.
    `caches` are by type, and a type that has nothing else has no backend: any line takes the place of the default.
    `unmapped_types` are the realtime mappings, by type, of sections that end at a family which extconfig.conf does not
    have.
    """

    backends: Mapping[str, tuple[Backend, ...]]
    failure: Problem | None = None
    passed_over: tuple[Problem, ...] = ()
    misplaced_types: Mapping[str, Variable] = field(default_factory=dict)
    caches: Mapping[str, Cache] = field(default_factory=dict)
    unmapped_types: Mapping[str, Backend] = field(default_factory=dict)


def mappings(sorcery: ParsedFile, loads: Callable[[str], bool], is_family: Callable[[str], bool]) -> Mappings:
    """Read sorcery.conf as `__ast_sorcery_apply_config` does: each section only up to a mapping that does not open.

    `loads` tells whether a module is loaded, `is_family` whether extconfig.conf maps a family.
    """
    mapped: dict[str, dict[str, Backend]] = {}
    caches: dict[str, Cache] = {}
    passed: list[Problem] = []
    misplaced: dict[str, Variable] = {}
    unmapped: dict[str, Backend] = {}
    failed = None
    for owner in (RES_PJSIP, *OWNERS.values()):
        # Of several sections of one name the first alone is read (ast_variable_browse).
        for section in sorcery.sections_named(owner)[:1] if sorcery.is_valid else ():
            for object_type, variable, refused in tried(section, loads, is_family):
                kind, use = variable.value.partition(",")[0], variable.name.partition("/")[2]
                if refused:
                    unmapped.update(_of_families(section, owner, loads))
                    problem = Problem(refused[0], variable.where, refused[1])
                    if owner == RES_PJSIP:
                        failed = problem
                    else:
                        passed.append(problem)
                elif owner == RES_PJSIP and object_type in OWNERS:
                    misplaced.setdefault(object_type, variable)
                elif object_type not in OBJECT_TYPES or OWNERS.get(object_type, RES_PJSIP) != owner:
                    continue
                elif kind == "memory_cache" and "cache" in use:
                    caches.setdefault(object_type, cache_of(variable, len(mapped.get(object_type, ()))))
                else:
                    backend = replace(_backend(variable), is_cache="cache" in use)
                    mapped.setdefault(object_type, {}).setdefault(backend.kind, backend)
    passed += (
        Problem(FileReason.CACHE_ALONE(type=name, file=MAIN_FILE), cache.where)
        for name, cache in caches.items()
        if name not in mapped
    )
    found = {
        name: tuple(replace(one, cache=caches.get(name)) for one in mapped[name].values())
        if name in mapped
        else ()
        if name in caches
        else (default_backend(name),)
        for name in OBJECT_TYPES
    }
    return Mappings({**found, **dict.fromkeys(misplaced, ())}, failed, tuple(passed), misplaced, caches, unmapped)


def _of_families(section: Section, owner: str, loads: Callable[[str], bool]) -> Iterator[tuple[str, Backend]]:
    """The realtime mappings of a section that would open if extconfig.conf had their families."""
    for object_type, variable in opened(section, loads, lambda _: True):
        own = object_type in OBJECT_TYPES and OWNERS.get(object_type, RES_PJSIP) == owner
        backend = _backend(variable)
        if own and backend.kind == "realtime":
            yield object_type, backend


def _backend(variable: Variable) -> Backend:
    kind, _, data = variable.value.partition(",")
    if kind == "realtime":
        family, *settings = data.split(",")
        last = settings[-1].partition("=")[2].lower() if settings else ""
        return Backend(kind, family=family, where=variable.where, unqualified=last not in ("no", "error"))
    file, *options = data.split(",")
    if kind != "config":
        return Backend(kind, family=file, where=variable.where)
    backend = Backend("config", file, where=variable.where)
    for option in options:
        name, _, value = option.partition("=")
        match name.lower():
            case "criteria":
                key, _, wanted = value.partition("=")
                backend = replace(backend, criteria=((key, wanted), *backend.criteria))
            case "explicit_name":
                backend = replace(backend, name=value)
            case "single_object":
                backend = replace(backend, is_single=parse_bool(value))
            case "integrity":
                backend = replace(backend, whole_file=value.lower() == "file")
            case "buckets" if is_number(value):
                backend = replace(backend, buckets=read_number(value))
    return backend


def select(
    backend: Backend,
    object_type: str,
    sections: Sequence[Section],
    version: str,
    create: Callable[[Section], _T | Problem],
) -> Batch[_T]:
    """Load one type from one file (`sorcery_config_internal_load`).

    `create` makes an object of a section, or says why it cannot; its `Problem.log` becomes complete here.
    """
    wanted = [section for section in sections if backend.takes(section, object_type, version)]
    # The test for a single object goes by the number of buckets, which is a prime that takes 1 and not 2
    # (`ast_is_prime`): two sections pass it, and three do not.
    buckets = backend.buckets or bucket_count(len(wanted))
    if backend.is_single and buckets > 1:
        log = (
            f"Config file '{backend.file}' could not be loaded; configuration contains more than one object of type"
            f" '{object_type}'"
        )
        reason = LoadReason.MORE_THAN_ONE(type=object_type, count=len(wanted))
        refused = tuple(DroppedObject(object_type, s.name, reason, s.where, s.where, log) for s in wanted)
        return Batch((), len(wanted), dropped=refused)
    made: dict[str, tuple[Section, _T]] = {}
    dropped: list[DroppedObject] = []
    for section in wanted:
        if section.name in made:
            return _refuse_all(backend, object_type, section, made, wanted)
        result = create(section)
        if not isinstance(result, Problem):
            # An object of [] gets a random name (`ast_sorcery_alloc`): it is nobody's duplicate.
            made[section.name or f"[] {section.where}"] = (section, result)
            continue
        log = f"Could not create an object of type '{object_type}' with id '{section.name}' from configuration file"
        log += f" '{backend.file}'"
        if backend.whole_file:
            log = f"Config file '{backend.file}' could not be loaded due to error with object '{section.name}' of type"
            log += f" '{object_type}'"
        lines = (*filter(None, [result.log]), log)
        dropped.append(
            DroppedObject(object_type, section.name, result.why, result.where, section.where, "\n".join(lines))
        )
        if backend.whole_file:
            return Batch((), len(wanted), dropped=tuple(dropped))
    return Batch(tuple(item for _, item in made.values()), len(wanted), dropped=tuple(dropped))


def _refuse_all(
    backend: Backend,
    object_type: str,
    duplicate: Section,
    made: Mapping[str, tuple[Section, _T]],
    wanted: Sequence[Section],
) -> Batch[_T]:
    first = made[duplicate.name][0].where
    log = (
        f"Config file '{backend.file}' could not be loaded; configuration contains a duplicate object:"
        f" '{duplicate.name}' of type '{object_type}'"
    )
    reason = LoadReason.TWO_OF_ONE_NAME(section=duplicate.name, type=object_type, first=first)
    dropped = tuple(DroppedObject(object_type, s.name, reason, duplicate.where, s.where, log) for s in wanted)
    return Batch((), len(wanted), dropped=dropped)
