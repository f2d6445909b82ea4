"""Options of `type=auth` (res_pjsip/config_auth.c) and the security options of endpoints and registrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pjsipdiag.asterisk.config import LoadedObject
from pjsipdiag.asterisk.loading.values.setting import Answer, Setting, ValueRefusal
from pjsipdiag.asterisk.loading.values.words import one_of
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.asterisk.section import Variable

DIGEST_LENGTHS = {"": 32, "md5": 32, "sha-256": 64, "sha-512-256": 64, "akav1-md5": 32, "akav2-md5": 32}
"""The digest algorithms that PJSIP brings along, by lower-case IANA name, with the length of their hash in hex;
no name stands for MD5."""

security_negotiation = one_of("no", "mediasec")
"""`security_negotiation_handler`."""


def auth_type(setting: Setting) -> Answer:
    """`auth_type_handler`: `digest` came with the algorithms beyond MD5."""
    if setting.value.lower() in ("userpass", "md5"):
        return None
    if setting.value.lower() == "google_oauth" and setting.release.has("google_oauth"):
        return None
    if setting.value.lower() == "digest" and setting.release.has("digests"):
        return None
    log = f"Unknown authentication storage type '{setting.value}' specified for {setting.name}"
    return ValueRefusal(ValueReason.NO_AUTH_TYPE(value=setting.value), log)


def _split(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _unknown(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.lower() not in DIGEST_LENGTHS]


def supported_algorithms(
    options: Mapping[str, tuple[Variable, ...]], agent: str, settings: LoadedObject
) -> Sequence[str]:
    """The digest algorithms of `type=auth` for an `agent` (uac, uas): those that all its lines name, without any those
    of `type=global`, and MD5 where one of these is unknown (`auth_apply`, `global_apply`)."""
    named = [name for one in options.get(f"supported_algorithms_{agent}", ()) for name in _split(one.value)]
    if named:
        return named
    defaults = _split(settings.value(f"default_auth_algorithms_{agent}", "MD5"))
    return ["MD5"] if _unknown(defaults) else defaults


def _algorithms(agent: str, setting: Setting) -> Answer:
    unknown = _unknown(_split(setting.value))
    if not unknown:
        return None
    log = "\n".join(f"{setting.object}: Unknown {agent} digest algorithm '{name}' specified" for name in unknown)
    return ValueRefusal(ValueReason.NO_DIGEST_ALGORITHM(value=unknown[0]), log)


def uac_algorithms(setting: Setting) -> Answer:
    """`uac_algorithms_handler`."""
    return _algorithms("UAC", setting)


def uas_algorithms(setting: Setting) -> Answer:
    """`uas_algorithms_handler`."""
    return _algorithms("UAS", setting)


def parse_digests(text: str) -> list[tuple[str, str]]:
    """The `algorithm:hash` entries of `password_digest`; without an algorithm it is MD5, as in `md5_cred`."""
    entries = (part.strip() for part in text.split(","))
    pairs = (entry.partition(":") if ":" in entry else ("MD5", ":", entry) for entry in entries if entry)
    return [(name.strip(), digest) for name, _, digest in pairs]


def password_digest(setting: Setting) -> Answer:
    """`password_digest_handler`: also `md5_cred` where there are algorithms beyond MD5."""
    for name, digest in parse_digests(setting.value):
        length = DIGEST_LENGTHS.get(name.lower())
        if length is None:
            log = f"{setting.object}: Unknown password_digest algorithm '{name}' specified"
            return ValueRefusal(ValueReason.NO_DIGEST_ALGORITHM(value=name), log)
        size = len(digest.encode("utf-8", "surrogateescape"))
        if size != length:
            log = f"{setting.object}: password_digest algorithm '{name}' length ({size}) must be {length}"
            return ValueRefusal(ValueReason.DIGEST_LENGTH(name=name, length=length, size=size), log)
    return None
