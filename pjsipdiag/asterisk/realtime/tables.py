"""The tables that a configuration names: which are read, in which order, and which nobody gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pjsipdiag.asterisk.config import Problem, UnreadObjects
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.loading import object_options
from pjsipdiag.asterisk.loading.sources.sorcery import Backend
from pjsipdiag.asterisk.realtime import access_lists, database, logins, pitfalls, row_lines, row_sections, static
from pjsipdiag.asterisk.realtime.collation import EXACT, Folding
from pjsipdiag.asterisk.realtime.families import ENGINES, StoredTable, TableMapping, families
from pjsipdiag.asterisk.realtime.unread import of_cache, of_table
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.dataclass import dataclass

_NEVER_MAPPED = (
    "extconfig.conf", "asterisk.conf", "logger.conf", "modules.conf", "users.conf", "cli_permissions.conf",
    "res_config_sqlite3.conf", "res_config_odbc.conf", "res_odbc.conf", "res_pgsql.conf",
)  # fmt: skip
"""Files that are read before the databases are known, or that need them to be known."""

GLOBAL = "global"
"""The family whose table holds every file that has no table of its own (ast_config_internal_load)."""

_NAMED_IN = {"sqlite3": "res_config_sqlite3.conf", "odbc": "res_odbc.conf"}
"""Where a driver looks for the databases that extconfig.conf names."""

_ORDERS = {"pgsql": "res_pgsql.conf", "odbc": "res_config_odbc.conf"}
"""Drivers that order rows, and the file that can keep them from it."""
_ORDER = "order_multi_row_results_by_initial_column"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of one table as sections; `folding` is what its database passes over when it compares names."""

    made: tuple[row_sections.RowSection, ...]
    folding: Folding
    problems: tuple[Problem, ...] = ()
    """The pitfalls of the table and its rows."""


Loads = Callable[[str], bool]
"""Whether a module is loaded."""


def _available(mapped: TableMapping, loads: Loads) -> bool:
    """Whether the engine of a table is there."""
    module = ENGINES.get(mapped.driver)
    return module is not None and loads(module)


@dataclass
class Databases:
    """The URLs, or paths of dumps, by the names of extconfig.conf, and what was read: with `keeps_tables` each table is
    read once. `trusts_files` takes what Asterisk's own files say of those that have none, passwords included. Without
    `reads_named_files` no file is read that only the configuration names."""

    urls: Mapping[str, str] = field(default_factory=dict)
    keeps_tables: bool = False
    trusts_files: bool = False
    reads_named_files: bool = True
    kept_tables: dict[object, tuple[TableRows, StoredTable]] = field(default_factory=dict, repr=False)
    names: set[str] = field(default_factory=set)
    """The names that extconfig.conf gives its databases."""


