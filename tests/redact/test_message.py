"""Whatever anybody can write into a message, nothing of it is left: tokens in every place of the grammar."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.redact.addresses import AddressMap
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.message import MessageRedactor

SECRET = "Zk9secretQ"
TOKENS = (SECRET, f"{SECRET}@{SECRET}.example", "4930777123456", "00A0C91E6BF6", f'"{SECRET}"', f"a{SECRET}")
token = st.sampled_from(TOKENS)
word = st.sampled_from(["sip", "transport", "lr", "tag", "mac", "user", "tgrp", SECRET])
parameter = st.one_of(
    st.builds("{};".format, token), st.builds("{}={}".format, word, token), st.builds('{}="{}"'.format, word, token)
)
parameters = st.lists(parameter, max_size=3).map(lambda parts: "".join(f";{part}" for part in parts))
scheme = st.sampled_from(["sip", "sips", "tel", "mailto", "im", "urn:uuid", "http", "xmpp", SECRET])
uri = st.builds("{}:{}@{}{}?{}={}".format, scheme, token, token, parameters, token, token)
address = st.builds(
    "{}<{}>{}".format, st.sampled_from(["", f"{SECRET} X ", f'"{SECRET}" ', f'"{SECRET}']), uri, parameters
)
credentials = st.builds(
    "{} {}={}, username*=UTF-8''{}, nonce=\"{}\", {}=\"{}\"".format,
    st.sampled_from(["Digest", "Basic", "Bearer", SECRET]), word, token, token, token, token, token,
)  # fmt: skip
headers = st.one_of(
    *(
        st.builds("{}: {}".format, st.just(name), address | uri)
        for name in ("From", "t", "Contact", "P-Asserted-Identity", "Diversion", "Record-Route", "Refer-To", "r")
    ),
    st.builds("Via: SIP/2.0/{} {}{}".format, st.sampled_from(["UDP", SECRET]), token, parameters),
    st.builds("{}: {}".format, st.sampled_from(["Authorization", "WWW-Authenticate"]), credentials),
    st.builds("{}: Agent {} ({})".format, st.sampled_from(["User-Agent", "Server"]), token, token),
    st.builds("Content-Type: multipart/mixed;boundary={}".format, token),
    st.builds(
        "{}: {}".format,
        st.sampled_from(["Allow", "Supported", "Event", "Expires", "CSeq", "Accept", "X-Any", "Subject", "Reason"]),
        token,
    ),
    token,
)
body = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(
            [
                "s=",
                "o=",
                "c=IN IP4 ",
                "m=audio 4 RTP/AVP 0 ",
                "a=fmtp:0 ",
                "a=sendrecv",
                "a=rtpmap:0 ",
                "t=0 0",
                "x",
                "--",
            ]
        ),
        token,
    ),
    max_size=4,
).map("\r\n".join)
first = st.one_of(
    st.builds("INVITE {} SIP/2.0".format, uri),
    st.builds("{} {} SIP/2.0".format, token, token),
    st.builds("SIP/2.0 486 {}".format, token),
)


@settings(deadline=None, max_examples=300)
@given(first, st.lists(headers, max_size=6), body)
def test_nothing_that_anybody_wrote_is_left(line: str, lines: list[str], text: str) -> None:
    raw = "\r\n".join([line, *lines, "", text]).encode()
    shown = MessageRedactor(Disguise(AddressMap(()), {})).message(raw).lower()
    for secret in (SECRET, "4930777123456", "00A0C91E6BF6"):
        assert secret.lower().encode() not in shown
