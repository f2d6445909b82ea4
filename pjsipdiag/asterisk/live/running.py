"""LiveAnswers -> Config: what a running Asterisk holds, replayed like the files that would load it.

What no interface shows stays unknown: the rules of `type=acl`, an endpoint's own permit= and deny=, its second named
list, and on releases with hash order the order between identifies of different endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial

from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.config import Acl, AddressRule, Auth, Config, Identify
from pjsipdiag.asterisk.live.dialplan import dialplan
from pjsipdiag.asterisk.live.saved import to_text
from pjsipdiag.asterisk.live.snapshot import HIDDEN_ACL, OPTIONS, RUNNING_FILE, LiveAnswers
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.sources import modules
from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.asterisk.releases import NEWEST, Release, nearest, release
from pjsipdiag.asterisk.section import Where

_ONLY_FIRST = "of several access lists a running Asterisk shows the first only: its files have all (-c)"
_RULES = "a running Asterisk does not show the rules of permit= and deny=: its files do (-c)"

_OBJECTS = (*(OPTIONS.keys() - {"endpoint_acl"}), "domain_alias")
"""Types of what Asterisk itself has; the others hold what it told beside."""


def running_config(live: LiveAnswers, version: str | None = None) -> Config:
    """The configuration in force; `version` in place of the release that it is."""
    known = release(version or release_of(live))
    config = load_config(None, known.version, overlay={live.file: to_text(live)}, main=live.file)
    acls = _named_acls(live, config)
    endpoints = dict(config.endpoints)
    endpoints |= {
        item.name: replace(
            config.endpoints[item.name],
            acl=_acl(item.first("acl"), acls),
            contact_acl=_acl(item.first("contact_acl"), acls),
        )
        for item in live.of("endpoint_acl")
        if item.name in config.endpoints
    }
    wizards = {item.name: item.first("@pjsip_wizard") for item in live.of("identify")}
    identifies = [replace(one, wizard=wizards.get(one.name, "")) for one in config.identifies]
    running = live.modules
    # What no interface shows makes the verdict unknown where it could decide: a type=acl, if its module runs; on
    # releases with hash order the order of identifies, for nobody tells how many buckets there are.
    untold = set(live.untold)
    if running is None or "res_pjsip_acl" in running:
        untold.add("acl")
    if known.identify_order == "hash":
        untold.add("order")
        identifies = _as_endpoints_show(identifies, live)
    if running is not None and "res_pjsip_authenticator_digest" not in running:
        endpoints = {name: replace(one, auth=()) for name, one in endpoints.items()}
    names = {item.name for item in live.of("auth_name")}
    if "auth" in untold:
        names.update(name for one in endpoints.values() for name in one.auth)
    config = replace(
        config,
        endpoints=endpoints,
        identifies=tuple(identifies),
        sections=tuple(one for one in config.sections if (kind := one.first("type")) and kind.value in _OBJECTS),
        dropped=(),
        identifiers=live.identifiers if live.identifiers is not None else config.identifiers,
        uncertain_identifiers=config.uncertain_identifiers if live.identifiers is None else (),
        named_acls=acls,
        has_acls=True,
        auths={name: Auth(name, Where(RUNNING_FILE, 0, name)) for name in names},
        absent_modules=_absent(live, known),
        not_shown=frozenset(untold),
        aliases_asked=frozenset(item.name for item in live.of("alias_asked")),
        dialplan=cache(partial(dialplan, live, known, config.sections)),
    )
    return replace(config, transports={}, sockets=()) if any(one.is_fatal for one in config.absent_modules) else config


def release_of(live: LiveAnswers) -> str:
    """The known release nearest to the one that runs."""
    known = nearest(live.version)
    return known.version if known else NEWEST


def _acl(shown: str, acls: Mapping[str, tuple[AddressRule, ...]]) -> Acl:
    if not shown:
        return Acl()
    if shown == HIDDEN_ACL:
        return Acl(why_partial=_RULES)
    missing = (shown,) if acls and shown not in acls else ()
    return Acl(names=(shown,), missing=missing, why_partial=_ONLY_FIRST)


def _named_acls(live: LiveAnswers, config: Config) -> dict[str, tuple[AddressRule, ...]]:
    places = {section.name: section for section in config.sections if section.first("type")}
    found: dict[str, tuple[AddressRule, ...]] = {}
    for item in live.of("named_acl"):
        rules: list[AddressRule] = []
        where = places[item.name].where if item.name in places else Where(RUNNING_FILE, 0, item.name)
        for sense, network in item.values:
            rules += parse_rules(network, ports=False, deny=sense == "deny", where=where)[0]
        found[item.name] = tuple(rules)
    return found


def _as_endpoints_show(identifies: list[Identify], live: LiveAnswers) -> list[Identify]:
    """The identifies of one endpoint in the order in which the endpoint shows them, which is that of asking."""
    place = {(item.name, name): at for item in live.of("asked_first") for at, name in enumerate(item.all("identify"))}
    slots: dict[str, list[int]] = {}
    for at, one in enumerate(identifies):
        slots.setdefault(one.endpoint, []).append(at)
    ordered = list(identifies)
    for endpoint, places in slots.items():
        alike = sorted((identifies[at] for at in places), key=lambda one: place.get((endpoint, one.name), 0))
        for at, one in zip(places, alike, strict=True):
            ordered[at] = one
    return ordered


def _absent(live: LiveAnswers, version: Release) -> tuple[AbsentModule, ...]:
    if live.modules is None:
        return ()
    found = []
    for name in ("res_pjsip", *modules.IDENTIFIERS_OF, "res_pjsip_authenticator_digest"):
        if name not in live.modules:
            reason, ends = f"{name} does not run: {modules.effect(name, version)}", name == "res_pjsip"
            found.append(
                AbsentModule(name, reason, Where(RUNNING_FILE, 0), is_used=ends or name == modules.IP, is_fatal=ends)
            )
    return tuple(found)
