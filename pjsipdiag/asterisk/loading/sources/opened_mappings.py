"""Which mappings of sorcery.conf open, and why others do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pjsipdiag.asterisk.loading.sources.caches import is_for_cache
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.asterisk.section import Section, Variable

_WIZARDS = {
    "config": "res_sorcery_config",
    "memory": "res_sorcery_memory",
    "astdb": "res_sorcery_astdb",
    "realtime": "res_sorcery_realtime",
    "memory_cache": "res_sorcery_memory_cache",
}
"""Wizard that a mapping may name -> the module that brings it."""


def tried(
    section: Section, loads: Callable[[str], bool], is_family: Callable[[str], bool]
) -> Iterator[tuple[str, Variable, tuple[Reason, str] | None]]:
    """The mappings of a section, each with its type; the last may be one that does not open, with why and Asterisk's
    line."""
    for variable in section.variables:
        object_type = variable.name.partition("/")[0]
        kind, _, data = variable.value.partition(",")
        if object_type and kind:
            refused = _refusal(kind, data, object_type, loads, is_family)
            yield object_type, variable, refused
            if refused:
                return


def opened(
    section: Section, loads: Callable[[str], bool], is_family: Callable[[str], bool]
) -> Iterator[tuple[str, Variable]]:
    """The mappings of a section, each with its type, up to one that does not open."""
    return ((name, variable) for name, variable, refused in tried(section, loads, is_family) if not refused)


def option_without_value(option: str) -> str:
    """The form of an option of `config` that lacks the value which it takes apart unseen (sorcery_config_open)."""
    name, equals, value = option.partition("=")
    match name.lower():
        case "criteria" if "=" not in value:
            return f"criteria={value or 'NAME'}=VALUE"
        case "integrity" | "buckets" if not equals:
            return f"{name}=VALUE"
    return ""


def _refusal(
    kind: str, data: str, object_type: str, loads: Callable[[str], bool], is_family: Callable[[str], bool]
) -> tuple[Reason, str] | None:
    """Why a mapping does not open, and Asterisk's line (`__ast_sorcery_object_type_insert_wizard`, `*_open`)."""
    shown = f"{object_type}={kind}" + (f",{data}" if data else "")
    module = _WIZARDS.get(kind)
    if module is None or not loads(module):
        log = f"Wizard '{kind}' could not be applied to object type '{object_type}' as it was not found"
        why = f"{module} is not loaded" if module else f"there is no wizard '{kind}'"
        return _told(shown, why, log)
    first, *options = data.split(",")
    why = ""
    if kind in ("config", "astdb", "realtime") and not first:
        why = "it names no " + {"config": "file", "astdb": "family"}.get(kind, "family of extconfig.conf")
    elif kind == "config":
        names = {option.partition("=")[0].lower(): option.partition("=")[2] for option in options}
        empty = next((name for name in ("explicit_name", "single_object") if names.get(name) == ""), "")
        why = f"{empty}= is empty" if empty else ""
    elif kind == "realtime":
        why = _realtime_refusal(first, options, is_family)
    elif kind == "memory_cache":
        given = data.removesuffix(",").split(",") if data else ()
        wrong = next((option for option in given if not is_for_cache(option)), None)
        why = "" if wrong is None else f"a cache takes no {wrong or 'empty option'}"
    if not why:
        return None
    log = f"Wizard '{kind}' failed to open mapping for object type '{object_type}' with data: {data}"
    return _told(shown, why, log)


def _told(mapping: str, why: str, log: str) -> tuple[Reason, str]:
    """A refusal without secrets: where a family should stand may stand the URL of a web server."""
    return LoadReason.MAPPING_REFUSED(mapping=hide_secrets(mapping), why=hide_secrets(why)), hide_secrets(log)


def _realtime_refusal(family: str, options: Sequence[str], is_family: Callable[[str], bool]) -> str:
    if not is_family(family):
        return f"extconfig.conf does not map {family}"
    for option in options:
        name, _, value = option.partition("=")
        if name.lower() != "allow_unqualified_fetch" or value.lower() not in ("", "yes", "no", "warn", "error"):
            return f"a realtime mapping has no option {option}"
    return ""
