"""Reads the offer in the SDP of an INVITE (RFC 8866), as far as a refusal depends on it."""

from __future__ import annotations

from collections.abc import Iterable

from pjsipdiag.dataclass import dataclass

STATIC_TYPES = {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 15: "G728", 18: "G729"}
"""Payload types that need no a=rtpmap (RFC 3551, table 4)."""
KEYS = ("crypto", "fingerprint")
"""Attributes that carry the keys of SRTP, or what vouches for them (RFC 4568, RFC 5763)."""
SDP_NAMES = {"ulaw": "pcmu", "alaw": "pcma", "g726": "g726-32", "slin": "l16", "testlaw": ""}
"""Asterisk's codec names where SDP has others; all else is alike but for case."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The audio of an SDP: its transport profile and the names of its codecs; empty when there is none to be read.

    `keys` are the attributes that carry keys, `crypto` or `fingerprint`; `kinds` the media of an SDP without audio;
    `fault` says why PJSIP cannot read it.
    """

    profile: str = ""
    codecs: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    kinds: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_secure(self) -> bool:
        return "SAVP" in self.profile

    @property
    def encryption(self) -> str:
        """The value of media_encryption that takes it (get_media_encryption_type, res_pjsip_sdp_rtp.c)."""
        if "UDP/TLS" in self.profile or (self.is_secure and "fingerprint" in self.keys):
            return "dtls"
        return "sdes" if self.is_secure or "crypto" in self.keys else "no"

    def shares(self, codecs: Iterable[str]) -> bool:
        """Whether one of an endpoint's codecs is offered."""
        offered = {name.lower() for name in self.codecs}
        return any(SDP_NAMES.get(codec, codec) in offered for codec in codecs)


def parse_offer(text: str) -> Offer:
    """The first audio of an SDP (RFC 8866)."""
    lines = text.replace("\r\n", "\n").split("\n")
    at = next((number for number, line in enumerate(lines) if line.startswith("m=audio ")), None)
    heads = [number for number, line in enumerate(lines) if line.startswith("m=")]
    if at is None:
        return Offer(kinds=tuple(dict.fromkeys(lines[number][2:].split(" ")[0] for number in heads)))
    words = lines[at].split()
    media = lines[at + 1 :]
    end = next((number for number, line in enumerate(media) if line.startswith("m=")), len(media))
    pairs = (line[9:].split(None, 1) for line in media[:end] if line.startswith("a=rtpmap:"))
    maps = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    static = {str(number): name for number, name in STATIC_TYPES.items()}
    names = [maps[word].split("/")[0] if word in maps else static.get(word, "") for word in words[3:]]
    told = [*lines[: heads[0]], *media[:end]]
    keys = frozenset(name for name in KEYS if any(line.startswith(f"a={name}:") for line in told))
    return Offer(words[2] if len(words) > 2 else "", tuple(name for name in names if name), keys)
