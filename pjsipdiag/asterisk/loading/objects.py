"""A configuration directory becomes what an Asterisk release holds in memory: `load_config`.

Each object type is loaded on its own, from pjsip.conf and then from pjsip_wizard.conf; where both have an object of one
name, the one of pjsip.conf is found. What does not load is kept with the reason, and with the line to blame.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TypeVar

from pjsipdiag.asterisk.config import Config, DroppedObject, Global, Identify, LoadedObject, Problem
from pjsipdiag.asterisk.dialplan.contexts import Dialplan
from pjsipdiag.asterisk.dialplan.extensions_conf import DIALPLAN_MODULES, read_dialplan
from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.loading import acls, identify, object_types, walk_order, wizard
from pjsipdiag.asterisk.loading.object_options import NO_SETTINGS, AppliedOptions, apply, cannot_tell
from pjsipdiag.asterisk.loading.resolve import Hosts, Resolver, read_hosts
from pjsipdiag.asterisk.loading.sources import modules
from pjsipdiag.asterisk.loading.sources.object_sources import Sources
from pjsipdiag.asterisk.loading.sources.opening import no_main_file, open_path, require_objects
from pjsipdiag.asterisk.loading.sources.sorcery import MAIN_FILE, Backend, Batch, select
from pjsipdiag.asterisk.loading.transport_starter import TransportStarter
from pjsipdiag.asterisk.loading.way_out import WaysOut
from pjsipdiag.asterisk.realtime.collation import EXACT, CaselessNames, Folding
from pjsipdiag.asterisk.realtime.tables import Databases
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.releases import NEWEST, Release, is_newer, release
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.storage import locate

_LINE = re.compile(r"at line \d+ of .*")

_T = TypeVar("_T", bound=LoadedObject)
_Build = Callable[[Section, AppliedOptions], _T | Problem]
"""Makes an object of a section whose options were applied."""
FileCheck = Callable[[str], bool | None]
"""Whether there is something of that name on Asterisk's machine; None where that cannot be told."""


def load_config(
    path: str | Path | None,
    asterisk: str | None = None,
    hosts: str | Path | Resolver | None = None,
    *,
    overlay: Mapping[str, str] | None = None,
    readable: FileCheck = cannot_tell,
    databases: Mapping[str, str] | Databases | None = None,
    partial: bool = False,
    main: str = MAIN_FILE,
    disk: Disk | None = None,
) -> Config:
    """Load a configuration directory (or a single file in place of pjsip.conf) as a release of Asterisk would.

    `asterisk` names the release (default: the newest known); `hosts` is a file in the form of /etc/hosts or a resolver,
    without it host names are unknown. `overlay` maps file names of the directory to texts that stand in for the files;
    with `path` None there is nothing else; lines for the name of a table stand in for its rows. `readable` tells
    whether a file that the configuration names (a certificate) can be read on Asterisk's machine. `databases` maps the
    names that extconfig.conf uses to URLs. With `partial` files may be missing: no include rejects anything. `main`
    stands for pjsip.conf. What `disk` has read before is not read again.

    :raises ConfigError: the directory or pjsip.conf is missing, or a file cannot be read.
    :raises PjsipdiagError: no such release.
    """
    version = release(asterisk or NEWEST)
    resolver = hosts if isinstance(hosts, Resolver) else read_hosts(hosts) if hosts is not None else Hosts()
    main, files, alone = open_path(path, overlay, main, disk)
    given = databases if isinstance(databases, Databases) else Databases(databases or {})
    sources = Sources(files, main, alone, version, given, partial or alone, overlay or {})
    if alone:
        require_objects(main, sources.file(main).sections)
    newer = asterisk if asterisk and is_newer(asterisk) else ""
    return _Loader(sources, version, resolver, readable, newer).config("" if path is None else locate(str(path)))


