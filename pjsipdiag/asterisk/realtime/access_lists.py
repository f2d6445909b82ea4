"""Named access lists that are rows: `acls => DRIVER,DATABASE[,TABLE]` in extconfig.conf (main/named_acl.c).

Asterisk looks there for a list that acl.conf does not have. Its rows are the rules, in the order of `rule_order`; one
that is refused leaves no list at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.config import AddressRule, UnreadObjects
from pjsipdiag.asterisk.realtime import row_sections
from pjsipdiag.asterisk.realtime.collation import EXACT, Folding
from pjsipdiag.asterisk.realtime.database import Columns, Raw
from pjsipdiag.asterisk.realtime.families import TableMapping, TableRow
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.digits import read_number

FAMILY = "acls"
LIST_KEY = "name"
_SYSTEM = "systemname"
_ORDER = re.compile(r"\s*([+-]?[0-9]+)")

Rules = tuple[AddressRule, ...]


class StoredLists(NamedTuple):
    """Lists by name, how their database compares names, or the table that was not read."""

    rules: Mapping[str, Rules] = MappingProxyType({})
    folding: Folding = EXACT
    unread: UnreadObjects | None = None


def lists_of(mapped: TableMapping, columns: Columns, raw: Raw, system: str) -> StoredLists:
    """The lists of a table; with a `system` (systemname of asterisk.conf) the rows of it alone."""
    fold = columns.folding.fold
    if system and _SYSTEM not in columns.names:
        return StoredLists()
    named: dict[str, str] = {}
    lists: dict[str, list[TableRow]] = {}
    for row in (row_sections.row_of(columns.names, one) for one in raw):
        name = row.get(LIST_KEY) or ""
        if not system or fold(row[_SYSTEM] or "") == fold(system):
            lists.setdefault(named.setdefault(fold(name), name), []).append(row)
    made = {name: rules for name, rows in lists.items() if (rules := _rules(mapped, rows)) is not None}
    return StoredLists(made, columns.folding)


def _rules(mapped: TableMapping, rows: Iterable[TableRow]) -> Rules | None:
    rules: list[AddressRule] = []
    for row in sorted(rows, key=_order):
        name, sense, rule = (_passed_on(row.get(column), mapped.driver) for column in (LIST_KEY, "sense", "rule"))
        where = Where(mapped.table, 0, name, "rule", LIST_KEY)
        found, refused = parse_rules(rule, ports=False, deny=sense[:1].lower() != "p", where=where)
        if refused:
            return None
        rules += found
    return tuple(rules)


def _passed_on(written: str | None, driver: str) -> str:
    """A value as the driver passes it on: of several the first is taken (ast_variable_retrieve)."""
    made: Sequence[str] = (written or "",) if driver == "sqlite3" else [*row_sections.values(written or "", driver)]
    return made[0] if made else ""


def _order(row: TableRow) -> int:
    found = _ORDER.match(row.get("rule_order") or "")
    return read_number(found[1]) if found else 0
