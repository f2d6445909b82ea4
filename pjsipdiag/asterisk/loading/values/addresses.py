"""Options that hold addresses: access lists of endpoints and `type=acl`, and the addresses of transports.

An access list is checked as it is built up (`ast_append_acl`, main/acl.c): a bad address refuses the line, and so does
a named list that the object names twice.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.addresses import match, sockaddr
from pjsipdiag.asterisk.loading.values.setting import Answer, Setting, ValueRefusal, ValueWarning
from pjsipdiag.asterisk.loading.values.words import one_of
from pjsipdiag.asterisk.reasons.reason import quote_words
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.digits import is_number, read_number, wrapped

_NAME = re.compile(r"[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*")
_CIPHER = re.compile(r"DEFAULT|@SECLEVEL=[0-5]|[A-Z0-9]+(?:[-_][A-Z0-9]+)+")
"""TLS_AES_256_GCM_SHA384, AES256-SHA, and what PJSIP takes beside them; no list of groups, such as HIGH:!aNULL."""
_CIPHER_NUMBER = re.compile(r"(0[xX])?((?(1)[0-9a-fA-F]|[0-9])*)")
_LAST_CIPHER = 0xFFFF
_PJSIP_CIPHERS = range(0xFF000000, 0xFF000007)
"""The numbers that PJSIP gives DEFAULT and @SECLEVEL=."""
_TLS_METHODS = ("default", "unspecified", "tlsv1", "tlsv1_1", "tlsv1_2", "sslv2", "sslv3", "sslv23")


def _rules(setting: Setting) -> Answer:
    _, refused = match.parse_rules(setting.value, ports=False, deny=False, where=setting.variable.where)
    return ValueRefusal(quote_words(refused), refused) if refused else None


def _sense(name: str) -> tuple[bool, str]:
    """Whether it is the list for Contact addresses, and what is left of the option's name; compared with case."""
    return (True, name[len("contact_") :]) if name.startswith("contact_") else (False, name)


def _names(value: str) -> list[str]:
    return [name.lstrip(match.BLANKS) for name in value.split(",")]


def _access_list(setting: Setting) -> Answer:
    contact, sense = _sense(setting.name)
    if not sense.lower().startswith("a"):
        return _rules(setting)
    seen: set[str] = set()
    for variable in setting.earlier:
        if variable.name.lower() in ("acl", "contact_acl") and _sense(variable.name) == (contact, sense):
            seen.update(name.lower() for name in _names(variable.value))
    for name in _names(setting.value):
        if name.lower() in seen:
            log = f"Named ACL '{name}' occurs multiple times in ACL definition. Please update your ACL configuration."
            return ValueRefusal(ValueReason.LIST_NAMED_TWICE(name=name), log)
        seen.add(name.lower())
    return None


def endpoint_access_list(setting: Setting) -> Answer:
    """`endpoint_acl_handler` (res_pjsip/pjsip_configuration.c): an empty value does nothing."""
    return _access_list(setting) if setting.value else None


def general_access_list(setting: Setting) -> Answer:
    """`acl_handler` (res_pjsip_acl.c): refused, the rest of Asterisk's words follow."""
    answer = _access_list(setting)
    if not isinstance(answer, ValueRefusal):
        return answer
    contact, _ = _sense(setting.name)
    log = (
        f"{answer.log}\nBad {'contact ' if contact else ''}ACL '{setting.value}' at line "
        f"'{setting.variable.where.line}' of pjsip.conf\n"
        "There is an error in ACL configuration. Blocking ALL SIP traffic."
    )
    return ValueRefusal(answer.why, log)


def local_net(setting: Setting) -> Answer:
    """`transport_localnet_handler` (res_pjsip/config_transport.c)."""
    return _rules(setting) if setting.value else None


def _host(text: str, version: int) -> bool | None:
    """Whether `pj_sockaddr_init` takes that host; None when it is a name that has to be resolved."""
    if not text:
        return True
    address = None if "[" in text or "%" in text else sockaddr.parse_bound(text)
    if address is not None and address.version == version:
        return True
    return None if version == 4 and _NAME.fullmatch(text) else False


def bind(setting: Setting) -> Answer:
    """`transport_bind_handler` (`pj_sockaddr_parse`, pjlib/src/pj/sock_common.c)."""
    text = setting.value
    refused = ValueRefusal(ValueReason.NO_BIND(value=text))
    version = 6 if text.count(":") > 1 else 4
    host, port = text, ""
    if version == 4:
        host, _, port = text.partition(":")
    elif text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            return refused
        port = rest.rpartition(":")[2] if ":" in rest else ""
    if port and (not is_number(port) or read_number(port) > 65535):
        return refused
    taken = _host(host, version)
    if taken is False and version == 6:
        # The last number after a colon may be the port: ":::5060".
        host, _, port = text.rpartition(":")
        taken = _host(host, 6) if is_number(port) and read_number(port) <= 65535 else False
    if taken is None:
        return ValueWarning(ValueReason.BIND_IS_A_NAME(host=host))
    return None if taken else refused


def protocol(setting: Setting) -> Answer:
    """`transport_protocol_handler`."""
    words = ("udp", "tcp", "tls", "ws", "wss")
    return one_of(*words, *(("flow",) if setting.release.has("flow") else ()))(setting)


def tls_method(setting: Setting) -> Answer:
    """`transport_tls_method_handler`."""
    if not setting.value:
        return None
    words = (*_TLS_METHODS, "tlsv1_3") if setting.release.has("tls_1_3") else _TLS_METHODS
    return one_of(*words)(setting)


def tls_ciphers(setting: Setting) -> Answer:
    """`transport_tls_cipher_handler`: which names there are depends on Asterisk's OpenSSL."""
    names = [name for name in (part.strip(match.BLANKS) for part in setting.value.split(",")) if name]
    wrong = next((name for name in names if not _could_be_cipher(name)), None)
    if wrong is not None:
        return ValueRefusal(ValueReason.NO_CIPHER(name=wrong), f"Cipher '{wrong}' is unsupported")
    return ValueWarning(ValueReason.CIPHERS_NOT_KNOWN(ciphers=", ".join(names))) if names else None


def _could_be_cipher(name: str) -> bool:
    """Whether a name is like those of OpenSSL for single ciphers, or a number that a cipher may have."""
    if _CIPHER.fullmatch(name):
        return True
    found = _CIPHER_NUMBER.match(name)
    value = (int(found[2] or "0", 16) & 0xFFFFFFFF if found[1] else wrapped(found[2] or "0")) if found else 0
    return 0 < value <= _LAST_CIPHER or value in _PJSIP_CIPHERS
