"""The credentials of a request held against the configuration, where that has the secret.

Law: a response is computed from what the files have, as RFC 7616 section 3.4 says, and compared; no secret leaves here.
Replays verify() and digest_lookup() of res_pjsip_authenticator_digest.c, and sip_auth_server.c of PJSIP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from pjsipdiag.asterisk.config import Auth, Config, Endpoint
from pjsipdiag.asterisk.loading.values.credentials import supported_algorithms
from pjsipdiag.dataclass import dataclass
from pjsipdiag.sip import SipMessage

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
"""Algorithm of RFC 7616, as `pjsip list algorithms` names it -> its name in hashlib; other releases know MD5 alone."""
NONCE_LIFETIME = "32"
"""Seconds, where a section has no nonce_lifetime (config_auth.c)."""
OLDEST = 30 * 86_400
"""Seconds from which on a nonce tells of another clock, or is not Asterisk's."""
_PARAMETER = r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))'


class Mismatch(StrEnum):
    """The first thing that does not fit; NONE where all does, UNKNOWN where the files lack the password."""

    NONE = "none"
    UNKNOWN = "unknown"
    REALM = "realm"
    USER = "user"
    ALGORITHM = "algorithm"
    PASSWORD = "password"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`given` is what the request has in that place, `expected` what the section has; both empty for a password. Of an
    old nonce they are its age and its lifetime in seconds."""

    fault: Mismatch
    auth: Auth | None = None
    given: str = ""
    expected: str = ""


_ORDER = tuple(Mismatch)
"""A later fault is nearer to success than a realm that differs."""


def credentials(message: SipMessage) -> Iterator[Mapping[str, str]]:
    """The parameters of each Digest in the Authorization headers of a request, names in lower case."""
    for value in message.values("Authorization"):
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() == "digest":
            yield {name.lower(): plain or quoted for name, quoted, plain in re.findall(_PARAMETER, rest)}


def judge(message: SipMessage, endpoint: Endpoint, config: Config) -> Comparison | None:
    """The fault in the credentials of a request to an endpoint that asks for them; None where it has none."""
    auths = [config.auths[name] for name in endpoint.auth if name in config.auths]
    found = [_compare(given, message, auth, config) for given in credentials(message) for auth in auths]
    if not found:
        return None
    good = [one for one in found if one.fault in (Mismatch.NONE, Mismatch.UNKNOWN)]
    return good[0] if good else max(found, key=lambda one: _ORDER.index(one.fault))


def _compare(given: Mapping[str, str], message: SipMessage, auth: Auth, config: Config) -> Comparison:
    # Each answer decides what the next is held against: the realm picks the section and the user the secret, and only
    # then can a response be computed. An old nonce counts where all else fits (verify: AUTH_STALE).
    realm = auth.realm or config.globals.default_realm
    if given.get("realm", "") != realm:
        return Comparison(Mismatch.REALM, auth, given.get("realm", ""), realm)
    if given.get("username", "") != auth.username:
        return Comparison(Mismatch.USER, auth, given.get("username", ""), auth.username)
    name = given.get("algorithm", "") or "MD5"
    supported = _supported_algorithms(auth, config)
    if name.upper() not in supported:
        return Comparison(Mismatch.ALGORITHM, auth, name, ", ".join(supported))
    secret = _secret(auth, name.upper(), realm)
    if secret is None:
        return Comparison(Mismatch.UNKNOWN, auth)
    fits = _response(given, message.method, secret, name.upper()) == given.get("response", "").lower()
    return _nonce(given, message, auth) if fits else Comparison(Mismatch.PASSWORD, auth)


def _nonce(given: Mapping[str, str], message: SipMessage, auth: Auth) -> Comparison:
    """Whether a nonce, which begins with the time of its challenge, is still good (check_nonce)."""
    stamp, slash, _ = given.get("nonce", "").partition("/")
    age = message.time // 1_000_000_000 - int(stamp) if slash and stamp.isdecimal() and len(stamp) < 12 else 0
    lifetime = auth.value("nonce_lifetime") or NONCE_LIFETIME
    if lifetime.isdecimal() and int(lifetime) < age < OLDEST:
        return Comparison(Mismatch.STALE, auth, str(age), lifetime)
    return Comparison(Mismatch.NONE, auth)


def _supported_algorithms(auth: Auth, config: Config) -> list[str]:
    """The algorithms that the section lets a caller use: MD5 where it names none that is computed here."""
    named = [name.upper() for name in supported_algorithms(auth.options, "uas", config.globals)]
    return [name for name in named if name in ALGORITHMS] or ["MD5"]


def _secret(auth: Auth, algorithm: str, realm: str) -> str | None:
    """The digest of user, realm and password; None where the files do not have it."""
    for variable in auth.options.get("password_digest", ()):
        name, _, digest = variable.value.partition(":")
        if name.strip().upper() == algorithm and digest.strip():
            return digest.strip().lower()
    if algorithm == "MD5" and auth.value("md5_cred"):
        return auth.value("md5_cred").lower()
    if auth.option("password") is None:
        return None
    return _hashed(f"{auth.username}:{realm}:{auth.value('password')}", algorithm)


def _hashed(text: str, algorithm: str) -> str:
    import hashlib  # with OpenSSL, which few captures need

    data = text.encode("utf-8", "surrogateescape")
    return hashlib.new(ALGORITHMS[algorithm], data, usedforsecurity=False).hexdigest()


def _response(given: Mapping[str, str], method: str, secret: str, algorithm: str) -> str:
    """`response` as RFC 7616 section 3.4.1 computes it, without qop as RFC 2069 does."""
    asked = _hashed(f"{method}:{given.get('uri', '')}", algorithm)
    nonce = given.get("nonce", "")
    if given.get("qop"):
        middle = ":".join((nonce, given.get("nc", ""), given.get("cnonce", ""), given["qop"]))
    else:
        middle = nonce
    return _hashed(f"{secret}:{middle}:{asked}", algorithm)
