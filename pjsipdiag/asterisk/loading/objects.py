"""A configuration directory becomes what an Asterisk release holds in memory: `load_config`.

Each object type is loaded on its own, from pjsip.conf and then from pjsip_wizard.conf; where both have an object of one
name, the one of pjsip.conf is found. What does not load is kept with the reason, and with the line to blame.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar

from pjsipdiag.asterisk.config import (
    Config,
    Dropped,
    Global,
    Identify,
    Loaded,
    Problem,
    Rule,
    Section,
    Transport,
    Unread,
    Where,
)
from pjsipdiag.asterisk.dialplan.model import Dialplan
from pjsipdiag.asterisk.dialplan.read import MODULES as DIALPLAN_MODULES
from pjsipdiag.asterisk.dialplan.read import read_dialplan
from pjsipdiag.asterisk.files.conf import Parsed, parse
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.loading import acls, chan_sip, identify, kinds, modules, order, wizard
from pjsipdiag.asterisk.loading.modules import Absent
from pjsipdiag.asterisk.loading.opening import opened
from pjsipdiag.asterisk.loading.options import TYPES, Applied, apply, cannot_tell
from pjsipdiag.asterisk.loading.resolve import Hosts, Resolver, read_hosts
from pjsipdiag.asterisk.loading.sorcery import MAIN_FILE, OWNERS, Backend, Mappings, Selection, mappings, select
from pjsipdiag.asterisk.realtime.folded import EXACT, Folded, Folding
from pjsipdiag.asterisk.realtime.tables import Databases, Tables
from pjsipdiag.asterisk.releases import NEWEST, Release, release

_OF_OBJECTS = (MAIN_FILE, "sorcery.conf", "extconfig.conf")
"""Files that objects of every type hang on."""
_LINE = re.compile(r"at line \d+ of .*")

MODULES_OF = {
    "identify": "res_pjsip_endpoint_identifier_ip",
    "registration": "res_pjsip_outbound_registration",
    "acl": "res_pjsip_acl",
}
"""The module that owns a type, for the types that are not res_pjsip's own."""

_T = TypeVar("_T", bound=Loaded)
Known = Callable[[str], bool | None]
"""Whether there is something of that name on Asterisk's machine; None where that cannot be told."""


def load_config(
    path: str | Path | None,
    asterisk: str | None = None,
    hosts: str | Path | Resolver | None = None,
    *,
    overlay: Mapping[str, str] | None = None,
    readable: Known = cannot_tell,
    databases: Mapping[str, str] | Databases | None = None,
    partial: bool = False,
    main: str = MAIN_FILE,
) -> Config:
    """Load a configuration directory (or a single file in place of pjsip.conf) as a release of Asterisk would.

    `asterisk` names the release (default: the newest known); `hosts` is a file in the form of /etc/hosts or a resolver,
    without it host names are unknown. `overlay` maps file names of the directory to texts that stand in for the files;
    with `path` None there is nothing else; lines for the name of a table stand in for its rows. `readable` tells
    whether a file that the configuration names (a certificate) can be read on Asterisk's machine. `databases` maps the
    names that extconfig.conf uses to URLs. With `partial` files may be missing: no include rejects anything. `main`
    stands for pjsip.conf.

    :raises ConfigError: the directory or pjsip.conf is missing, or a file cannot be read.
    :raises PjsipdiagError: no such release.
    """
    version = release(asterisk or NEWEST)
    resolver = hosts if isinstance(hosts, Resolver) else read_hosts(hosts) if hosts is not None else Hosts()
    main, files, alone = opened(path, overlay, main)
    given = databases if isinstance(databases, Databases) else Databases(databases or {})
    loader = _Loader(files, main, alone, version, resolver, readable, given, partial or alone, overlay or {})
    return loader.config("" if path is None else str(path))


