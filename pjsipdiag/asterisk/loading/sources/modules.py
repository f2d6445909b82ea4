"""The modules that modules.conf leaves out, and what is then not there (main/loader.c, loader_config_init).

An identifier, the `type=acl` objects, authentication and the wizard exist only if their module is loaded. A directory
without modules.conf is a part of one: all modules may be assumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cache
from pathlib import Path

from pjsipdiag.asterisk.config import Config, UnreadObjects
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.asterisk.loading.sources.call_modules import absent_call_modules
from pjsipdiag.asterisk.releases import MODULES, Release
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass

USER, IP, ANONYMOUS = (f"res_pjsip_endpoint_identifier_{name}" for name in ("user", "ip", "anonymous"))
WIZARD_MODULE = "res_pjsip_config_wizard"
IDENTIFIERS_OF: dict[str, tuple[str, ...]] = {
    **dict(zip((USER, IP, ANONYMOUS), MODULES, strict=True)),
    "res_pjsip_outbound_registration": ("line",),
}
"""Module -> the identifiers that it registers."""

NEEDED = ("res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjproject", "res_pjsip")
"""Without one of these nothing listens (`requires` of res_pjsip)."""

OTHERS = ("res_pjsip_acl", "res_pjsip_authenticator_digest", "res_pjsip_registrar", WIZARD_MODULE)

STARTING_FILES = {
    "sorcery.conf": "",
    "extconfig.conf": "*** Failed to load module extconfig",
    "users.conf": "",
    "cli_permissions.conf": "",
}
"""Files that Asterisk does not start with when they cannot be parsed, and its line."""

MODULES_CONF = Where("modules.conf", 0)

_WORDS = ("preload", "preload-require", "load", "require")


@dataclass(frozen=True, slots=True)
class _Named:
    """A module that modules.conf names: as it is written first, and whether it is preloaded or required."""

    written: str
    where: Where = MODULES_CONF
    branch: int = 0
    early: bool = False
    required: bool = False

    @property
    def is_own(self) -> bool:
        """Whether Asterisk has a module of that name; one that is written in another case is not found."""
        return self.written.removesuffix(".so") in own_modules(self.branch)

    @property
    def is_strange(self) -> bool:
        """Whether no file shows if the module is there: it is none of the release's own."""
        return bool(self.written) and _base(self.written) not in own_modules(self.branch)


@dataclass(frozen=True, slots=True)
class Modules:
    """The lines of modules.conf. `load_lines` are the modules of its load lines in their order and `noload_lines` those
    of noload=, both by the name in small letters; `fatal` is why Asterisk or PJSIP does not start, `unread_objects` why
    it may not."""

    autoload: bool = True
    load_lines: Mapping[str, _Named] = field(default_factory=dict)
    noload_lines: Mapping[str, Where] = field(default_factory=dict)
    where: Where = MODULES_CONF
    fatal: AbsentModule | None = None
    unread_objects: tuple[UnreadObjects, ...] = ()

    def loads(self, module: str) -> bool:
        return self.excluded_by(module) is None

    def excluded_by(self, module: str) -> Where | None:
        """The line that keeps a module from being loaded, None where it is.

        Names are compared without case, and a module is looked for as it is written first: one written in another case
        is not found, whatever autoload= says.
        """
        if module in self.noload_lines:
            return self.noload_lines[module]
        named = self.load_lines.get(module)
        found = self.autoload if named is None else named.written in (module, f"{module}.so")
        return None if found else self.where

    def remedy(self, module: str) -> str:
        """The change that has a module loaded which `excluded_by` finds not to be."""
        if module in self.noload_lines:
            return f"take the noload of {module} out"
        spelt = self.load_lines.get(module)
        return f"write {module}.so instead of {spelt.written}" if spelt else f"add `load = {module}.so`"

    def place(self, module: str) -> tuple[bool, bool, int]:
        """Where a module stands in the order of loading, as far as modules.conf tells it."""
        named = self.load_lines.get(module)
        if named is None:
            return True, module == ANONYMOUS, len(self.load_lines)
        # The anonymous module has a lower priority than the two others.
        return not named.early, module == ANONYMOUS, list(self.load_lines).index(module)


