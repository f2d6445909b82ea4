"""One stand-in for each name, number, host and address, the same wherever it stands.

Telephone numbers keep their length and prefix, host names their depth and common domains, what everybody has
(`anonymous`, `asterisk`, `localhost`, extensions of up to four digits) stays.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from pjsipdiag.redact.address_map import AddressMap
from pjsipdiag.redact.messages.protocol_words import HEADERS, SCHEMES
from pjsipdiag.redact.own import OWN_WORDS
from pjsipdiag.sip import Ip, long_name

STAYING_NAMES = frozenset(
    {
        "anonymous", "anonymous.invalid", "asterisk", "default", "general", "global", "guest", "invalid", "localhost",
        "restricted", "s", "system", "unavailable", "unknown", "wizard",
    }
)  # fmt: skip
COMMON_LABELS = frozenset(
    {"edge", "gateway", "gw", "ims", "in", "out", "pbx", "proxy", "sbc", "sip", "sips", "trunk", "voip", "www"}
)
FILE_ENDINGS = frozenset(
    {
        "c", "cap", "conf", "crt", "csv", "gz", "h", "json", "key", "log", "pcap", "pcapng", "pem", "so", "sql", "txt",
        "zst",
    }
)  # fmt: skip
_STAND_IN = re.compile(
    r"(?:name|domain|h|word|identify|transport|value|uri)\d+[a-z]{0,3}|example|redacted", re.IGNORECASE
)
_NUMBER = re.compile(r"(\+|00|011)?(\d{5,})")
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.[A-Za-z][A-Za-z0-9-]+")
_QUOTES = ("'", '"', "[", "=", "/")
"""The signs before a name that is quoted."""
_ODD = re.compile(r"[^\w+.@-]")
"""Names with other characters than a token has are looked for as they are."""
_HOST_CHARACTERS = re.compile(r"[\w.-]+")
_V6 = r"(?P<v6>(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:.]+[0-9A-Fa-f:](?:/\d+)?(?![\w:]))"
_V4 = r"(?P<v4>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?(?!\w))"
_TOKEN = r"(?P<token>(?<![\w.-])[\w+](?:[\w+.@-]*\w)?(?!\w|=))"


class Disguise:
    """Makes stand-ins in the order in which things are first met: the same input gives the same stand-ins."""

    def __init__(self, addresses: AddressMap, sections: Mapping[str, str]) -> None:
        self.addresses = addresses
        self._words: dict[str, str] = dict(sections)
        self._numbers: dict[int, dict[str, str]] = {}
        self._domains: dict[str, str] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._opaque: dict[str, dict[str, str]] = {}
        self._named = 0
        self._pattern: re.Pattern[str] | None = None

    def user(self, text: str) -> str:
        """A user name or telephone number, as in URIs, endpoint names and credentials."""
        if not text or text.lower() in STAYING_NAMES or (text.isdigit() and len(text) <= 4):
            return text
        if text not in self._words:
            head, parameters, _ = text.partition(";")
            if parameters:
                return f"{self.user(head)};p"
            if address := _ip(text):
                return str(self.addresses.address(address))
            number = _NUMBER.fullmatch(text)
            self._know(text, self._number(number[1] or "", number[2]) if number else self._word())
        return self._words[text]

    def section(self, name: str) -> str:
        """A section name: `user@host` in both parts."""
        if name in self._words or "@" not in name:
            return self.user(name)
        user, _, host = name.rpartition("@")
        return f"{self.user(user)}@{self.host(host)}"

    def alias(self, name: str) -> str:
        """A section whose name is a host name: a domain alias."""
        return self._words.setdefault(name, self.host(name))

    def learn(self, text: str, stand: str) -> None:
        """Puts `stand` in the place of `text` from now on, wherever it stands."""
        if text and text not in self._words:
            self._know(text, stand)

    def compared_value(self, text: str) -> str:
        """A text that the configuration compares with: a header's value, a pattern."""
        if text and text not in self._words:
            self._know(text, self.opaque("value", text))
        return self._words.get(text, text)

    def host(self, text: str) -> str:
        """A host name, a realm, an IP address; without a port."""
        bare = text.strip("[]")
        if address := _ip(bare):
            stand = str(self.addresses.address(address))
            return f"[{stand}]" if text.startswith("[") else stand
        if not text or text.lower() in STAYING_NAMES:
            return text
        if not _HOST_CHARACTERS.fullmatch(text):
            # No host at all: its odd characters stay, so that it goes on being none.
            return _HOST_CHARACTERS.sub(lambda found: self.host(found[0]), text)
        if text != text.lower():
            # Names of endpoints and aliases are compared with their case.
            return self.host(text.lower()).upper()
        *labels, name, top = ["", *text.lower().rstrip(".").split(".")]
        labels = labels[1:] if name else []
        registered = f"{name}.{top}" if name else top
        domain = self._domains.setdefault(registered, f"domain{len(self._domains) + 1}.example")
        if not name:
            return domain.partition(".")[0]
        known = self._labels.setdefault(registered, {})
        shown = [
            label if label in COMMON_LABELS or label.startswith("_") else known.setdefault(label, f"h{len(known) + 1}")
            for label in labels
        ]
        return ".".join([*shown, domain])

    def host_port(self, text: str) -> str:
        """`host`, `host:port`, `[v6]` or `[v6]:port`."""
        if text.count(":") > 1 and not text.startswith("["):
            return self.host(text)
        host, colon, port = text.rpartition(":")
        if colon and port.isdigit():
            return f"{self.host(host)}:{port}"
        return self.host(text)

    def opaque(self, kind: str, text: str) -> str:
        """`kind1`, `kind2`, ... for values of which only equality matters: Call-IDs, tags, header values."""
        known = self._opaque.setdefault(kind, {})
        return known.setdefault(text, f"{kind}{len(known) + 1}") if text else text

    def header(self, name: str) -> str:
        """The name of a header: its own where it is the protocol's."""
        long = long_name(name)
        return name if not name or long in HEADERS else self.opaque("X-Header-", long)

    def scheme(self, name: str) -> str:
        """The scheme of a URI, where it is one that is known."""
        return name if name.lower() in SCHEMES else "x"

    def is_stand_in(self, text: str) -> bool:
        """Whether a word, or a part of one between dots, was made here."""
        return bool(_STAND_IN.fullmatch(text))

    def text(self, text: str) -> str:
        """Free text: every name that is known by now, and everything that looks like an address, host or number."""
        if self._pattern is None:
            odd = [re.escape(word) for word in self._words if _ODD.search(word)]
            names = "|".join(sorted(odd, key=len, reverse=True))
            known = rf"(?P<known>(?<!\w)(?:{names})(?!\w))|" if names else ""
            self._pattern = re.compile(f"{known}{_V6}|{_V4}|{_TOKEN}")
        return self._pattern.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        if found.lastgroup == "known":
            return self._words[found[0]]
        if found.lastgroup != "token":
            return self._network(found[0])
        before = found.string[found.start() - 1 : found.start()]
        return found[0] if before not in _QUOTES and found[0].lower() in OWN_WORDS else self._token(found[0])

    def _token(self, text: str) -> str:
        if text in self._words:
            return self._words[text]
        user, at, host = text.rpartition("@")
        if at and user and host:
            return f"{self.user(user)}@{self.host(host)}"
        if _NUMBER.fullmatch(text):
            return self.user(text)
        if _HOST.fullmatch(text) and text.rpartition(".")[2].lower() not in FILE_ENDINGS:
            return self.host(text)
        return text

    def _network(self, text: str) -> str:
        bare, slash, length = text.partition("/")
        address = _ip(bare.strip("[]"))
        if address is None:
            return text
        if not slash:
            return self.host(bare)
        try:
            network = ipaddress.ip_network((address, int(length)), strict=False)
        except ValueError:
            return f"{self.host(bare)}/{length}"
        return ",".join(map(str, self.addresses.network(network)))

    def _number(self, prefix: str, digits: str) -> str:
        known = self._numbers.setdefault(len(digits), {})
        if digits not in known:
            stem = "555"[: max(0, len(digits) - 4)]
            known[digits] = stem + str(len(known) + 1).rjust(len(digits) - len(stem), "0")
        return prefix + known[digits]

    def _word(self) -> str:
        self._named += 1
        return f"name{self._named}"

    def _know(self, text: str, stand: str) -> None:
        self._words[text] = stand
        if _ODD.search(text):
            self._pattern = None


def _ip(text: str) -> Ip | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
