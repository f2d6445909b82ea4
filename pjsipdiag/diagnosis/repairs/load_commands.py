"""How a repair is loaded, and by what it is seen to work: a table of what was changed and the command for it.

A transport that runs is kept as it is (`transport_apply` of res_pjsip/config_transport.c), `system` is registered
without reload, and `endpoint_identifier_order` is read when identifiers register
(`ast_sip_register_endpoint_identifier_with_name` of res_pjsip.c). A change of acl.conf reaches the endpoints by itself
(`acl_change_stasis_cb` of res_pjsip/pjsip_configuration.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.section import Section
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.place import is_freepbx, is_generated
from pjsipdiag.diagnosis.edits.sql import table_of
from pjsipdiag.diagnosis.edits.text_changes import lines_of, option_of, value_of
from pjsipdiag.diagnosis.model import Edit, EditKind, Finding, Loading

RESTARTED = (EditKind.TRANSPORT, EditKind.STARTUP)
COMMANDS = {
    EditKind.OBJECT: "pjsip reload",
    EditKind.TRANSPORT: "core restart when convenient",
    EditKind.STARTUP: "core restart when convenient",
    EditKind.DIALPLAN: "dialplan reload",
    EditKind.ACL: "module reload acl",
}
"""Kind of change -> the command that loads it; rows need none, or the name of their cache."""
_ADVISED = {
    "dialplan": EditKind.DIALPLAN,
    "acl": EditKind.ACL,
    "order": EditKind.STARTUP,
}
"""Type of what an advice has changed -> the kind of that change; all others are objects. `order` is
endpoint_identifier_order of the global section."""

KINDS_OF_FILES = {
    "modules.conf": EditKind.STARTUP,
    "sorcery.conf": EditKind.STARTUP,
    "extconfig.conf": EditKind.STARTUP,
    "acl.conf": EditKind.ACL,
}
"""Files that hold no objects of PJSIP."""

SHOWN = {
    "identify": "pjsip show identifies",
    "wizard": "pjsip show identifies",
    "transport": "pjsip show transports",
    "global": "pjsip show settings",
    "system": "pjsip show settings",
    "registration": "pjsip show registrations",
}
"""Type of a section -> the command that shows it beside its endpoint."""

SIP_SETTINGS = "Settings, Asterisk SIP Settings, SIP Settings [chan_pjsip]"
PAGES = {
    "transport": (SIP_SETTINGS, "pjsip.transports_custom_post.conf"),
    "global": (SIP_SETTINGS, "pjsip_custom.conf"),
    "system": (SIP_SETTINGS, "pjsip_custom.conf"),
    "dialplan": ("Connectivity, Inbound Routes", "extensions_custom.conf"),
}
"""Type of a section -> the page of FreePBX, and the file for own lines."""

TRUNK = "Connectivity, Trunks (for a telephone: Applications, Extensions)"

_TYPE = re.compile(r"(?:^|[\s(+,])type\s*=>?\s*([\w-]+)", re.IGNORECASE)
_CACHE = re.compile(r"\bname\s*=\s*([^,]+)")
_SAFE = re.compile(r"[A-Za-z0-9_.+@:][A-Za-z0-9_.+@:-]*")
"""Names that mean nothing to a shell or to Asterisk's command line."""


def find_loading(config: Config, draft: Draft) -> Loading:
    """How a draft is loaded once somebody has made its edits; nothing where there is nothing to do."""
    edits = draft.edits
    files = list(dict.fromkeys(edit.file for edit in edits))
    owner = config.endpoints.get(draft.endpoint)
    if owner and draft.add and all(_makes_section(edit) for edit in edits):
        # What is added by hand beside a generated endpoint is better entered where that comes from.
        files.append(owner.where.file)
    generated = tuple(dict.fromkeys(file for file in files if is_generated(config, file)))
    if not edits and not generated:
        return Loading()
    found = [pair for edit in edits for pair in _changes(config, edit)] or [(EditKind.OBJECT, "identify")]
    kinds = tuple(dict.fromkeys(kind for kind, _ in found))
    # A restart loads all the rest as well: reloads beside it would only make people do it twice.
    kinds = tuple(kind for kind in kinds if kind in RESTARTED) or kinds
    types = tuple(dict.fromkeys(kind for _, kind in found))
    return _loading(config, draft, kinds, types, generated)


def load_advice(config: Config, finding: Finding, kind: str) -> Loading:
    """How something of type `kind` is loaded once somebody has changed it as the advice of a finding says."""
    edited = _ADVISED.get(kind, EditKind.OBJECT)
    file, section = (finding.where.file, finding.where.section) if finding.where else ("", "")
    if kind == "acl" and not PurePosixPath(file).name.startswith("acl"):
        kind, edited = "endpoint", EditKind.OBJECT
    if kind == "order":
        kind = "global"
    generated = (file,) if file and is_generated(config, file) else ()
    named = section if section in config.endpoints else ""
    return _loading(config, Draft((), section="", endpoint=named), (edited,), (kind,), generated)


def _loading(
    config: Config, draft: Draft, kinds: tuple[EditKind, ...], types: tuple[str, ...], generated: tuple[str, ...]
) -> Loading:
    freepbx = any(is_freepbx(config, file) for file in generated)
    page, custom = PAGES.get(types[0], (TRUNK, f"pjsip.{types[0] or 'endpoint'}_custom_post.conf"))
    return Loading(
        kinds,
        tuple(dict.fromkeys(_by_freepbx(kinds) if freepbx else _commands(config, kinds, types))),
        tuple(dict.fromkeys(map(_asterisk, _show_commands(draft, kinds, types)))),
        _asterisk("pjsip set logger on"),
        generated,
        page if freepbx else "",
        custom if freepbx else "",
    )


