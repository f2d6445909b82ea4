"""Where objects come from: the files, tables and mappings of one configuration, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from pjsipdiag.asterisk.config import DroppedObject, Transport, UnreadObjects
from pjsipdiag.asterisk.files.conf import parse
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES
from pjsipdiag.asterisk.loading.sources import chan_sip
from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.asterisk.loading.sources.failing_mappings import failing_mappings
from pjsipdiag.asterisk.loading.sources.modules import Modules, broken_files, effect, read
from pjsipdiag.asterisk.loading.sources.preloads import failing
from pjsipdiag.asterisk.loading.sources.sorcery import MAIN_FILE, OWNERS, Backend, Mappings, mappings
from pjsipdiag.asterisk.loading.wizard import WIZARD_FILE, WIZARD_TYPES
from pjsipdiag.asterisk.realtime.families import TableMapping
from pjsipdiag.asterisk.realtime.static import null_columns
from pjsipdiag.asterisk.realtime.tables import Databases, Tables
from pjsipdiag.asterisk.realtime.unread import of_table, of_wizard
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.dataclass import dataclass

EXTCONFIG = "extconfig.conf"
_OF_OBJECTS = (MAIN_FILE, "sorcery.conf", "extconfig.conf")
"""Files that objects of every type hang on."""

MODULES_OF = {
    "identify": "res_pjsip_endpoint_identifier_ip",
    "registration": "res_pjsip_outbound_registration",
    "acl": "res_pjsip_acl",
}
"""The module that owns a type, for the types that are not res_pjsip's own."""


