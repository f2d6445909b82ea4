"""Mappings of sorcery.conf that keep Asterisk or PJSIP from starting, whichever module reads them.

Each module that opens sorcery reads the section of its name (main/sorcery.c, __ast_sorcery_open), some read others
beside it. What a mapping of [res_pjsip] that does not open leads to is told in `object_sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.asterisk.loading.sources.opened_mappings import opened, option_without_value, tried
from pjsipdiag.asterisk.loading.sources.sorcery import OWNERS, RES_PJSIP
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.releases.features import FeatureName
from pjsipdiag.asterisk.secrets import hide_secrets, shown_value
from pjsipdiag.asterisk.section import Section
from pjsipdiag.dataclass import NamedTuple


class _Reader(NamedTuple):
    """The module that reads a section, the feature of the releases that have it, and what comes of a mapping there that
    does not open, where that reaches PJSIP."""

    module: str
    feature: FeatureName | None = None
    refused: str = ""


_CRASHES = "Asterisk crashes at start"
_READERS = {
    "res_pjproject": _Reader("res_pjproject", refused="res_pjproject does not load: nothing listens"),
    "res_pjsip_pubsub": _Reader("res_pjsip_pubsub"),
    "res_pjsip_outbound_publish": _Reader("res_pjsip_outbound_publish"),
    "res_pjsip_publish_asterisk": _Reader("res_pjsip_publish_asterisk"),
    "res_geolocation": _Reader("res_geolocation", "geolocation", _CRASHES),
    "location": _Reader("res_geolocation", "geolocation_needs_memory"),
    "profile": _Reader("res_geolocation", "geolocation_needs_memory"),
    "res_stir_shaken": _Reader("res_stir_shaken", "stir_shaken"),
    "res_aeap": _Reader("res_aeap", "aeap"),
    "res_websocket_client": _Reader("res_websocket_client", "websocket_client", "Asterisk does not start"),
    "res_ari": _Reader("res_ari", "websocket_client"),
    "chan_websocket": _Reader("chan_websocket", "websocket_channel_options"),
}
"""Section of sorcery.conf -> who reads it, of those with types that identification does not ask for."""


def failing_mappings(
    sorcery: ParsedFile,
    loads: Callable[[str], bool],
    is_family: Callable[[str], bool],
    version: Release,
    *,
    is_partial: bool,
) -> Iterator[AbsentModule]:
    """The mappings, of whatever type, that keep Asterisk or PJSIP from starting; those of `is_partial` files may open
    where the rest is."""
    for name in (RES_PJSIP, *OWNERS.values(), *_READERS):
        reader = _READERS.get(name)
        if reader and not (loads(reader.module) and (reader.feature is None or version.has(reader.feature))):
            continue
        for section in sorcery.sections_named(name)[:1]:
            yield from _crashes(section, loads, is_family, version)
            for _, variable, refused in tried(section, loads, is_family) if reader and reader.refused else ():
                if reader and refused:
                    ends = f"so{' with these files alone' * is_partial} {reader.refused}"
                    reason, log = f"[{name}] {refused[0]}, {ends}", refused[1]
                    yield AbsentModule("", reason, variable.where, log, is_fatal=not is_partial)


def _crashes(
    section: Section, loads: Callable[[str], bool], is_family: Callable[[str], bool], version: Release
) -> Iterator[AbsentModule]:
    """The mappings that Asterisk takes apart without looking whether there is anything."""
    seen: set[tuple[str, str]] = set()
    for object_type, variable in opened(section, loads, is_family):
        kind, _, data = variable.value.partition(",")
        if (object_type, kind) in seen:
            continue
        seen.add((object_type, kind))
        given, crash = f"{variable.name}={shown_value(variable)}", f"Asterisk {version.version} crashes at start; write"
        if variable.value == "memory_cache" and version.has("bare_cache_crashes"):
            reason = f"{given} has no options: {crash} memory_cache,name={object_type}"
            yield AbsentModule("", reason, variable.where, is_fatal=True)
        for remedy in filter(None, map(option_without_value, data.split(",")[1:])) if kind == "config" else ():
            reason = f"{given} has an option without a value: {crash} {hide_secrets(remedy)}"
            yield AbsentModule("", reason, variable.where, is_fatal=True)
