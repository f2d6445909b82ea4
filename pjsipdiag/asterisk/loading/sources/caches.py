"""Caches that sorcery.conf puts before other places of objects (res_sorcery_memory_cache.c)."""

from __future__ import annotations

import re

from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.section import Variable, Where
from pjsipdiag.dataclass import dataclass

_NUMBERS = ("maximum_objects", "object_lifetime_maximum", "object_lifetime_stale")
_OPTIONS = ("name", "expire_on_reload", "full_backend_cache", *_NUMBERS)


@dataclass(frozen=True, slots=True)
class Cache:
    """A memory_cache of a type: it keeps objects that were asked for by name, and lists where it is `is_full`. A list
    ends at it where the backends `before` it had any object, in the order of the lines (main/sorcery.c,
    ast_sorcery_retrieve_by_fields)."""

    where: Where
    is_full: bool = False
    before: int = 0


def cache_of(variable: Variable, before: int) -> Cache:
    """The cache that a line of sorcery.conf describes. Of an option that is given twice the last counts."""
    _, _, data = variable.value.partition(",")
    options = {name.lower(): value for name, _, value in (option.partition("=") for option in data.split(","))}
    return Cache(variable.where, parse_bool(options.get("full_backend_cache", "")), before)


def is_for_cache(option: str) -> bool:
    """configuration_parse_unsigned_integer() and its neighbours."""
    name, _, value = option.partition("=")
    if name.lower() in _NUMBERS:
        return re.match(r"\s*\+?\d", value) is not None
    return bool(value) if name.lower() == "name" else name.lower() in _OPTIONS