@dataclass
class _Loader:
    sources: Sources
    version: Release
    resolver: Resolver
    readable: FileCheck
    newer: str = ""
    settings: LoadedObject = NO_SETTINGS
    dropped: list[DroppedObject] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    by_type: dict[int, defaultdict[str, list[Section]]] = field(default_factory=dict)

    @cached_property
    def starter(self) -> TransportStarter:
        return TransportStarter(self.resolver, self.version)

    def config(self, directory: str) -> Config:
        if self.sources.is_alone:
            reason = LoadReason.ONLY_ONE_FILE(file=self.sources.main)
            self.warnings.append(Problem(reason, Where(self.sources.main, 0)))
        self.warnings += self.sources.mappings.passed_over
        main = self.sources.file(self.sources.main)
        if not main.is_found and not self.sources.is_mapped(self.sources.main):
            raise no_main_file(directory)
        if self.sources.is_alone:
            self.warnings += [
                Problem(LoadReason.INCLUDE_NOT_KNOWN(file=one.why["file"]), one.where) for one in main.missing_files
            ]
        stored = partial(self.sources.tables.access_lists, self.sources.loads)
        lists, refused = acls.named_lists(self.sources.file(acls.ACL_FILE), stored)
        self.warnings += refused
        self.settings = globals_ = self._globals()
        endpoints = self._both("endpoint", lambda s, a: object_types.endpoint(s, a, self.version, lists))
        transports = self._plain("transport", self.starter.start)
        sockets = self.starter.sockets
        ways = WaysOut(transports, sockets) if sockets and self.sources.has_all("transport") else None
        parts, made = self._identifies()
        self._plain("system", lambda s, a: LoadedObject(s.name, s.where, a.options))
        parsed = self.sources.parsed.values()  # a view: what is read below is in it, too
        among = parsed if not self.sources.is_alone else ()
        config = Config(
            version=self.version.version,
            newer=self.newer,
            directory=directory,
            addresses_of=self.resolver.addresses if isinstance(self.resolver, Hosts) else None,
            endpoints=endpoints,
            identifies=walk_order.with_rows(parts, made, self.version),
            globals=globals_,
            transports=transports,
            sockets=tuple(sockets),
            domain_aliases=self._plain("domain_alias", object_types.domain_alias),
            auths=self._both("auth", object_types.auth),
            aors=self._both("aor", object_types.aor),
            registrations=self._both("registration", lambda s, a: object_types.registration(s, a, ways)),
            acls=tuple(self._plain("acl", lambda s, a: object_types.acl(s, a, lists)).values()),
            identifiers=walk_order.identifiers(globals_.endpoint_identifier_order, self.version),
            uncertain_identifiers=walk_order.uncertain(globals_.endpoint_identifier_order, self.version),
            unread_objects=self.sources.unread_objects(),
            missing_files=tuple(dict.fromkeys(m for p in among for m in p.missing_files)),
            optional_files=tuple(dict.fromkeys(one for p in among for one in p.optional_files)),
            is_partial=self.sources.is_partial and not self.sources.is_alone,
            stored_tables=tuple(self.sources.tables.stored_tables),
            dead_databases=tuple(dict.fromkeys(self.sources.tables.dead_databases)),
            chan_sip=self.sources.chan_sip_sockets(),
            named_acls=lists.known,
            texts=self.sources.files.texts,
            has_acls=self.sources.file(acls.ACL_FILE).is_found,
            files=tuple(dict.fromkeys(name for p in (main, *parsed) for name in p.files)),
            dropped=self.sources.all_dropped(self.dropped),
            warnings=tuple(dict.fromkeys([*self.warnings, *(w for p in parsed for w in p.warnings)])),
            rejected_files=tuple(problem for p in parsed for problem in p.rejected_files),
            not_included=cache(self.sources.not_included),
            dialplan=cache(self._dialplan),
            sections=(*main.sections, *self.sources.file(wizard.WIZARD_FILE).sections, *self.sources.tables.all_rows),
        )
        return modules.apply(config, self.sources.modules, self.sources.absent_modules(), self.version)

    def _dialplan(self) -> Dialplan | None:
        if self.sources.is_alone:
            return None
        places = {name: self.sources.modules.excluded_by(name) for name in DIALPLAN_MODULES}
        return read_dialplan(self.sources.files, self.version, {name: where for name, where in places.items() if where})

    def _identifies(self) -> tuple[list[tuple[Sequence[Identify], int | None]], Sequence[Identify]]:
        """Of each backend the identifies and the number of its sections, None for rows; then those of the wizard, which
        is asked last. A cache between them ends the list where something was found by then."""
        backends = self.sources.backends["identify"]
        cached = self.sources.mappings.caches.get("identify")
        parts: list[tuple[Sequence[Identify], int | None]] = []
        for at in range(len(backends) + 1):
            line = backends[at - 1] if at else None
            ends, where = (
                (FileReason.LINE_OF_CACHE_ENDS_LIST, line.where)
                if line and line.is_cache
                else (FileReason.CACHE_ENDS_LIST, cached.where if cached and at == cached.before else None)
            )
            if where and any(objects for objects, _ in parts):
                if self._hide_identifies(backends[at:], where):
                    self.warnings.append(Problem(ends(wizard=wizard.WIZARD_FILE), where))
                return parts, ()
            parts += [
                (selection.objects, None if selection.are_rows else selection.sections)
                for selection in self._selections_of(backends[at : at + 1], "identify", self._identify)
            ]
        return parts, self._from_wizard("identify", self._identify)

    def _hide_identifies(self, backends: Sequence[Backend], end: Where) -> bool:
        """Notes the identifies of files that are never asked, and tells whether something is not."""
        in_files = [backend for backend in backends if backend.kind == "config"]
        behind = [one for part in self._selections_of(in_files, "identify", self._identify) for one in part.objects]
        behind += self._from_wizard("identify", self._identify)
        reason = LoadReason.BEHIND_A_CACHE(type="identify")
        self.dropped += (DroppedObject("identify", one.name, reason, end, one.where) for one in behind)
        return bool(behind or backends)

    def _identify(self, section: Section, applied: AppliedOptions) -> Identify | Problem:
        return identify.build(section, applied, self.version, self.resolver, self.warnings)

    def _plain(self, object_type: str, build: _Build[_T]) -> dict[str, _T]:
        found: dict[str, _T] = {}
        folded: list[tuple[Folding, str]] = []
        renamed: dict[str, _T] = {}
        for selection in self._selections(object_type, build):
            # What [] makes has a random name: nothing can refer to it. A row is found by what its column holds.
            for at, item in enumerate(selection.objects):
                key = selection.keys[at] if selection.keys else item.name
                if key and found.setdefault(key, item) is item and selection.folding != EXACT:
                    folded.append((selection.folding, key))
                if key != item.name:
                    renamed.setdefault(item.name, item)
        return CaselessNames(found, folded, renamed) if folded or renamed else found

    def _both(self, object_type: str, build: _Build[_T]) -> dict[str, _T]:
        made = {item.name: item for item in self._from_wizard(object_type, build)}
        plain = self._plain(object_type, build)
        for name, item in made.items():
            plain.setdefault(name, item)
        return plain

    def _selections(self, object_type: str, build: _Build[_T]) -> Iterable[Batch[_T]]:
        return self._selections_of(self.sources.backends[object_type], object_type, build)

    def _selections_of(self, backends: Sequence[Backend], object_type: str, build: _Build[_T]) -> Iterable[Batch[_T]]:
        for backend in backends:
            if backend.kind == "realtime":
                yield from self._rows(backend, object_type, build)
            if backend.kind != "config":
                self.sources.pass_over(backend, object_type)
                continue
            parsed = self.sources.file(self.sources.main if backend.file == MAIN_FILE else backend.file)
            if not parsed.is_found:
                self.sources.pass_over(backend, object_type)
            if not parsed.is_valid or not parsed.is_found:
                continue
            selection = select(
                backend,
                object_type,
                self._candidates(backend, object_type, parsed),
                self.version.version,
                lambda section: self._create(object_type, section, build),
            )
            self.dropped += selection.dropped
            self.warnings += backend.passed_over(parsed.sections, object_type, self.version.version)
            yield selection

    def _rows(self, backend: Backend, object_type: str, build: _Build[_T]) -> Iterable[Batch[_T]]:
        for part in self.sources.tables.sections(backend, object_type, self.version, self.sources.loads):
            objects: list[_T] = []
            keys: list[str] = []
            for key, section in part.made:
                made = self._create(object_type, section, build)
                if isinstance(made, Problem):
                    dropped = DroppedObject(object_type, section.name, made.why, made.where, section.where, made.log)
                    self.dropped.append(dropped)
                else:
                    objects.append(made)
                    keys.append(key)
            self.warnings += part.problems
            yield Batch(tuple(objects), len(part.made), are_rows=True, keys=tuple(keys), folding=part.folding)

    def _candidates(self, backend: Backend, object_type: str, parsed: ParsedFile) -> Sequence[Section]:
        """The sections that a backend has to look at: where `type=` alone decides, those of that type."""
        is_there = backend.name and any(section.name == backend.name for section in parsed.sections)
        if is_there or backend.criteria != (("type", object_type),):
            return parsed.sections
        if id(parsed) not in self.by_type:
            by_type = self.by_type[id(parsed)] = defaultdict(list)
            for section in parsed.sections:
                if (first := section.first("type")) is not None:
                    by_type[first.value].append(section)
        return self.by_type[id(parsed)][object_type]

    def _from_wizard(self, object_type: str, build: _Build[_T]) -> list[_T]:
        """The objects that pjsip_wizard.conf makes: of two wizards of one name those of the later."""
        parsed = self.sources.file(wizard.WIZARD_FILE)
        objects: dict[str, dict[str, _T]] = {}
        for source in wizard.wizards(parsed.sections) if parsed.is_valid and self._takes_wizard(object_type) else ():
            made = wizard.make(object_type, source, self.version)
            problem, before = made.problem, objects.pop(source.name, {})
            if problem is not None:
                where, log = problem.where, problem.log
                self.dropped.append(DroppedObject(object_type, made.name, problem.why, where, source.where, log))
            mine = objects[source.name] = {name: one for name, one in before.items() if made.keeps(name)}
            for section in made.sections:
                result = self._create(object_type, section, build)
                if isinstance(result, Problem):
                    log = f"Unable to apply object type '{object_type}' with id '{section.name}'."
                    log += f"  Check preceeding errors.\nUnable to create objects for wizard '{source.name}'"
                    # The variables that the wizard makes carry no line.
                    lines = "\n".join(filter(None, [_LINE.sub("at line 0 of ", result.log), log]))
                    self.dropped.append(
                        DroppedObject(object_type, section.name, result.why, result.where, source.where, lines)
                    )
                    break
                mine[section.name] = replace(result, wizard=source.name)
        return [one for of_wizard in objects.values() for one in of_wizard.values()]

    def _takes_wizard(self, object_type: str) -> bool:
        """Whether the wizard can keep objects of a type: it has a `memory` of its own for each, which older releases
        refuse where sorcery.conf maps the type to one already (`Wizard memory already applied`)."""
        if object_type in self.sources.mappings.misplaced_types:
            return False
        in_memory = any(backend.kind == "memory" for backend in self.sources.backends[object_type])
        return not in_memory or self.version.has("late_wizard")

    def _create(self, object_type: str, section: Section, build: _Build[_T]) -> _T | Problem:
        version, settings = self.version.version, self.settings
        if object_type == "transport":
            section, left = self.starter.complete(section)
            self.warnings += left
        applied = apply(
            object_type, section, version, self.readable, self.sources.has_profile, newer=self.newer, settings=settings
        )
        self.warnings += applied.warnings
        if object_type == "transport" and applied.problem is not None:
            self.starter.note_refusal(section, applied)
        return applied.problem if applied.problem is not None else build(section, applied)

    def _globals(self) -> Global:
        """The settings in force: of several objects the one that was applied last; the defaults when none stays."""
        applied = [item for selection in self._selections("global", object_types.global_) for item in selection.objects]
        if len(applied) > 1:
            log = f"At most one pjsip.conf type=global object can be defined.  You have {len(applied)} defined."
            reason = LoadReason.SECOND_GLOBAL(section=applied[-1].name)
            self.warnings.append(Problem(reason, applied[-1].where, log))
        return applied[-1] if applied else Global("", Where(self.sources.main, 0))
