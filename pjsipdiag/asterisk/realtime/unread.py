"""Objects in places that were not read: tables, Asterisk's own database, memory, caches, files that were not given.

Each says what holds the objects of a type, by what Asterisk shows them, and where another one would be written.
"""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import UnreadObjects
from pjsipdiag.asterisk.realtime.families import TableMapping
from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.asterisk.section import Where


def of_table(object_type: str, mapped: TableMapping, where: Where | None, file: str = "") -> UnreadObjects:
    """A table that was not read; `where` is the line of sorcery.conf, or of extconfig.conf where the whole `file` is a
    table."""
    table, shown = f"the table {mapped.table} of a database", show(object_type)
    name = hide_secrets(mapped.database)  # of a web server, its URL
    row = (
        f"as rows of {file} in {mapped.table}" if file else f"as a row of {mapped.table}{_COLUMNS.get(object_type, '')}"
    )
    if not mapped.driver:
        store = f"{table}, and extconfig.conf, which says of which one, is not among the files"
        text = f"{_from(object_type, store)}: see '{shown}'"
        return UnreadObjects(object_type, where, text, "store", store, shown, row, "bring extconfig.conf along")
    if mapped.driver in _ELSEWHERE:
        what, place = _ELSEWHERE[mapped.driver]
        store = f"{what} ({name}, {mapped.table} there), which was not read"
        text = f"{_from(object_type, store)}: see '{shown}'"
        give = "compare that with the callers, or give --live"
        return UnreadObjects(object_type, where, text, "store", store, shown, place, give, name, mapped.table)
    store = f"{table}, which was not read: extconfig.conf calls it {name} ({mapped.driver})"
    give = f"give --database {name}=URL, or {name}=FILE with what '{_bring(mapped)}' writes, all its tables in one file"
    text = f"{_from(object_type, store)}; {give}, or see '{shown}'"
    return UnreadObjects(object_type, where, text, "table", store, shown, row, give, name, mapped.table)


def of_wizard(object_type: str, wizard: str, data: str, where: Where | None) -> UnreadObjects:
    """Objects of another wizard of sorcery.conf than the tables': `astdb` (res_sorcery_astdb.c keeps objects as JSON
    under FAMILY/TYPE), `memory` (res_sorcery_memory.c), or `config` with a file that is not there."""
    shown = show(object_type)
    if wizard == "astdb":
        family = f"{data}/{object_type}"
        store = f"Asterisk's own database (astdb, family {data}), which is not among the files"
        seen, place = f"database show {family}", f"by `database put {family} NAME` with its options as JSON"
        give = "compare that with the callers"
    elif wizard == "memory":
        store = "memory, which no file shows: what ARI put there since Asterisk started"
        seen, place = shown, f"through ARI, PUT /asterisk/config/dynamic/res_pjsip/{object_type}/NAME"
        give = "compare that with the callers"
    else:
        store, seen, place = f"{data}, which is not among the files", shown, f"in {data}"
        give = f"bring {data} along"
    also = f" and '{shown}'" if seen != shown else ""
    text = f"{_from(object_type, store)}: see '{seen}'{also}"
    return UnreadObjects(object_type, where, text, "store", store, seen, place, give)


_CACHED = {
    "identify": "the rows of identifies that Asterisk goes by may be older than those of the table",
    "endpoint": "the endpoints that Asterisk goes by may be older than the rows of the table",
}


def of_cache(object_type: str, where: Where) -> Iterator[UnreadObjects]:
    """Says that a cache may hold other rows than were read, where that decides whose a call is."""
    if object_type in _CACHED:
        text = (
            f"{_CACHED[object_type]}: a cache keeps them ({where}); --live tells which, and "
            f"`sorcery memory cache expire res_pjsip/{object_type}` brings those of the table in"
        )
        yield UnreadObjects(object_type, where, text, "cache")


def show(object_type: str) -> str:
    """The command by which Asterisk shows its objects of a type."""
    if object_type == "named_acl":
        return "acl show NAME"
    return f"pjsip show {_SHOWN.get(object_type, object_type + 's')}"


_ELSEWHERE = {
    "ldap": ("an LDAP directory", "as an entry of that directory"),
    "curl": ("a web server", "where that server takes its answers from"),
}
"""Drivers of what is no database: what it is, and where a repair is written."""
_SHOWN = {"identify": "identifies", "global": "settings", "system": "settings", "domain_alias": "settings"}
_COLUMNS = {"identify": " (id, endpoint, match)", "named_acl": " (name, rule_order, sense, rule)"}


def _from(object_type: str, store: str) -> str:
    return f"{object_type} objects come (also) from {store}"


def _bring(mapped: TableMapping) -> str:
    """How the table is brought along as a file."""
    if mapped.driver == "sqlite3":
        return "sqlite3 DBFILE .dump"
    return f"pg_dump -t {mapped.table} DB" if mapped.driver == "pgsql" else f"mysqldump DB {mapped.table}"
