"""Compares the credentials that came with those of the files, in words; the secrets themselves are never among them."""

from __future__ import annotations

from collections.abc import Iterable

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.replay.digest_check import Comparison, Mismatch, credentials, judge
from pjsipdiag.sip import SipMessage

PROXY = "the credentials came in Proxy-Authorization, which Asterisk does not read: it asks with WWW-Authenticate"
SET_LOGIN = "set user name and password in the telephone; it may also answer one realm or algorithm only"
COMPARE = "compare the user name, password and realm of the caller with the auth section"


def compare(messages: Iterable[SipMessage], endpoint: Endpoint, config: Config) -> tuple[list[str], str]:
    """Sentences about the credentials in these requests, each once, and what to do about the first of them."""
    sent = list(messages)
    found = [judged for message in sent if (judged := judge(message, endpoint, config))]
    if not found and any(message.values("Proxy-Authorization") for message in sent):
        return [PROXY], "have the caller answer with Authorization, as WWW-Authenticate asks"
    bad = [one for one in found if one.fault not in (Mismatch.NONE, Mismatch.UNKNOWN)] or found
    sentences = list(dict.fromkeys(map(_sentence, bad)))
    return sentences, _advice(bad[0]) if bad else COMPARE


def users(messages: Iterable[SipMessage]) -> list[str]:
    """The user names with which they log in, each once."""
    names = (given.get("username", "") for message in messages for given in credentials(message))
    return list(dict.fromkeys(filter(None, names)))


def _sentence(judged: Comparison) -> str:
    auth = judged.auth
    section = f"[{auth.name}] ({auth.where})" if auth else "the auth section"
    return {
        Mismatch.REALM: f"wrong realm: the credentials are for {judged.given!r}, {section} asks for"
        f" {judged.expected!r}",
        Mismatch.USER: f"wrong user name: the credentials name {judged.given!r}, {section} has {judged.expected!r}",
        Mismatch.ALGORITHM: f"wrong algorithm: the response is {judged.given}, {section} takes {judged.expected}",
        Mismatch.PASSWORD: f"wrong password: user name and realm are those of {section}, the response does not fit its"
        " password",
        Mismatch.NONE: f"the credentials fit {section}: what was refused is the nonce (too old, or from another"
        " challenge), or Asterisk runs another password than the files have",
        Mismatch.UNKNOWN: f"user name and realm are those of {section}, which has no password to compare with",
        Mismatch.STALE: f"stale nonce: user, realm and password are those of {section}, but the challenge that they"
        f" answer is {judged.given} seconds old by the capture's clock, and nonce_lifetime is {judged.expected}",
    }[judged.fault]


def _advice(judged: Comparison) -> str:
    name = f"[{judged.auth.name}]" if judged.auth else "the auth section"
    return {
        Mismatch.REALM: f"let the caller answer the realm of the challenge, or set realm= in {name}",
        Mismatch.USER: f"set the caller's authentication user name to that of {name}, or the other way round",
        Mismatch.ALGORITHM: f"let the caller use what {name} offers, or name its algorithm in supported_algorithms_uas",
        Mismatch.PASSWORD: f"set the same password at the caller and in {name}, then `pjsip reload`",
        Mismatch.NONE: "`pjsip reload` if the password is new; else have the caller answer each challenge with its"
        " nonce",
        Mismatch.UNKNOWN: COMPARE,
        Mismatch.STALE: f"have the caller answer each challenge with its nonce; nonce_lifetime in {name} can be longer",
    }[judged.fault]
