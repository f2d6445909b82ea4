"""The orders in which Asterisk walks: identify objects (by name or by hash bucket) and identifiers.

The hash order is that of an ao2 container: `ast_str_hash` (include/asterisk/strings.h) modulo a number of buckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pjsipdiag.asterisk.config import Config, Identify
from pjsipdiag.asterisk.releases import MODULES, Release, release
from pjsipdiag.asterisk.section import Section

MEMORY_BUCKETS = 53
"""Buckets of a sorcery memory container (res_sorcery_memory.c) and of an identify's host names."""

_T = TypeVar("_T")


def str_hash(name: str) -> int:
    """`ast_str_hash`: 32 bits without the sign bit (`ast_str_hash_restrict`)."""
    value = 5381
    for byte in name.encode("utf-8", "surrogateescape"):
        value = (value * 33 ^ byte) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


def is_prime(number: int) -> bool:
    """`ast_is_prime` (main/hashtab.c), which takes 1 and not 2."""
    if not number & 1:
        return False
    divisor, limit = 3, number
    while divisor < limit:
        if not number % divisor:
            return False
        limit = number // divisor
        divisor += 2
    return True


def bucket_count(sections: int) -> int:
    """The buckets for objects of a type from a file (res_sorcery_config.c, sorcery_config_internal_load)."""
    return next((count for count in range(sections, 0, -1) if is_prime(count)), 1)


def hash_order(items: Iterable[tuple[str, _T]], buckets: int) -> list[_T]:
    """Named items in the order of a container with that many buckets: file order within a bucket."""
    return [item for _, item in sorted(items, key=lambda pair: str_hash(pair[0]) % buckets)]


def name_order(items: Iterable[tuple[str, _T]]) -> list[_T]:
    """Named items in byte order; of several with one name the first. What has no name has a random one: it comes first
    here, and all of it stays."""
    first: dict[bytes, _T] = {}
    nameless = []
    for name, item in items:
        if name:
            first.setdefault(name.encode("utf-8", "surrogateescape"), item)
        else:
            nameless.append(item)
    return [*nameless, *(first[name] for name in sorted(first))]


def with_rows(
    parts: Sequence[tuple[Sequence[Identify], int | None]], from_wizard: Sequence[Identify], version: Release
) -> tuple[Identify, ...]:
    """The order where rows of a database are among them: each backend's objects with the number of its sections, None
    for rows. Lists that are not sorted keep the order of the result (`sorcery_realtime_retrieve_multiple`)."""
    if version.identify_order == "name":
        plain = [item for objects, _ in parts for item in objects]
        return tuple(name_order((item.name, item) for item in (*plain, *from_wizard)))
    asked: list[Identify] = []
    for objects, sections in parts:
        if sections is None:
            asked += objects
        else:
            asked += hash_order([(item.name, item) for item in objects], bucket_count(sections))
    return (*asked, *hash_order([(item.name, item) for item in from_wizard], MEMORY_BUCKETS))


def identify_order(
    from_file: Sequence[Identify], from_wizard: Sequence[Identify], sections: int, version: Release
) -> tuple[Identify, ...]:
    """Loaded identifies in the order the release asks them.

    `from_file` are those of pjsip.conf in file order, `sections` how many identify sections there are in all, also
    those that did not load; `from_wizard` are those of pjsip_wizard.conf.
    """
    plain = [(identify.name, identify) for identify in from_file]
    made = [(identify.name, identify) for identify in from_wizard]
    if version.identify_order == "name":
        return tuple(name_order([*plain, *made]))
    return (*hash_order(plain, bucket_count(sections)), *hash_order(made, MEMORY_BUCKETS))


def ask_order(config: Config, version: str) -> tuple[Identify, ...]:
    """The identifies of a configuration in the order in which another release would ask the same objects.

    :raises PjsipdiagError: no such release.
    """
    places = {section.where: place for place, section in enumerate(config.sections)}
    identifies = sorted(config.identifies, key=lambda identify: places.get(identify.where, -1))
    return identify_order(
        [identify for identify in identifies if not identify.wizard],
        [identify for identify in identifies if identify.wizard],
        sum(is_identify(section) for section in config.sections),
        release(version),
    )


def is_identify(section: Section) -> bool:
    kind = section.first("type")
    return not section.is_template and kind is not None and kind.value == "identify"


def identifiers(order: str, version: Release) -> tuple[str, ...]:
    """The identifiers as `endpoint_identifier_order` sorts them: split at commas without trimming, unlisted ones follow
    (res_pjsip.c, ast_sip_register_endpoint_identifier_with_name)."""
    listed = order.split(",")
    first, *others = version.identifiers
    return (first, *sorted(others, key=lambda name: listed.index(name) if name in listed else len(listed)))


def uncertain(order: str, version: Release) -> tuple[str, ...]:
    """The unlisted identifiers when they come from both modules of one priority: their order is the installation's."""
    # The module of `anonymous` has a lower load priority than the two others, so that its place is certain.
    alike = [module for module in MODULES if "anonymous" not in module]
    unlisted = [name for name in identifiers(order, version)[1:] if name not in order.split(",")]
    unlisted = [name for name in unlisted if any(name in module for module in alike)]
    modules = [module for module in alike if any(name in module for name in unlisted)]
    return tuple(unlisted) if len(modules) > 1 else ()