@dataclass
class Tables:
    """`databases` are those that were given, `parse` gives a configuration file.

    `dead_databases` says which databases did not answer: Asterisk goes on without their rows.
    """

    databases: Databases
    parse: Callable[[str], ParsedFile]
    overlay: Mapping[str, str] = field(default_factory=dict)
    """Lines that stand in for the rows of a table."""
    peek: Callable[[str], ParsedFile] = lambda _: ParsedFile(is_found=False)
    """A file that is no part of the configuration and may hold passwords."""
    unread_objects: list[UnreadObjects] = field(default_factory=list)
    dead_databases: list[str] = field(default_factory=list)
    stored_tables: list[StoredTable] = field(default_factory=list)
    _dead: dict[str, database.UnreachableError] = field(default_factory=dict)

    @cached_property
    def families(self) -> Mapping[str, tuple[TableMapping, ...]]:
        found = families(self.parse("extconfig.conf"))
        self.databases.names.update(mapped.database for family in found.values() for mapped in family)
        return found

    @property
    def all_rows(self) -> list[Section]:
        """The rows of all tables that were read, but those of files."""
        return [section for table in self.stored_tables if table.type for section in table.sections]

    def is_family(self, name: str) -> bool:
        """Whether extconfig.conf maps a family; names are compared without case (ast_realtime_is_mapping_defined)."""
        return name.lower() in self.families

    def holder(self, name: str, loads: Loads) -> TableMapping | None:
        """The table that takes the place of a configuration file: not without the engine (find_engine)."""
        for family in () if name in _NEVER_MAPPED else (name.lower(), GLOBAL):
            for mapped in self.families.get(family, ())[:1]:
                if _available(mapped, loads):
                    return mapped.with_table(name if family != GLOBAL else GLOBAL)
        return None

    def file(self, name: str, mapped: TableMapping, types: Sequence[str]) -> ParsedFile | None:
        """The table as a file; None where it cannot be read, and all object types are unknown."""
        if self._is_unnamed(mapped):
            return ParsedFile(is_found=mapped.driver == "sqlite3")
        url = self._url(mapped)
        if url is None:
            self.unread_objects += [of_table(object_type, mapped, mapped.where, name) for object_type in types]
            return None

        def take(columns: database.Columns, raw: database.Raw) -> tuple[StoredTable, static.Included]:
            found = static.rows_of(name, mapped, columns, (row_sections.row_of(columns.names, row) for row in raw))
            return static.store_rows(name, mapped, columns, found)

        made = self._read(mapped, url, database.Query(mapped.table, static.KEY, is_ordered=False), take)
        if made is None:
            return ParsedFile(is_found=False)
        table, included = made
        self.stored_tables.append(table)
        return static.as_file(table, included, self.overlay.get(table.name), self.parse)

    def sections(self, backend: Backend, object_type: str, version: Release, loads: Loads) -> Iterator[TableRows]:
        """The rows of each table that is asked (sorcery_realtime_retrieve_multiple, _retrieve_fields), as sections."""
        listed = object_type in row_sections.LISTED_TYPES
        if listed and not backend.unqualified:
            reason = FileReason.NO_UNQUALIFIED_FETCH(type=object_type)
            yield TableRows((), EXACT, (Problem(reason, backend.where or Where("sorcery.conf", 0)),))
            return
        for mapped in (table.with_table(backend.family) for table in self.families[backend.family.lower()]):
            if not _available(mapped, loads):
                return
            if self._is_unnamed(mapped):
                reason = FileReason.NO_SUCH_DATABASE(
                    file=_NAMED_IN[mapped.driver], database=mapped.database, type=object_type
                )
                yield TableRows((), EXACT, (Problem(reason, mapped.where or Where("extconfig.conf", 0)),))
                continue
            url = self._url(mapped)
            if url is None:
                self.unread_objects.append(of_table(object_type, mapped, backend.where))
                return
            part = self._part(mapped, url, object_type, version)
            if part is None:
                continue
            if backend.cache is not None and (backend.cache.is_full or not listed):
                self.unread_objects += of_cache(object_type, backend.cache.where)
            problems = pitfalls.of_rows(self.stored_tables[-1], backend.cache)
            yield replace(part, problems=tuple(problems))
            # A list ends at the first table that answers; a single row is looked for in the next one too, but by ODBC
            # of the releases that know CONFIG_RT_NOT_FOUND.
            if listed or (mapped.driver == "odbc" and version.has("identifies_by_name")):
                return

    def access_lists(self, loads: Loads) -> access_lists.StoredLists:
        """The named access lists that are rows, of the first table that answers, or the table that was not read."""
        # Of several sections of one name the first alone is read, of its lines the last counts (main/options.c).
        options = [v for s in self.peek("asterisk.conf").sections_named("options")[:1] for v in s.variables]
        system = next((v.value for v in reversed(options) if v.name.lower() == "systemname"), "")
        for mapped in (table.with_table(access_lists.FAMILY) for table in self.families.get(access_lists.FAMILY, ())):
            if not _available(mapped, loads):
                break
            if self._is_unnamed(mapped):
                continue
            url = self._url(mapped)
            if url is None:
                self.unread_objects.append(of_table("named_acl", mapped, mapped.where))
                return access_lists.StoredLists(unread=self.unread_objects[-1])

            def take(
                columns: database.Columns, raw: database.Raw, mapped: TableMapping = mapped
            ) -> access_lists.StoredLists:
                return access_lists.lists_of(mapped, columns, raw, system)

            found = self._read(mapped, url, database.Query(mapped.table, access_lists.LIST_KEY, is_ordered=False), take)
            if found is not None:
                return found
        return access_lists.StoredLists()

    def _part(self, mapped: TableMapping, url: str, object_type: str, version: Release) -> TableRows | None:
        # What a release decides of rows: those that know the same options share them.
        of_release = object_options.names(object_type, version.version), self._is_ordered(mapped, version)
        key = (url, mapped.table, mapped.driver, object_type, of_release)
        found = self.databases.kept_tables.get(key) or self._fetch(mapped, url, object_type, version)
        if found is None:
            return None
        if self.databases.keeps_tables:
            self.databases.kept_tables[key] = found
        part, stored = found
        if mapped.table in self.overlay:
            sections = row_lines.parse_rows(mapped.table, self.overlay[mapped.table], stored.columns)
            part = TableRows(tuple((section.name, section) for section in sections), part.folding)
            stored = replace(stored, sections=sections)
        self.stored_tables.append(stored)
        return part

    def _fetch(
        self, mapped: TableMapping, url: str, object_type: str, version: Release
    ) -> tuple[TableRows, StoredTable] | None:
        def take(columns: database.Columns, raw: database.Raw) -> tuple[TableRows, StoredTable]:
            make = row_sections.sections(columns.names, mapped.table, object_type, mapped.driver, version.version)
            made: list[row_sections.RowSection] = []
            line = 1
            for row in raw:
                one = make(row, line)
                if one is not None:
                    made.append(one)
                    line += row_lines.length(one[1])
            sections = tuple(section for _, section in made)
            stored = StoredTable(object_type, mapped, sections, columns.names, columns.widths, columns.dialect)
            return TableRows(tuple(made), columns.folding), stored

        listed, ordered = object_type in row_sections.LISTED_TYPES, self._is_ordered(mapped, version)
        return self._read(mapped, url, database.Query(mapped.table, is_ordered=ordered, is_list=listed), take)

    def _is_ordered(self, mapped: TableMapping, version: Release) -> bool:
        """Whether the driver asks for the rows in the order of the first column."""
        name = _ORDERS.get(mapped.driver)
        if name is None or not version.has("unordered_rows"):
            return name is not None
        option = self.peek(name).setting("general", _ORDER)
        return option is None or parse_bool(option.value)

    def _read(self, mapped: TableMapping, url: str, query: database.Query, take: database.Take[_T]) -> _T | None:
        """Reads a table and returns what `take` makes of it; None where the database does not answer."""
        try:
            if url in self._dead:
                raise self._dead[url]
            return database.read(mapped, url, query, take)
        except database.NoAnswerError as error:
            if isinstance(error, database.UnreachableError):
                self._dead[url] = error
            if url != database.DOWN:
                self.dead_databases.append(str(error))
            return None

    def _is_unnamed(self, mapped: TableMapping) -> bool:
        """Whether the driver knows no database of that name, so that it finds nothing."""
        file = _NAMED_IN.get(mapped.driver)
        if file is None or mapped.database in self.databases.urls:
            return False
        parsed = self.peek(file)
        return parsed.is_found and all(section.name != mapped.database for section in parsed.sections)

    def _url(self, mapped: TableMapping) -> str | None:
        """The URL that was given for a database, or the file that res_config_sqlite3.conf names."""
        if mapped.database in self.databases.urls or mapped.driver != "sqlite3":
            if mapped.database in self.databases.urls or not self.databases.trusts_files:
                return self.databases.urls.get(mapped.database)
            return logins.urls([mapped], self.peek).get(mapped.database)
        if not self.databases.reads_named_files:
            return None
        sections = self.parse("res_config_sqlite3.conf").sections_named(mapped.database)
        known = (v for one in sections if one.name == mapped.database for v in one.variables)
        paths = [variable.value for variable in known if variable.name.lower() == "dbfile" and variable.value]
        return f"sqlite:///{paths[-1]}" if paths and Path(paths[-1]).is_file() else None