@dataclass
class _Loader:
    files: Files
    main: str
    alone: bool
    version: Release
    resolver: Resolver
    readable: Known
    databases: Databases
    partial: bool
    overlay: Mapping[str, str]
    parsed: dict[str, Parsed] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    acls: dict[str, tuple[Rule, ...]] | None = None
    sockets: list[Transport] = field(default_factory=list)
    by_type: dict[int, defaultdict[str, list[Section]]] = field(default_factory=dict)

    @cached_property
    def modules(self) -> modules.Modules:
        return modules.read(self.file("modules.conf"))

    @cached_property
    def tables(self) -> Tables:
        return Tables(self.databases, self.file, self.overlay, lambda name: parse(name, self.files, self.version))

    @cached_property
    def mappings(self) -> Mappings:
        return mappings(self.file("sorcery.conf"), self._loads, self.tables.is_family)

    def _loads(self, module: str) -> bool:
        return self.modules.loads(module)

    @property
    def backends(self) -> Mapping[str, tuple[Backend, ...]]:
        return self.mappings.backends

    def file(self, name: str) -> Parsed:
        """A file of the directory, read once for all object types (Asterisk reads it anew for each)."""
        if name not in self.parsed:
            if self.alone and name != self.main:
                self.parsed[name] = Parsed(found=False)
            elif self.tables.hold(name, self._loads):
                table = self.tables.file(name, TYPES)
                self.parsed[name] = table or parse(name, self.files, self.version, partial=self.partial)
            else:
                self.parsed[name] = parse(name, self.files, self.version, partial=self.partial)
        return self.parsed[name]

    def _chan_sip(self) -> tuple[Transport, ...]:
        if self.alone or not self.files.exists(chan_sip.FILE) or not self._loads(chan_sip.DRIVER):
            return ()
        return chan_sip.sockets(parse(chan_sip.FILE, self.files, self.version, partial=True))

    def config(self, directory: str) -> Config:
        if self.alone:
            reason = f"only {self.main} was given: other files of the configuration are not known"
            self.warnings.append(Problem(reason, Where(self.main, 0)))
        self.warnings += self.mappings.passed
        main = self.file(self.main)
        if self.alone:
            self.warnings += [
                Problem(f"the included file {one.reason} is not known: only one file was given", one.where)
                for one in main.missing
            ]
        self.acls, refused = acls.named(self.file(acls.ACL_FILE))
        self.warnings += refused
        globals_ = self._globals()
        endpoints = self._both("endpoint", lambda s, a: kinds.endpoint(s, a, self.version, self.acls))
        transports = self._plain("transport", self._transport)
        parts = [
            (selection.objects, None if selection.rows else selection.sections)
            for selection in self._selections("identify", self._identify)
        ]
        made = self._from_wizard("identify", self._identify)
        self._plain("system", lambda s, a: Loaded(s.name, s.where, a.options))
        order_text = globals_.endpoint_identifier_order
        config = Config(
            version=self.version.version,
            directory=directory,
            addresses_of=self.resolver.addresses if isinstance(self.resolver, Hosts) else None,
            endpoints=endpoints,
            identifies=order.with_rows(parts, made, self.version),
            globals=globals_,
            transports=transports,
            sockets=tuple(self.sockets),
            domain_aliases=self._plain("domain_alias", kinds.domain_alias),
            auths=self._both("auth", kinds.auth),
            aors=self._both("aor", kinds.aor),
            registrations=self._both("registration", kinds.registration),
            acls=tuple(self._plain("acl", lambda s, a: kinds.acl(s, a, self.acls)).values()),
            identifiers=order.identifiers(order_text, self.version),
            uncertain_identifiers=order.uncertain(order_text, self.version),
            realtime=self._realtime(),
            unread=(*self.tables.unread, *self._programs()),
            missing=() if self.alone else tuple(dict.fromkeys(m for p in self.parsed.values() for m in p.missing)),
            partial=self.partial and not self.alone,
            stored=tuple(self.tables.stored),
            failed=tuple(dict.fromkeys(self.tables.failed)),
            chan_sip=self._chan_sip(),
            named_acls=self.acls or {},
            has_acls=self.file(acls.ACL_FILE).found,
            files=tuple(dict.fromkeys(name for parsed in self.parsed.values() for name in parsed.files)),
            dropped=tuple(one for one in dict.fromkeys(self.dropped) if not self._is_open(one)),
            warnings=tuple(dict.fromkeys([*self.warnings, *(w for p in self.parsed.values() for w in p.warnings)])),
            rejected=tuple(problem for parsed in self.parsed.values() for problem in parsed.rejected),
            dialplan=cache(self._dialplan),
            sections=(*main.sections, *self.file(wizard.WIZARD_FILE).sections, *self.tables.all_rows),
        )
        return modules.apply(config, self.modules, self._absent(), self.version)

    def _programs(self) -> Iterator[Unread]:
        """The objects that a program may write into a file; it is never run."""
        for name, parsed in self.parsed.items():
            types = wizard.TYPES if name == wizard.WIZARD_FILE else TYPES if name in (self.main, *_OF_OBJECTS) else ()
            for program in parsed.programs:
                text = (
                    f"#exec at {program.where} is never run here: {program.reason}; put its output in the place of the"
                    " line in a copy, or see what Asterisk shows ('pjsip show identifies', 'pjsip show endpoints')"
                )
                yield from (Unread(kind, program.where, text, "program") for kind in types)

    def _is_open(self, dropped: Dropped) -> bool:
        """Whether a program writes into the section of an object, so that what it lacks may be there."""
        place = dropped.section_where
        return any(
            (program.where.file, program.where.section) == (place.file, place.section)
            for parsed in self.parsed.values()
            for program in parsed.programs
        )

    def _dialplan(self) -> Dialplan | None:
        if self.alone:
            return None
        places = {name: self.modules.missing(name) for name in DIALPLAN_MODULES}
        return read_dialplan(self.files, self.version, {name: where for name, where in places.items() if where})

    def _absent(self) -> list[Absent]:
        """What does not load because of sorcery.conf or of a file that Asterisk cannot start with."""
        found = list(modules.unparsed(self.file))
        failed = self.mappings.failed
        if failed is not None:
            log = f"{failed.log}\nError attempting to apply configuration res_pjsip to sorcery."
            ends = "would not load with these files alone" if self.partial else "does not load: nothing listens"
            reason = f"{failed.reason}, so res_pjsip {ends}"
            found.append(Absent("res_pjsip", reason, failed.where, log, ends=not self.partial))
        for object_type, variable in self.mappings.misplaced.items():
            module = MODULES_OF[object_type]
            log = (
                f"Cannot update type '{object_type}' in module 'res_pjsip' because it has no existing documentation!"
                f"\n{module} declined to load."
            )
            reason = (
                f"[res_pjsip] maps {object_type}, which belongs to [{OWNERS[object_type]}]: {module} does not load, so "
                f"{modules.effect(module)}; move the line to that section"
            )
            found.append(Absent(module, reason, variable.where, log))
        return found

    def _transport(self, section: Section, applied: Applied) -> Transport | Problem:
        """A transport, unless one before it listens on its address already (config_transport.c, transport_apply)."""
        made = kinds.transport(section, applied, self.resolver)
        if isinstance(made, Problem):
            return made
        stream = made.protocol in ("tcp", "tls")
        if stream or made.protocol == "udp":
            for taken in self.sockets:
                if (taken.protocol in ("tcp", "tls")) == stream and kinds.clash(taken, made):
                    log = f"Transport '{made.name}' could not be started: Address already in use"
                    bind = made.option("bind")
                    reason = f"another transport has {taken.bind}:{taken.port} already"
                    return Problem(reason, bind.where if bind else made.where, log)
        self.sockets.append(made)
        return made

    def _identify(self, section: Section, applied: Applied) -> Identify | Problem:
        return identify.build(section, applied, self.version, self.resolver, self.warnings)

    def _has_profile(self, name: str) -> bool | None:
        """Whether there is a geolocation profile; a directory without geolocation.conf cannot tell."""
        if name.startswith("<"):  # res_geolocation brings <prefer_config> and its like along
            return True
        parsed = self.file("geolocation.conf")
        if not parsed.found:
            return None
        kinds_of_name = (section.first("type") for section in parsed.named(name)) if parsed.valid else ()
        return any(kind is not None and kind.value == "profile" for kind in kinds_of_name)

    def _plain(self, object_type: str, build: Callable[[Section, Applied], _T | Problem]) -> dict[str, _T]:
        found: dict[str, _T] = {}
        folded: list[tuple[Folding, str]] = []
        for selection in self._selections(object_type, build):
            # What [] makes has a random name: nothing can refer to it. A row is found by what its column holds.
            for at, item in enumerate(selection.objects):
                key = selection.keys[at] if selection.keys else item.name
                if key and found.setdefault(key, item) is item and selection.folding != EXACT:
                    folded.append((selection.folding, key))
        return Folded(found, folded) if folded else found

    def _both(self, object_type: str, build: Callable[[Section, Applied], _T | Problem]) -> dict[str, _T]:
        made = {item.name: item for item in self._from_wizard(object_type, build)}
        plain = self._plain(object_type, build)
        for name, item in made.items():
            plain.setdefault(name, item)
        return plain

    def _selections(
        self, object_type: str, build: Callable[[Section, Applied], _T | Problem]
    ) -> Iterable[Selection[_T]]:
        for backend in self.backends[object_type]:
            if backend.kind == "realtime":
                yield from self._rows(backend, object_type, build)
            if backend.kind != "config":
                continue
            parsed = self.file(self.main if backend.file == MAIN_FILE else backend.file)
            if not parsed.valid or not parsed.found:
                continue
            selection = select(
                backend,
                object_type,
                self._candidates(backend, object_type, parsed),
                self.version.version,
                lambda section: self._create(object_type, section, build),
            )
            self.dropped += selection.dropped
            self.warnings += selection.problems
            yield selection

    def _rows(
        self, backend: Backend, object_type: str, build: Callable[[Section, Applied], _T | Problem]
    ) -> Iterable[Selection[_T]]:
        for part in self.tables.sections(backend, object_type, self.version, self._loads):
            objects: list[_T] = []
            keys: list[str] = []
            for key, section in part.made:
                made = self._create(object_type, section, build)
                if isinstance(made, Problem):
                    dropped = Dropped(object_type, section.name, made.reason, made.where, section.where, made.log)
                    self.dropped.append(dropped)
                else:
                    objects.append(made)
                    keys.append(key)
            self.warnings += part.problems
            yield Selection(tuple(objects), len(part.made), rows=True, keys=tuple(keys), folding=part.folding)

    def _candidates(self, backend: Backend, object_type: str, parsed: Parsed) -> Sequence[Section]:
        """The sections that a backend has to look at: where `type=` alone decides, those of that type."""
        if backend.name or backend.criteria != (("type", object_type),):
            return parsed.sections
        if id(parsed) not in self.by_type:
            by_type = self.by_type[id(parsed)] = defaultdict(list)
            for section in parsed.sections:
                if (first := section.first("type")) is not None:
                    by_type[first.value].append(section)
        return self.by_type[id(parsed)][object_type]

    def _from_wizard(self, object_type: str, build: Callable[[Section, Applied], _T | Problem]) -> list[_T]:
        """The objects that pjsip_wizard.conf makes; a later one of the same name takes the place of the earlier."""
        parsed = self.file(wizard.WIZARD_FILE)
        objects: dict[str, _T] = {}
        for source in wizard.wizards(parsed.sections) if parsed.valid and self.backends[object_type] else ():
            made = wizard.make(object_type, source, self.version)
            if made.problem is not None:
                problem = made.problem
                self.dropped.append(
                    Dropped(object_type, made.name, problem.reason, problem.where, source.where, problem.log)
                )
            for section in made.sections:
                result = self._create(object_type, section, build)
                if isinstance(result, Problem):
                    log = f"Unable to apply object type '{object_type}' with id '{section.name}'."
                    log += f"  Check preceeding errors.\nUnable to create objects for wizard '{source.name}'"
                    # The variables that the wizard makes carry no line.
                    lines = "\n".join(filter(None, [_LINE.sub("at line 0 of ", result.log), log]))
                    self.dropped.append(
                        Dropped(object_type, section.name, result.reason, result.where, source.where, lines)
                    )
                    break
                objects.pop(section.name, None)
                objects[section.name] = replace(result, wizard=source.name)
        return list(objects.values())

    def _create(
        self, object_type: str, section: Section, build: Callable[[Section, Applied], _T | Problem]
    ) -> _T | Problem:
        applied = apply(object_type, section, self.version.version, self.readable, self._has_profile)
        self.warnings += applied.warnings
        return applied.problem if applied.problem is not None else build(section, applied)

    def _globals(self) -> Global:
        """The settings in force: of several objects the one that was applied last; the defaults when none stays."""
        applied = [item for selection in self._selections("global", kinds.global_) for item in selection.objects]
        if len(applied) > 1:
            log = f"At most one pjsip.conf type=global object can be defined.  You have {len(applied)} defined."
            reason = f"[{applied[-1].name}] is not the only section of type=global: it alone counts, being the last"
            self.warnings.append(Problem(reason, applied[-1].where, log))
        return applied[-1] if applied else Global("", Where(self.main, 0))

    def _realtime(self) -> tuple[str, ...]:
        """The types that a database or memory holds (also), and that are not known."""
        unread = {one.type for one in self.tables.unread}
        return tuple(
            name
            for name, found in self.backends.items()
            if name in unread or any(backend.kind not in ("config", "realtime") for backend in found)
        )
