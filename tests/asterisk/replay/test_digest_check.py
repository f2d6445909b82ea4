"""Credentials held against a configuration: which algorithms a caller may use."""

from __future__ import annotations

import hashlib

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.digest_check import Mismatch, judge
from pjsipdiag.sip import Address, SipMessage

CALLER, PBX = Address("203.0.113.10", 5060), Address("192.0.2.1", 5060)
ENDPOINT = "[e]\ntype=endpoint\nauth=a\n[a]\ntype=auth\nusername=u\npassword=p\n"
SETTINGS = "[g]\ntype=global\ndefault_auth_algorithms_uas="


def call(algorithm: str) -> SipMessage:
    """A call of user u with password p, as RFC 2069 computes the response."""

    def hashed(text: str) -> str:
        return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[algorithm], text.encode()).hexdigest()

    answer = hashed(f"{hashed('u:asterisk:p')}:n:{hashed('INVITE:sip:1@192.0.2.1')}")
    given = f'username="u", realm="asterisk", nonce="n", uri="sip:1@192.0.2.1", response="{answer}"'
    text = f"INVITE sip:1@192.0.2.1 SIP/2.0\r\nAuthorization: Digest {given}, algorithm={algorithm}\r\n\r\n"
    return SipMessage(text.encode(), "UDP", CALLER, PBX)


@pytest.mark.parametrize(
    ("text", "md5", "sha"),
    [
        (ENDPOINT, Mismatch.NONE, Mismatch.ALGORITHM),
        (ENDPOINT + SETTINGS + "SHA-256\n", Mismatch.ALGORITHM, Mismatch.NONE),
        (ENDPOINT + SETTINGS + "SHA-256,ROT13\n", Mismatch.NONE, Mismatch.ALGORITHM),
        (ENDPOINT + "supported_algorithms_uas=MD5\n" + SETTINGS + "SHA-256\n", Mismatch.NONE, Mismatch.ALGORITHM),
        (
            ENDPOINT + "supported_algorithms_uas=SHA-256\nsupported_algorithms_uas=MD5\n",
            *(Mismatch.NONE, Mismatch.NONE),
        ),
    ],
)
def test_a_caller_may_use_what_the_section_or_else_the_global_one_names(
    text: str, md5: Mismatch, sha: Mismatch
) -> None:
    config = load_config(None, "22.10.1", overlay={"pjsip.conf": text})
    faults = [judge(call(name), config.endpoints["e"], config) for name in ("MD5", "SHA-256")]
    assert [fault and fault.fault for fault in faults] == [md5, sha]
