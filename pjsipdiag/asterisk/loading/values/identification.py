"""`identify_by` of an endpoint (`ident_handler`, res_pjsip/pjsip_configuration.c)."""

from __future__ import annotations

from pjsipdiag.asterisk.loading.values.setting import Answer, Setting, ValueRefusal
from pjsipdiag.asterisk.reasons.values import ValueReason

_METHODS = ("username", "auth_username", "ip", "header")


def parse_identify_by(text: str) -> tuple[str, ...]:
    """The methods in order, each once, in small letters; empty where the option is set to nothing."""
    return tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))


def identify_by(setting: Setting) -> Answer:
    """Names of identifiers between commas, in any case; one unknown name refuses the line."""
    allowed = (*_METHODS, "request_uri") if setting.release.has("request_uri") else _METHODS
    for name in filter(None, (part.strip() for part in setting.value.split(","))):
        if name.lower() not in allowed:
            log = f"Unrecognized identification method {name} specified for endpoint {setting.object}"
            return ValueRefusal(ValueReason.NO_IDENTIFIER(option=setting.name, words=allowed, value=name), log)
    return None