def read(parsed: ParsedFile, branch: int) -> Modules:
    """The modules of interest, as modules.conf loads them with a release of that branch."""
    if not parsed.is_found:
        return Modules()
    if not parsed.is_valid:
        where = parsed.rejected_files[0].where if parsed.rejected_files else MODULES_CONF
        return _no_start("modules.conf cannot be parsed: Asterisk does not start", where)
    section = next((s for s in parsed.sections if s.name.lower() == "modules" and not s.is_template), None)
    if section is None:
        return _no_start("modules.conf has no section [modules]: no module is loaded, nothing listens", MODULES_CONF)
    named, refused = dict[str, _Named](), dict[str, Where]()
    # A module that two lines name is one, preloaded or required where either line says so (add_to_load_order). noload=
    # is looked at after all of them, wherever it stands: what is required cannot be taken out again.
    for variable in section.variables:
        word, name = variable.name.lower(), _base(variable.value)
        if word == "noload":
            refused[name] = variable.where
        elif word in _WORDS:
            known = named.get(name, _Named(variable.value, variable.where, branch))
            named[name] = replace(
                known,
                early=known.early or word.startswith("preload"),
                required=known.required or word.endswith("require"),
            )
        elif word != "autoload":
            return _no_start(f"modules.conf knows no {variable.name}=: Asterisk does not start", variable.where)
    for name, where in refused.items():
        if name in named and named[name].required:
            return _no_start(f"{name} is required and has noload=: Asterisk does not start", where)
    missing = [one for name, one in named.items() if name not in refused and not one.is_own]
    if (effects := _effects(missing)) == {True}:
        one = next(one for one in missing if one.required)
        reason = f"{one.written or 'a module without a name'} is required and not found: Asterisk does not start"
        return _no_start(reason, one.where, REQUIRED_LOG.format(one.written))
    unread = tuple(_doubt(one) for one in missing if one.required) if True in effects else ()
    autoload = (all_ := section.first("autoload")) is not None and parse_bool(all_.value)
    return Modules(autoload, named, refused, section.where, unread_objects=unread)


@cache
def own_modules(branch: int) -> frozenset[str]:
    """The modules that Asterisk has had since 16, without those that were gone by a branch; others may be added."""
    table = json.loads((Path(__file__).parents[2] / "releases" / "modules.json").read_bytes())
    return frozenset(table["modules"]) - {name for name, since in table["removed"].items() if since <= branch}


REQUIRED_LOG = "*** Failed to load required module {}"


def _effects(missing: list[_Named]) -> set[bool]:
    """Whether modules that may not be found end the start, both where that hangs on what is installed: of those not
    found the last decides, by whether it is required (main/loader.c, load_resource_list)."""
    effects: set[bool] = set()
    for one in reversed(missing):
        effects.add(one.required)
        if not one.is_strange:
            return effects
    return {*effects, False}


def _doubt(one: _Named) -> UnreadObjects:
    """A required module that may not be found: whether Asterisk starts is not in modules.conf."""
    text = f"{one.written} is required ({one.where}) and " + (
        "none of Asterisk's own modules: Asterisk starts only where its file is among the modules "
        f"('module show like {one.written.removesuffix('.so')}')"
        if one.is_strange
        else "not found: Asterisk starts only where one that a later line names is not found either"
    )
    return UnreadObjects("", one.where, text, "module")


def broken_files(read: Callable[[str], ParsedFile]) -> Iterator[AbsentModule]:
    """Names the files that cannot be parsed and without which Asterisk does not start."""
    for name, log in STARTING_FILES.items():
        parsed = read(name)
        if parsed.is_found and not parsed.is_valid:
            where = parsed.rejected_files[0].where if parsed.rejected_files else Where(name, 0)
            yield AbsentModule("", f"{name} cannot be parsed: Asterisk does not start", where, log, is_fatal=True)


def _base(name: str) -> str:
    """`resource_name_baselen`: the name in small letters, without .so."""
    return (name[:-3] if len(name) > 3 and name.lower().endswith(".so") else name).lower()


def _no_start(reason: str, where: Where, log: str = "") -> Modules:
    return Modules(fatal=AbsentModule("", reason, where, log, is_fatal=True))


def apply(config: Config, modules: Modules, declined: Iterable[AbsentModule], version: Release) -> Config:
    """The configuration without what modules that are not loaded would make; `declined` are those that do not load for
    another reason than modules.conf."""
    absent = [modules.fatal] if modules.fatal else []
    absent += declined
    for name in (*NEEDED, *IDENTIFIERS_OF, *OTHERS):
        where = modules.excluded_by(name)
        if where is not None:
            reason = f"{name} is not loaded: {effect(name, version)}"
            used, fatal, remedy = _is_used(name, config), name in NEEDED, modules.remedy(name)
            absent.append(AbsentModule(name, reason, where, is_used=used, is_fatal=fatal, remedy=remedy))
    absent += absent_call_modules(modules, config)
    absent += _missing_required(absent, modules)
    early = _wizard_too_late(modules, version)
    if early and modules.loads(WIZARD_MODULE):
        reason = f"{early} is preloaded before {WIZARD_MODULE}: on {version} {effect(WIZARD_MODULE, version)}"
        absent.append(AbsentModule(WIZARD_MODULE, reason, modules.where, is_used=_is_used(WIZARD_MODULE, config)))
    # Where nothing listens, all else decides nothing: the objects stay, so that a report can say what is in the files.
    absent.sort(key=lambda one: not one.is_fatal)
    if any(one.is_fatal for one in absent):
        return replace(config, transports={}, sockets=(), absent_modules=tuple(absent))
    gone = {one.module for one in absent}
    lost = {name for module in gone for name in IDENTIFIERS_OF.get(module, ())}
    certain = modules.place(USER) != modules.place(IP) or USER in gone or IP in gone
    uncertain = () if certain else config.uncertain_identifiers
    config = replace(
        config,
        absent_modules=tuple(absent),
        identifiers=tuple(name for name in _order_identifiers(config, modules) if name not in lost),
        uncertain_identifiers=tuple(name for name in uncertain if name not in lost),
    )
    return _remove_modules(config, gone)


