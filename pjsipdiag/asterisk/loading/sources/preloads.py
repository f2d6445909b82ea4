"""Modules that preload= starts before those they need without saying so: Asterisk or PJSIP does not start with them.

Modules are started by their priorities, those of preload= first, each with the modules that it requires (main/loader.c,
module_vector_cmp, start_resource_list). res_geolocation and res_websocket_client read their files through sorcery and
require none of its modules.
"""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.asterisk.loading.sources.modules import REQUIRED_LOG, WIZARD_MODULE, Modules
from pjsipdiag.asterisk.releases import Release

_CONFIG, _MEMORY = "res_sorcery_config", "res_sorcery_memory"
_CLIENT = "res_websocket_client"
_GEOLOCATION = "res_geolocation"

_CLIENT_USERS = {_CLIENT: 60, "chan_websocket": 70, "res_stasis_broadcast": 79, "res_ari": 80}
"""Modules that start res_websocket_client, and their priorities; those of _LATE_CLIENT_USERS have the usual one."""
_LATE_CLIENT_USERS = ("app_stasis", "app_stasis_broadcast")
_USUAL = 128

_CONFIG_USERS = {
    _CONFIG: 30, "res_pjproject": 54, "res_pjsip": 55, "res_pjsip_authenticator_digest": 55,
    "res_pjsip_endpoint_identifier_ip": 56, "res_pjsip_endpoint_identifier_user": 56, "res_pjsip_registrar": 57,
    "res_pjsip_geolocation": 59, "res_rtp_asterisk": 60, "res_pjsip_pubsub": 60, "res_pjsip_outbound_publish": 60,
    "res_pjsip_outbound_authenticator_digest": 60, "res_pjsip_mwi": 65, "res_pjsip_exten_state": 65, "chan_pjsip": 70,
    "res_pjsip_sdp_rtp": 70, "res_pjsip_t38": 70, "res_prometheus": _USUAL,
    "res_pjsip_endpoint_identifier_anonymous": _USUAL,
}  # fmt: skip
"""Modules that start res_sorcery_config, and their priorities; others of PJSIP have _OTHER_PJSIP."""
_OTHER_PJSIP = 80


def failing(modules: Modules, version: Release) -> Iterator[AbsentModule]:
    """The preloaded modules that keep Asterisk or PJSIP from starting."""
    preloaded = [name for name, one in modules.load_lines.items() if one.early and one.is_own and modules.loads(name)]
    where = {name: modules.load_lines[name].where for name in preloaded}
    if version.has("websocket_client") and modules.loads(_CLIENT):
        user = _first_client_user(preloaded)
        if user:
            needs = "" if user == _CLIENT else f"needs {_CLIENT}, which "
            reason = f"{user} is preloaded and {needs}starts before {_CONFIG}: Asterisk does not start"
            remedy = f"preload {_CONFIG}, too, or write load={user}.so"
            log = f"*** Failed to load module {_CLIENT}.so"
            yield AbsentModule("", f"{reason}; {remedy}", where[user], log, is_fatal=True)
    needed = [_CONFIG, _MEMORY] if version.has("geolocation_needs_memory") else [_CONFIG]
    missing = [name for name in needed if name not in preloaded]
    if version.has("geolocation") and _GEOLOCATION in preloaded and missing:
        ends, log = "res_pjsip does not load, nothing listens", f"{_GEOLOCATION} declined to load."
        if not version.has("geolocation_needs_memory"):
            ends, log = "Asterisk crashes at start", ""
        elif modules.load_lines[_GEOLOCATION].required:
            ends, log = "Asterisk does not start", REQUIRED_LOG.format(f"{_GEOLOCATION}.so")
        reason = f"{_GEOLOCATION} is preloaded before {' and '.join(missing)}: {ends}"
        remedy = f"preload {'those' if missing[1:] else 'that'} first"
        module = "res_pjsip" if ends.startswith("res_pjsip") else ""
        yield AbsentModule(module, f"{reason}; {remedy}", where[_GEOLOCATION], log, is_fatal=True)


def _first_client_user(preloaded: list[str]) -> str:
    """The module that starts res_websocket_client, where nothing has started res_sorcery_config by then."""
    for _, name in sorted(((_priority(name), name) for name in preloaded), key=lambda one: one[0]):
        if name in _CONFIG_USERS or (name.startswith("res_pjsip") and name != WIZARD_MODULE):
            return ""
        if _uses_client(name):
            return name
    return ""


def _uses_client(name: str) -> bool:
    late = name in _LATE_CLIENT_USERS or (name.startswith("res_ari_") and name != "res_ari_model")
    return name in _CLIENT_USERS or late


def _priority(name: str) -> int:
    usual = _OTHER_PJSIP if name.startswith("res_pjsip") else _USUAL
    return (_CLIENT_USERS | _CONFIG_USERS).get(name, usual)
