"""SIP URIs in the configuration: contacts of an AOR, and the two URIs of a registration.

The contact of an AOR is only checked for its scheme and its lengths (`ast_sip_validate_uri_length`,
res_pjsip/location.c); what follows the host may be anything.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.loading.values.setting import Answer, Setting, ValueRefusal
from pjsipdiag.asterisk.reasons.values import ValueReason

_MAX_URL = 512 - 1
_MAX_HOSTNAME = 256 - 1
"""PJSIP_MAX_URL_SIZE and PJ_MAX_HOSTNAME as Asterisk sets them for the PJSIP that it brings along."""
_SRV_PREFIX = "_sips.tcp."
"""The longest prefix that PJSIP may put before a host without a port."""


def is_sip_uri_of_sane_length(text: str) -> bool:
    """`ast_sip_validate_uri_length`: begins with `sip:` or `sips:` and stays within PJSIP's sizes."""
    if len(text.encode("utf-8", "surrogateescape")) > _MAX_URL:
        return False
    uri = text.strip()
    if uri.startswith("<") and uri.endswith(">"):
        uri = uri[1:-1]
    scheme = re.match("sips?:", uri, re.IGNORECASE)
    if scheme is None:
        return False
    host = uri.split("@", 1)[1] if "@" in uri else uri[scheme.end() :]
    if host.startswith("["):
        host, bracket, rest = host.partition("]")
        if not bracket:
            return False
        host, port = host + bracket, rest.startswith(":")
    else:
        host = re.split("[;?]", host, maxsplit=1)[0]
        port = ":" in host
        host = host.partition(":")[0]
    return len(host.encode("utf-8", "surrogateescape")) <= _MAX_HOSTNAME - (0 if port else len(_SRV_PREFIX))


def contacts(setting: Setting) -> Answer:
    """`permanent_uri_handler`: SIP URIs between commas."""
    for uri in filter(None, (part.strip() for part in setting.value.split(","))):
        if not is_sip_uri_of_sane_length(uri):
            log = f"Contact uri or hostname length exceeds pjproject limit or is not a sip(s) uri: {uri}"
            return ValueRefusal(ValueReason.NO_SIP_URI_OF_CONTACT(option=setting.name, value=uri), log)
    return None