def _missing_required(absent: Iterable[AbsentModule], modules: Modules) -> list[AbsentModule]:
    """Names the modules of require= without which Asterisk does not start (load_modules, main/loader.c)."""
    return [
        AbsentModule(
            "",
            f"{one.module} is required and does not load: Asterisk does not start",
            one.where,
            REQUIRED_LOG.format(modules.load_lines[one.module].written),
            is_fatal=True,
        )
        for one in absent
        if one.module in modules.load_lines and modules.load_lines[one.module].required
    ]


def _remove_modules(config: Config, gone: set[str]) -> Config:
    if WIZARD_MODULE in gone:
        config = _without_wizard(config)
    if IP in gone:
        config = replace(config, identifies=())
    if "res_pjsip_outbound_registration" in gone:
        config = replace(config, registrations={})
    if "res_pjsip_acl" in gone:
        config = replace(config, acls=())
    if "res_pjsip_authenticator_digest" in gone:
        endpoints = {name: replace(endpoint, auth=()) for name, endpoint in config.endpoints.items()}
        config = replace(config, endpoints=endpoints)
    return config


def _wizard_too_late(modules: Modules, version: Release) -> str:
    """The preloaded module that makes res_pjsip start before the wizard, where that is too late for the wizard."""
    if version.has("late_wizard") or modules.load_lines.get(WIZARD_MODULE, _Named("")).early:
        return ""
    # All that need res_pjsip have pjsip in their names.
    early = (name for name, named in modules.load_lines.items() if named.early and named.is_own and "pjsip" in name)
    return next((name for name in early if name not in modules.noload_lines), "")


def _order_identifiers(config: Config, modules: Modules) -> tuple[str, ...]:
    """The identifiers; those that the order does not name follow in the order in which their modules are loaded."""
    listed = config.globals.endpoint_identifier_order.split(",")
    place = {name: modules.place(module) for module, names in IDENTIFIERS_OF.items() for name in names}
    first, *others = config.identifiers
    unlisted = sorted((name for name in others if name not in listed), key=place.__getitem__)
    return (first, *(name for name in others if name in listed), *unlisted)


def _without_wizard(config: Config) -> Config:
    return replace(
        config,
        endpoints={name: item for name, item in config.endpoints.items() if not item.wizard},
        identifies=tuple(item for item in config.identifies if not item.wizard),
        auths={name: item for name, item in config.auths.items() if not item.wizard},
        aors={name: item for name, item in config.aors.items() if not item.wizard},
        registrations={name: item for name, item in config.registrations.items() if not item.wizard},
    )


def _is_used(module: str, config: Config) -> bool:
    """Whether something in the configuration counts on a module."""
    match module:
        case "res_pjsip_endpoint_identifier_ip":
            return bool(config.identifies) or "identify" in config.elsewhere
        case "res_pjsip_endpoint_identifier_user":
            named = {identify.endpoint for identify in config.identifies}
            return any("ip" not in item.identify_by or name not in named for name, item in config.endpoints.items())
        case "res_pjsip_endpoint_identifier_anonymous":
            return any(name.partition("@")[0] == "anonymous" for name in config.endpoints)
        case "res_pjsip_outbound_registration":
            return bool(config.registrations)
        case "res_pjsip_acl":
            return bool(config.acls)
        case "res_pjsip_authenticator_digest":
            return any(endpoint.auth for endpoint in config.endpoints.values())
        case "res_pjsip_registrar":
            return any(aor.value("max_contacts", "0") != "0" for aor in config.aors.values())
        case "res_pjsip_config_wizard":
            return any(item.wizard for item in config.endpoints.values())
    return True


def effect(module: str, version: Release) -> str:
    """The consequence of a missing module in a release, as a clause."""
    if module in IDENTIFIERS_OF:
        names = [name for name in IDENTIFIERS_OF[module] if name in version.identifiers]
        return f"there {'is' if len(names) == 1 else 'are'} no identifier{'s' * (len(names) > 1)} {', '.join(names)}"
    return {
        "res_pjsip_acl": "type=acl has no effect",
        "res_pjsip_authenticator_digest": "nobody is asked for credentials, and strangers get 500 instead of 401",
        "res_pjsip_registrar": "REGISTER is answered 501",
        WIZARD_MODULE: "pjsip_wizard.conf makes nothing",
    }.get(module, "nothing listens")
