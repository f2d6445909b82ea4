"""What modules.conf leaves out, and what is then not there (main/loader.c, loader_config_init).

An identifier, the `type=acl` objects, authentication and the wizard exist only if their module is loaded. A directory
without modules.conf is a part of one: all modules may be assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pjsipdiag.asterisk.config import Config, Problem, Where
from pjsipdiag.asterisk.files.conf import Parsed
from pjsipdiag.asterisk.loading.values import parse_bool
from pjsipdiag.asterisk.releases import MODULES

IDENTIFIERS: dict[str, tuple[str, ...]] = {
    **{
        f"res_pjsip_endpoint_identifier_{name}": names
        for name, names in zip(("user", "ip", "anonymous"), MODULES, strict=True)
    },
    "res_pjsip_outbound_registration": ("line",),
}
"""Module -> the identifiers that it registers."""

NEEDED = ("res_sorcery_config", "res_pjproject", "res_pjsip")
"""Without one of these nothing listens."""

OTHERS = ("res_pjsip_acl", "res_pjsip_authenticator_digest", "res_pjsip_config_wizard")

_WORDS = ("preload", "preload-require", "load", "require")


@dataclass(frozen=True, slots=True)
class Modules:
    """What modules.conf says: `missing` names modules that are not loaded and the lines to blame, `order` those that
    are loaded in the order of their lines (empty with autoload=yes), `ends` why Asterisk or PJSIP does not start."""

    missing: dict[str, Where]
    order: tuple[str, ...] = ()
    ends: Problem | None = None


def read(parsed: Parsed) -> Modules:
    """The modules of interest, as modules.conf loads them."""
    if not parsed.found:
        return Modules({})
    if not parsed.valid:
        where = parsed.rejected[0].where if parsed.rejected else Where("modules.conf", 0)
        return Modules({}, (), Problem("modules.conf cannot be read: Asterisk does not start", where))
    section = next((s for s in parsed.sections if s.name.lower() == "modules" and not s.template), None)
    if section is None:
        where = Where("modules.conf", 0)
        return Modules({}, (), Problem("modules.conf has no section [modules]: no module is loaded", where))
    autoload, chosen, refused = False, dict[str, tuple[bool, bool]](), dict[str, Where]()
    for variable in section.variables:
        word, name = variable.name.lower(), variable.value.removesuffix(".so")
        if word == "autoload":
            autoload = parse_bool(variable.value)
        elif word == "noload":
            refused[name] = variable.where
        elif word in _WORDS:
            early, required = chosen.get(name, (False, False))
            chosen[name] = (early or word.startswith("preload"), required or word.endswith("require"))
        else:
            reason = f"modules.conf knows no {variable.name}=: Asterisk does not start"
            return Modules({}, (), Problem(reason, variable.where))
    for name, where in refused.items():
        if chosen.get(name, (False, False))[1]:
            return Modules({}, (), Problem(f"{name} is required and has noload=: Asterisk does not start", where))
    present = sorted((name for name in chosen if name not in refused), key=lambda name: not chosen[name][0])
    missing = {
        name: refused.get(name, section.where)
        for name in (*IDENTIFIERS, *NEEDED, *OTHERS)
        if name in refused or not (autoload or name in chosen)
    }
    return Modules(missing, () if autoload else tuple(present))


def apply(config: Config, parsed: Parsed, sorcery: Parsed) -> Config:
    """The configuration without what modules that are not loaded would make."""
    modules = read(parsed)
    problems = [Problem(f"{name} is not loaded: {_effect(name)}", at) for name, at in modules.missing.items()]
    ends = modules.ends
    if sorcery.found and not sorcery.valid:
        where = sorcery.rejected[0].where if sorcery.rejected else Where("sorcery.conf", 0)
        ends = ends or Problem("sorcery.conf cannot be read: Asterisk does not start", where)
    problems += [ends] if ends else []
    if ends or any(name in modules.missing for name in NEEDED):
        return replace(config, transports={}, sockets=(), warnings=(*config.warnings, *problems))
    if not problems and not modules.order:
        return config
    gone = {name for module in modules.missing for name in IDENTIFIERS.get(module, ())}
    changed = replace(
        config,
        identifiers=tuple(name for name in _ordered(config, modules) if name not in gone),
        uncertain_identifiers=()
        if modules.order
        else tuple(name for name in config.uncertain_identifiers if name not in gone),
        warnings=(*config.warnings, *problems),
    )
    if "res_pjsip_config_wizard" in modules.missing:
        changed = _without_wizard(changed)
    if "res_pjsip_endpoint_identifier_ip" in modules.missing:
        changed = replace(changed, identifies=())
    if "res_pjsip_outbound_registration" in modules.missing:
        changed = replace(changed, registrations={})
    if "res_pjsip_acl" in modules.missing:
        changed = replace(changed, acls=())
    if "res_pjsip_authenticator_digest" in modules.missing:
        endpoints = {name: replace(endpoint, auth=()) for name, endpoint in changed.endpoints.items()}
        changed = replace(changed, endpoints=endpoints)
    return changed


def _ordered(config: Config, modules: Modules) -> tuple[str, ...]:
    """The identifiers; those that the order does not name follow in the order in which their modules are loaded."""
    listed = config.globals.endpoint_identifier_order.split(",")
    place = {name: modules.order.index(m) for m, names in IDENTIFIERS.items() if m in modules.order for name in names}
    first, *others = config.identifiers or ("",)
    unlisted = sorted((n for n in others if n not in listed), key=lambda name: place.get(name, len(modules.order)))
    return tuple(filter(None, (first, *(name for name in others if name in listed), *unlisted)))


def _without_wizard(config: Config) -> Config:
    return replace(
        config,
        endpoints={name: item for name, item in config.endpoints.items() if not item.wizard},
        identifies=tuple(item for item in config.identifies if not item.wizard),
        auths={name: item for name, item in config.auths.items() if not item.wizard},
        aors={name: item for name, item in config.aors.items() if not item.wizard},
        registrations={name: item for name, item in config.registrations.items() if not item.wizard},
    )


def _effect(module: str) -> str:
    if module in IDENTIFIERS:
        return f"there is no identifier {', '.join(IDENTIFIERS[module])}"
    return {
        "res_pjsip_acl": "type=acl has no effect",
        "res_pjsip_authenticator_digest": "nobody is asked for credentials",
        "res_pjsip_config_wizard": "pjsip_wizard.conf makes nothing",
    }.get(module, "nothing listens")
