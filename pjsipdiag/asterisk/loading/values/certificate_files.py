"""Options that name files which Asterisk must be able to read: the DTLS certificates of endpoints, TLS of transports.

Files alone cannot tell what exists on Asterisk's machine; `Setting.readable` says, or says that it cannot be told.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.loading.values.setting import Answer, Handler, Setting, ValueRefusal, ValueWarning
from pjsipdiag.asterisk.loading.values.words import anything, one_of
from pjsipdiag.asterisk.reasons.values import ValueReason

_SCAN_UNSIGNED = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+")


def _file(setting: Setting, log: str) -> Answer:
    readable = setting.readable(setting.value) if setting.value else True
    if readable is None:
        return ValueWarning(ValueReason.FILE_NOT_KNOWN(option=setting.name, file=setting.value))
    return None if readable else ValueRefusal(ValueReason.FILE_NOT_READABLE(file=setting.value), log)


def _dtls_file(setting: Setting) -> Answer:
    name = setting.name.replace("_", "")
    return _file(setting, f"{name} file {setting.value} does not exist or is not readable")


def _dtls_rekey(setting: Setting) -> Answer:
    if _SCAN_UNSIGNED.match(setting.value):
        return None
    return ValueRefusal(ValueReason.NO_SECONDS(option=setting.name, value=setting.value))


_DTLS: dict[str, Handler] = {
    "dtls_verify": one_of("yes", "fingerprint", "certificate", "no"),
    "dtls_rekey": _dtls_rekey,
    "dtls_cert_file": _dtls_file,
    "dtls_private_key": _dtls_file,
    "dtls_ca_file": _dtls_file,
    "dtls_ca_path": _dtls_file,
}


def dtls(setting: Setting) -> Answer:
    """`dtls_handler` (`ast_rtp_dtls_cfg_parse`, main/rtp_engine.c); unknown words for setup and fingerprint pass."""
    return _DTLS.get(setting.name.lower(), anything)(setting)


def tls_file(setting: Setting) -> Answer:
    """`transport_tls_file_handler` (res_pjsip/config_transport.c)."""
    return _file(
        setting, f"Transport: {setting.object}: {setting.name} {setting.value} is either missing or not readable"
    )
