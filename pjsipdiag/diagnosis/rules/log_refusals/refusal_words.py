"""The meaning of Asterisk's words on a refusal: the finding that they are, and the advice."""

from __future__ import annotations

import re

from pjsipdiag.capture.source.tcpdump import RECORD
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RefusalWords:
    """A part of Asterisk's reason, and what it means.

    `rule` is the finding. `advice` is what helps, `advice_without_source` where the log does not say who was refused
    and that changes it; both are empty where it depends on the files. `comes_first` says that Asterisk asks this before
    it identifies anybody, `is_unreadable` that it could not even read the request.
    """

    words: str
    rule: str
    advice: str = ""
    advice_without_source: str = ""
    comes_first: bool = False
    is_unreadable: bool = False


_QUOTED = re.compile(r"'[^']*'")
_PERMIT_CONTACT = "permit the host of its Contact in contact_permit= or contact_acl= of"
_IF_IT_MAY = ", if it may call"
_AOR = (
    "a registration needs an AOR of the name that the telephone registers, in aors= of its endpoint, with max_contacts"
    " to spare"
)
_CONTACTS = "its Contact headers are at fault: `*` goes with Expires 0 and no other Contact"
_TO = "its To header has to be the sip: or sips: URI of the AOR"
_PATH = "whoever adds a Path to it has to say `Supported: path`, or leave support_path out of the AOR"
_SYNTAX = (
    "have the sender corrected, for no match= line changes that; a router's SIP ALG or a proxy on the way often damages"
    " what it forwards"
)
_TLS = (
    "compare certificates and TLS versions of both ends: cert_file, ca_list_file, verify_client, method and cipher of"
    " the transport (`no shared cipher`, `unsupported protocol`, `unknown ca` say which)"
)
_CREDENTIALS = "compare user, realm and password at both ends"

TO_HAVE_THEM = f"to have the requests themselves: `asterisk -rx 'pjsip set logger on'`, or `{RECORD}`"
HIDE_ALIKE = "bring the log as Asterisk wrote it, or hide with `pjsipdiag redact`, which keeps who is who"
"""The advice where addresses were replaced."""
GIVEN_UP = RefusalWords("Maximum retries", "registration-refused")
"""No registration is tried any more (handle_registration_response of res_pjsip_outbound_registration.c)."""
NO_ENDPOINT = RefusalWords("", "unmatched-source")
"""The meaning of all other words."""
WORDS = (
    GIVEN_UP,
    RefusalWords("registration attempt", "registration-refused"),
    # res_pjsip_registrar.c, in the log and as the events of its refusals
    RefusalWords("Invalid modifications", "no-invite", _PATH),
    RefusalWords("validate contacts", "no-invite", _CONTACTS),
    RefusalWords("invalid_contacts", "no-invite", _CONTACTS),
    RefusalWords("non-SIP URI", "no-invite", _TO),
    RefusalWords("invalid_uri", "no-invite", _TO),
    RefusalWords("AOR", "no-invite", _AOR),
    RefusalWords("max contacts", "no-invite", _AOR),
    RefusalWords("max_contacts", "no-invite", _AOR),
    # res_pjsip_acl.c, which names the host of a Contact without a port; main/acl.c; a FailedACL event
    RefusalWords(
        "did not pass ACL test",
        "denied-by-acl",
        f"permit {{source}} in the access list of the type=acl section{_IF_IT_MAY}",
        f"{_PERMIT_CONTACT} the type=acl section{_IF_IT_MAY}",
        comes_first=True,
    ),
    RefusalWords(
        "ACL '",
        "denied-by-acl",
        f"permit {{source}} in the access list of the endpoint or the type=acl section{_IF_IT_MAY}",
        comes_first=True,
    ),
    RefusalWords("Not match Endpoint Contact ACL", "denied-by-acl", f"{_PERMIT_CONTACT} the endpoint{_IF_IT_MAY}"),
    RefusalWords(
        "Not match Endpoint ACL",
        "denied-by-acl",
        f"permit {{source}} in permit= or acl= of the endpoint{_IF_IT_MAY}",
    ),
    RefusalWords("denies the Contact", "denied-by-acl", f"{_PERMIT_CONTACT} the endpoint{_IF_IT_MAY}"),
    RefusalWords("access list", "denied-by-acl", f"permit {{source}} in the access list of the endpoint{_IF_IT_MAY}"),
    RefusalWords("authenticate", "challenged-by-auth", _CREDENTIALS),
    RefusalWords("credentials", "challenged-by-auth", _CREDENTIALS),
    RefusalWords("(Handshake)", "refused-by-network", _TLS, comes_first=True, is_unreadable=True),
    RefusalWords("PJSIP syntax error", "dropped-by-parser", _SYNTAX, comes_first=True, is_unreadable=True),
    RefusalWords("Missing required header", "dropped-by-parser", _SYNTAX, comes_first=True, is_unreadable=True),
    RefusalWords(
        "extension not found", "dialplan-rejected", "look for the extension in the context that the sentence names"
    ),
    NO_ENDPOINT,
)
"""Each kind of refusal by its words; the first whose words the reason has is meant."""


def find_words(reason: str) -> RefusalWords:
    """The meaning of Asterisk's reason, a row of WORDS. What it quotes is chosen by whoever was refused."""
    own = _QUOTED.sub("''", reason)
    return next(row for row in WORDS if row.words in own)


def advise(row: RefusalWords, source: str) -> str:
    """The advice that helps who has that `source`, "" where it depends on the files."""
    words = row.advice if source else row.advice_without_source or row.advice
    return words.format(source=source or "its address")