@dataclass
class Sources:
    """`main` stands for pjsip.conf; `is_alone`: no other file is known. `is_partial` files may lack what they include;
    `overlay` has texts that stand in for files and rows."""

    files: Files
    main: str
    is_alone: bool
    version: Release
    databases: Databases
    is_partial: bool
    overlay: Mapping[str, str]
    parsed: dict[str, ParsedFile] = field(default_factory=dict)

    @cached_property
    def modules(self) -> Modules:
        found = self.file("modules.conf")
        lacking = self.is_partial and found.missing_files
        return read(ParsedFile(is_found=False) if lacking else found, int(self.version.branch))

    @cached_property
    def tables(self) -> Tables:
        return Tables(self.databases, self.file, self.overlay, lambda name: parse(name, self.files, self.version))

    @cached_property
    def mappings(self) -> Mappings:
        return mappings(self.file("sorcery.conf"), self.loads, self.tables.is_family)

    def loads(self, module: str) -> bool:
        return self.modules.loads(module)

    @property
    def backends(self) -> Mapping[str, tuple[Backend, ...]]:
        return self.mappings.backends

    def file(self, name: str) -> ParsedFile:
        """A file of the directory, read once for all object types (Asterisk reads it anew for each)."""
        if name not in self.parsed:
            if self.is_alone and name != self.main:
                self.parsed[name] = ParsedFile(is_found=False)
            else:
                self.parsed[name] = self._table(name) or parse(
                    name, self.files, self.version, partial=self.is_partial, table=self._table_in(name)
                )
        return self.parsed[name]

    def has_profile(self, name: str) -> bool | None:
        """Whether there is a geolocation profile; a directory without geolocation.conf cannot tell."""
        if name.startswith("<"):  # res_geolocation brings <prefer_config> and its like along
            return True
        parsed = self.file("geolocation.conf")
        if not parsed.is_found:
            return None
        kinds_of_name = (section.first("type") for section in parsed.sections_named(name)) if parsed.is_valid else ()
        return any(kind is not None and kind.value == "profile" for kind in kinds_of_name)

    def not_included(self) -> Mapping[str, bytes]:
        """The files beside pjsip.conf that look as if they belonged to it, and that nothing reads."""
        if self.is_alone:
            return {}
        read_files = {name for parsed in self.parsed.values() for name in parsed.files}
        return self.files.others("pjsip*.conf", {self.main, *read_files})

    def _table(self, name: str) -> ParsedFile | None:
        """The table that takes the place of a file, read as one; None where none does."""
        mapped = self._holder(name)
        return self.tables.file(name, mapped, OBJECT_TYPES) if mapped else None

    def _table_in(self, name: str) -> Callable[[str], ParsedFile | None] | None:
        """Where the includes of a file are looked for in tables, if there are any: those of extconfig.conf are not
        (read_config_maps)."""
        return self._table if name != EXTCONFIG and self.tables.families else None

    def _holder(self, name: str) -> TableMapping | None:
        return self.tables.holder(name, self.loads) if name != EXTCONFIG else None

    def is_mapped(self, name: str) -> bool:
        """Whether a table takes the place of a file."""
        return self._holder(name) is not None

    def chan_sip_sockets(self) -> tuple[Transport, ...]:
        if self.is_alone or not self.files.exists(chan_sip.SIP_CONF) or not self.loads(chan_sip.DRIVER):
            return ()
        return chan_sip.sockets(parse(chan_sip.SIP_CONF, self.files, self.version, partial=True))

    def programs(self) -> Iterator[UnreadObjects]:
        """The objects that a program may write into a file; it is never run."""
        for name, parsed in self.parsed.items():
            types = WIZARD_TYPES if name == WIZARD_FILE else OBJECT_TYPES if name in (self.main, *_OF_OBJECTS) else ()
            for program in parsed.programs:
                text = (
                    f"#exec at {program.where} is never run here: {program.reason}; put its output in the place of the"
                    " line in a copy, or see what Asterisk shows ('pjsip show identifies', 'pjsip show endpoints')"
                )
                yield from (UnreadObjects(kind, program.where, text, "program") for kind in types)

    def pass_over(self, backend: Backend, object_type: str) -> None:
        """Notes what sorcery.conf takes objects from and no file shows, or a file that is not there."""
        if backend.is_cache and backend.kind == "memory":
            return
        if backend.kind in ("config", "astdb", "memory") and backend.where is not None and not self.is_alone:
            held = backend.file or backend.family
            self.tables.unread_objects.append(of_wizard(object_type, backend.kind, held, backend.where))

    def all_dropped(self, dropped: Sequence[DroppedObject]) -> tuple[DroppedObject, ...]:
        """The objects that do not load, refused or passed over, but for those into whose section a program writes."""
        found = dict.fromkeys([*dropped, *self._mapped_away()])
        return tuple(one for one in found if not self.is_open(one))

    def _mapped_away(self) -> Iterator[DroppedObject]:
        """Sections of pjsip.conf of a type that sorcery.conf takes from somewhere else, all of which was read."""
        unread = {one.type for one in self.unread_objects()}
        moved = {
            name: backends
            for name, backends in self.backends.items()
            if backends and all(one.where for one in backends) and name not in unread
        }
        for section in self.file(self.main).sections if moved else ():
            kind = section.first("type")
            backends = moved.get(kind.value, ()) if kind and not section.is_template else ()
            of_main = [one for one in backends if one.kind == "config" and one.file == MAIN_FILE]
            if (
                kind is None
                or not backends
                or any(one.takes(section, kind.value, self.version.version) for one in of_main)
            ):
                continue
            why = LoadReason.MAPPED_AWAY(type=kind.value, backends=", ".join(map(str, backends)))
            where = backends[0].where or section.where
            yield DroppedObject(kind.value, section.name, why, where, section.where)

    def is_open(self, dropped: DroppedObject) -> bool:
        """Whether a program writes into the section of an object, so that what it lacks may be there."""
        place = dropped.section_where
        return any(
            (program.where.file, program.where.section) == (place.file, place.section)
            for parsed in self.parsed.values()
            for program in parsed.programs
        )

    def unread_objects(self) -> tuple[UnreadObjects, ...]:
        """The objects and modules that may be loaded and were not read."""
        return tuple(
            dict.fromkeys(
                (*self.modules.unread_objects, *self.tables.unread_objects, *self._unmapped(), *self.programs())
            )
        )

    def has_all(self, object_type: str) -> bool:
        """Whether no object of a type can stand where nothing was read."""
        return not self.is_partial and all(one.type not in ("", object_type) for one in self.unread_objects())

    def _unmapped(self) -> Iterator[UnreadObjects]:
        """Types mapped to families without an extconfig.conf: the copy may lack that file."""
        if self.is_alone or self.file(EXTCONFIG).is_found:
            return
        for object_type, backend in self.mappings.unmapped_types.items():
            yield of_table(object_type, TableMapping(backend.family, "", "", backend.family), backend.where)

    def absent_modules(self) -> list[AbsentModule]:
        """The modules that do not load because of sorcery.conf, or of a file that Asterisk cannot start with."""
        found = list(broken_files(self.file))
        found += self._crashes()
        found += failing_mappings(
            self.file("sorcery.conf"), self.loads, self.tables.is_family, self.version, is_partial=self.is_partial
        )
        found += failing(self.modules, self.version)
        failed = self.mappings.failure
        if failed is not None:
            log = f"{failed.log}\nError attempting to apply configuration res_pjsip to sorcery."
            ends = "would not load with these files alone" if self.is_partial else "does not load: nothing listens"
            reason = f"{failed.reason}, so res_pjsip {ends}"
            found.append(AbsentModule("res_pjsip", reason, failed.where, log, is_fatal=not self.is_partial))
        for object_type, variable in self.mappings.misplaced_types.items():
            module = MODULES_OF[object_type]
            if not self.loads(module):
                continue
            if object_type == "registration" and not self.version.has("registration_declines"):
                reason = f"[res_pjsip] maps {object_type}, which belongs to [{OWNERS[object_type]}]"
                crash = f"{reason}: Asterisk {self.version.version} crashes at start; move the line to that section"
                found.append(AbsentModule("", crash, variable.where, is_fatal=True))
                continue
            log = (
                f"Cannot update type '{object_type}' in module 'res_pjsip' because it has no existing documentation!"
                f"\n{module} declined to load."
            )
            reason = (
                f"[res_pjsip] maps {object_type}, which belongs to [{OWNERS[object_type]}]: {module} does not load, so "
                f"{effect(module, self.version)}; move the line to that section"
            )
            found.append(AbsentModule(module, reason, variable.where, log))
        return found

    def _crashes(self) -> Iterator[AbsentModule]:
        """NULL in rows that stand for a file."""
        for where in (where for table in self.tables.stored_tables for where in null_columns(table)):
            crash = f"{where} is NULL: Asterisk crashes at start; write an empty text, or delete the row"
            yield AbsentModule("", crash, where, is_fatal=True)
