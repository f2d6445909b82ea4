"""SIP messages with a secret in every place that somebody can write, and what is left of secrets in a text.

The lines are in fixtures/redact. Whatever a place holds, it is built around one of CORES.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from hypothesis import strategies as st

WORD, CAPITALS, SMALL = "Zk9secretQ", "ZKHIDDENQ", "zkprivateq"
_EUI64 = "2a0c9fffe1e6bf6"
NUMBER, DEVICE, ENCODED = "4930777123456", "00A0C91E6BF6", "WmsxOnBhc3N3b3JkWms5"
CORES = (WORD.lower(), CAPITALS.lower(), SMALL, "777123456", "81269177", DEVICE.lower(), ENCODED.lower(), _EUI64)
"""In small letters and without what parts numbers and devices: none of them is the protocol's."""

Filler = st.SearchStrategy[str]
_words = st.sampled_from(
    (
        WORD, CAPITALS, SMALL, "81.2.69.177", f"SIP{CAPITALS}", NUMBER, f"+{NUMBER}", DEVICE,
        ENCODED, f"a{WORD}", f"{WORD}.example", f"{WORD}@{WORD}.example",
        f"{WORD}!%*_+`'~-", f"%5Ak9secretQ%40{WORD}", "00:A0:C9:1E:6B:F6",
        f"{WORD}/1", f"invite{WORD}", f"udp-{WORD}",
        f"é{WORD}", f"{WORD}\x7f", f"22.{WORD}", f"asterisk-{WORD}", f"z9hG4bK{WORD}", "00a0c9-1e6bf6",
    )
)  # fmt: skip
_texts = st.one_of(
    _words,
    st.sampled_from(
        (
            f"{WORD} {WORD}", "Asterisk/81.2.69.177", f"{CAPITALS} {SMALL}",
            f'{WORD}\\" {WORD}', f"{WORD} <{WORD}>", f"{WORD}; {WORD}, {WORD}",
            "+49 (30) 777-123456",
            f"SN {DEVICE} MAC 00-A0-C9-1E-6B-F6", f"Straße {WORD}", f"{WORD}\u202e", f"call {NUMBER}", f"\\{WORD}",
        )
    ),
)  # fmt: skip
_hosts = st.sampled_from(
    (
        WORD, "81.2.69.177", f"{SMALL}.{CAPITALS}", f"{WORD}.example",
        f"sip.{WORD}.com", f"a.{WORD}", f"{WORD}.", f"sbc1.{WORD}.local", f"{WORD}_x.example",
        "[2001:470::2a0:c9ff:fe1e:6bf6]", f"pbx-{DEVICE}.example", f"sip.{WORD}.example:5060",
    )
)  # fmt: skip
_numbers = st.sampled_from((NUMBER, f"+{NUMBER}", "+49-30-777-123456", "+49.30.777123456", f"00{NUMBER}", f"{NUMBER}#"))
_names = st.sampled_from(
    ("transport", "lr", "tag", "mac", "user", "tgrp", "maddr", "received", "branch", "line", "gr", "x-cli", WORD)
)
_parameters = st.lists(
    st.one_of(
        st.builds(";{}".format, _words),
        st.builds(";{}={}".format, _names, _words),
        st.builds('; {} = "{}"'.format, _names, _texts),
        st.builds(";{}={}".format, _names, _hosts),
    ),
    max_size=3,
).map("".join)
_uris = st.one_of(
    st.builds("{}:{}@{}{}".format, st.sampled_from(("sip", "sips", "SIP")), _words, _hosts, _parameters),
    st.builds("sip:{}{}?{}={}".format, _hosts, _parameters, _names, _words),
    st.builds("sip:{}:{}@{}".format, _words, _words, _hosts),
    st.builds("tel:{}{}".format, _numbers, _parameters),
    st.builds(
        "{}:{}".format,
        st.sampled_from(("mailto", "im", "pres", "urn:uuid", "https://", "xmpp", "cid", "service", "data", WORD, "")),
        _words,
    ),
)
_addresses = st.one_of(
    st.builds('"{}" <{}>{}'.format, _texts, _uris, _parameters),
    st.builds("{} <{}>{}".format, _words, _uris, _parameters),
    st.builds("<{}>{}".format, _uris, _parameters),
    st.builds("{}{}".format, _uris, _parameters),
)
_FILLERS: dict[str, Filler] = {
    "word": _words, "text": _texts, "host": _hosts, "number": _numbers, "uri": _uris, "address": _addresses,
    "parameters": _parameters,
}  # fmt: skip
_SLOT = re.compile(r"\{(\w+)\}")
_FOLDER = Path(__file__).parents[2] / "fixtures/redact"


def templates(name: str) -> list[str]:
    """The lines of a file of fixtures/redact."""
    return [line for line in (_FOLDER / f"{name}.txt").read_text().split("\n") if line and not line.startswith("#")]


PLACES = tuple(templates("headers"))


def filled(template: str) -> Filler:
    """The template with a secret in each of its places."""
    pieces = _SLOT.split(template)
    parts = [_FILLERS[piece] if at % 2 else st.just(piece) for at, piece in enumerate(pieces)]
    return st.tuples(*parts).map("".join)


def _any(name: str) -> Filler:
    return st.one_of(*map(filled, templates(name)))


lines = _any("headers")
bodies = st.one_of(
    st.lists(_any("sdp"), max_size=8).map("\r\n".join),
    _any("bodies").map(lambda text: text.replace("\\r\\n", "\r\n")),
    st.just(""),
)


def whole(line: str, given: list[str], body: str) -> bytes:
    """A message of these lines; what SIP cannot do without is added, so that readers take it for one."""
    method = "INVITE" if line.startswith("SIP/2.0 ") else line.split(" ", maxsplit=1)[0]
    have = {one.partition(":")[0].strip().lower() for one in given}
    needed = {
        ("via", "v"): "Via: SIP/2.0/UDP 203.0.113.13;branch=z9hG4bK1",
        ("from", "f"): "From: <sip:1@203.0.113.13>;tag=1",
        ("to", "t"): "To: <sip:100@192.0.2.1>",
        ("call-id", "i"): "Call-ID: 1",
        ("cseq",): f"CSeq: 1 {method}",
        ("content-length", "l"): f"Content-Length: {len(body.encode())}",
    }
    added = [text for names, text in needed.items() if not have & {*names}]
    return "\r\n".join([line, *given, *added, "", body]).encode()


messages = st.builds(whole, _any("first"), st.lists(lines, max_size=6), bodies)
"""Any message; `with_line` makes one around a line that is asked for."""


def with_line(line: str) -> st.SearchStrategy[bytes]:
    """Messages with the line `line` of PLACES."""
    return st.builds(whole, _any("first"), filled(line).map(lambda text: [text]), bodies)


_VIEWS: tuple[Callable[[str], str], ...] = (
    str,
    unquote,
    lambda text: re.sub(r"[-:.() \\]", "", text),
    lambda text: text.replace("\\", "").replace("\u200b", ""),
)


def leaks(shown: bytes | str) -> set[str]:
    """What of the secrets a text holds, also where they are written otherwise."""
    text = (shown.decode("utf-8", "replace") if isinstance(shown, bytes) else shown).lower()
    return {core for core in CORES for view in _VIEWS if core in view(text)}