def _asterisk(command: str) -> str:
    return f"asterisk -rx '{command}'"


def _by_freepbx(kinds: Iterable[EditKind]) -> Iterator[str]:
    """FreePBX writes its files, and reloads what it wrote."""
    yield "fwconsole reload"
    if any(kind in RESTARTED for kind in kinds):
        yield "fwconsole restart"


def _commands(config: Config, kinds: Iterable[EditKind], types: Iterable[str]) -> Iterator[str]:
    yield from (_asterisk(COMMANDS[kind]) for kind in kinds if kind in COMMANDS)
    if EditKind.CACHED in kinds:
        names = (_cache(config, kind) for kind in types)
        yield from (_asterisk(f"sorcery memory cache expire {name}") for name in names if name)


def _changes(config: Config, edit: Edit) -> Iterator[tuple[EditKind, str]]:
    """The kinds of things that one edit changes, each with the type of the object."""
    name = PurePosixPath(edit.file).name
    stored = table_of(config, edit.file)
    lists = {rule.where.file for rules in config.named_acls.values() for rule in rules}
    if stored and stored.type:
        yield _row(config, stored.type, edit), stored.type
    elif name in KINDS_OF_FILES:
        yield KINDS_OF_FILES[name], ""
    elif edit.file in lists:
        yield EditKind.ACL, ""
    elif name.startswith("extensions"):
        yield EditKind.DIALPLAN, "dialplan"
    else:
        for kind, section in _objects(config, edit):
            yield _object(config, kind, section, edit), kind


def _row(config: Config, kind: str, edit: Edit) -> EditKind:
    if kind in ("transport", "registration") or _is_read_at_start(kind, edit):
        return EditKind.OBJECT if kind == "registration" else EditKind.STARTUP
    return EditKind.CACHED if _cache(config, kind) else EditKind.ROW


def _object(config: Config, kind: str, section: str, edit: Edit) -> EditKind:
    if _is_read_at_start(kind, edit):
        return EditKind.STARTUP
    transport = config.transports.get(section) if kind == "transport" else None
    if transport and not parse_bool(transport.value("allow_reload", "no")):
        return EditKind.TRANSPORT
    return EditKind.OBJECT


def _is_read_at_start(kind: str, edit: Edit) -> bool:
    orders = any(option_of(line) == "endpoint_identifier_order" for line in (*edit.old, *edit.new))
    return kind == "system" or (kind == "global" and orders)


def _objects(config: Config, edit: Edit) -> list[tuple[str, str]]:
    """(type, name) of the sections that an edit makes or changes; a line of a template is of all that use it."""
    # An edit names a line, not an object: its object is that of the nearest line above that was loaded, which for a
    # line of a template are all sections that use it.
    written = [found[1].lower() for line in edit.new if (found := _TYPE.search(line))]
    if _makes_section(edit):
        return [(kind, "") for kind in written] or [("", "")]
    last = edit.line if edit.old else edit.line - 1
    before: list[tuple[int, Section]] = [
        (where.line, section)
        for section in config.sections
        for where in (section.where, *(variable.where for variable in section.variables))
        if where.file == edit.file and where.line <= last
    ]
    nearest = max((line for line, _ in before), default=0)
    kinds = [(_type_of(section), section.name) for line, section in before if line == nearest]
    return [*((kind, "") for kind in written), *kinds] or [("", "")]


def _makes_section(edit: Edit) -> bool:
    return not edit.old and any(line.lstrip().startswith("[") for line in edit.new)


def _type_of(section: Section) -> str:
    """The type of a section, empty where it has none."""
    kind = section.first("type")
    return kind.value.strip().lower() if kind else ""


def _cache(config: Config, kind: str) -> str:
    """The name of the memory cache that sorcery.conf gives a type; `sorcery_memory_cache_open` of
    res_sorcery_memory_cache.c calls it after module and type where it has none."""
    for line in lines_of(config, "sorcery.conf"):
        if option_of(line) == f"{kind}/cache":
            named = _CACHE.search(value_of(line))
            name = named[1].strip() if named else f"res_pjsip/{kind}"
            return name if re.fullmatch(r"[\w./-]+", name, re.ASCII) else f"res_pjsip/{kind}"
    return ""


def _show_commands(draft: Draft, kinds: Iterable[EditKind], types: Iterable[str]) -> Iterator[str]:
    """The commands that show it. A name that a shell might take for more than a name is left out."""
    section = draft.section if _SAFE.fullmatch(draft.section) else ""
    if EditKind.DIALPLAN in kinds:
        yield f"dialplan show {section}".rstrip()
    if EditKind.ACL in kinds:
        yield f"acl show {section}".rstrip()
    if EditKind.STARTUP in kinds:
        yield "pjsip show identifiers"
    yield from (SHOWN[kind] for kind in types if kind in SHOWN)
    if _SAFE.fullmatch(draft.endpoint):
        yield f"pjsip show endpoint {draft.endpoint}"
    elif "endpoint" in types or draft.endpoint:
        yield "pjsip show endpoints"
