"""A SIP message with stand-ins: what identification and a diagnosis need stays in place, the rest is left out.

The text is changed where it stands, so that what PJSIP could not parse stays unparseable, and every header that remains
keeps its spelling and order. Of a body only the SDP lines of media and codecs remain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.sip import COMPACT, decode

KEPT = frozenset(
    {
        "accept", "allow", "content-type", "cseq", "event", "expires", "max-forwards", "min-se", "rack", "require",
        "rseq", "session-expires", "supported", "content-encoding", "proxy-require", "unsupported",
    }
)  # fmt: skip
"""Headers that hold nothing of anybody."""
ADDRESSES = frozenset(
    {
        "contact", "diversion", "from", "p-asserted-identity", "p-preferred-identity", "path", "record-route",
        "refer-to", "referred-by", "remote-party-id", "reply-to", "route", "to",
    }
)  # fmt: skip
PRODUCTS = frozenset({"server", "user-agent"})
CREDENTIALS = frozenset({"authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate"})
SDP = (
    b"v=",
    b"o=",
    b"c=",
    b"t=",
    b"m=",
    b"s=",
    b"a=rtpmap",
    b"a=fmtp",
    b"a=ptime",
    b"a=send",
    b"a=recv",
    b"a=inactive",
)

_URI = re.compile(
    r"(?P<scheme>sips?|tel):(?:(?P<user>[^@\s<>\",?]*)@)?(?P<rest>\[[0-9A-Fa-f:.]*\]|[^\s<>\";?>,:]*)", re.IGNORECASE
)
_DISPLAY = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAMETER = re.compile(
    r"(;\s*(tag|branch|received|maddr|epid|\+sip\.instance|reg-id|icid-value|line)\s*=\s*)([^;,\s>]+)", re.I
)
_SENT_BY = re.compile(r"(SIP\s*/\s*2\.0\s*/\s*\w+\s+)(\[[^\]]*\]|[^;:,\s]+)", re.IGNORECASE)
_QUOTED = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^,\s"]+))')


class MessageRedactor:
    """Redacts messages; `headers` are names (lower case) that the configuration's match_header asks for."""

    def __init__(self, disguise: Disguise, headers: frozenset[str] = frozenset()) -> None:
        self.disguise = disguise
        self.headers = headers
        self.left_out: dict[str, int] = {}
        """Headers left out, by name."""

    def message(self, raw: bytes) -> bytes:
        """The whole message with stand-ins."""
        head, blank, body = _split(raw)
        lines = list(_unfolded(head))
        shown = [self._first(lines[0])] if lines else []
        for line in lines[1:]:
            redacted = self._header(line)
            if redacted is not None:
                shown.append(redacted)
        kept = self._sdp(body)
        if blank:
            shown = [re.sub(r"(?i)^(content-length|l)(\s*:\s*).*", rf"\g<1>\g<2>{len(kept)}", line) for line in shown]
        text = "\r\n".join(shown).encode("utf-8", "surrogateescape")
        return text + (b"\r\n\r\n" + kept if blank else b"\r\n")

    def value(self, name: str, value: str) -> str | None:
        """The value of a header; None when the header is left out."""
        lower = COMPACT.get(name.lower(), name.lower())
        if lower in ("content-length", *KEPT):
            return value
        if lower == "via":
            value = _SENT_BY.sub(lambda found: found[1] + self.disguise.host(found[2]), value)
            return self._parameters(value)
        if lower in ADDRESSES:
            return self._parameters(self.uri(_DISPLAY.sub('"Name"', value)))
        if lower == "call-id":
            return self.disguise.opaque("call", value)
        if lower in PRODUCTS:
            return re.sub(r"\b[0-9A-Fa-f]{8,}\b|\d{6,}", "x", self.disguise.text(value))
        if lower in CREDENTIALS:
            return self._credentials(value)
        if lower in self.headers:
            return self.disguise.opaque("value", value)
        self.left_out[lower] = self.left_out.get(lower, 0) + 1
        return None

    def uri(self, text: str) -> str:
        """Every URI in `text` with stand-ins for user and host."""
        return _URI.sub(self._uri, text)

    def _first(self, line: str) -> str:
        return line if line.startswith("SIP/2.0") else self._parameters(self.uri(line))

    def _header(self, line: str) -> str | None:
        name, colon, value = line.partition(":")
        if not colon:
            return self.disguise.opaque("broken", line)
        redacted = self.value(name.strip(), value.strip())
        return None if redacted is None else f"{name}: {redacted}"

    def _uri(self, found: re.Match[str]) -> str:
        scheme, user, rest = found["scheme"], found["user"], found["rest"]
        if scheme.lower() == "tel":
            return f"{scheme}:{self.disguise.user(rest)}"
        shown = ""
        if user is not None:
            name, password, _ = user.partition(":")
            shown = self.disguise.user(unquote(name, errors="surrogateescape")) + (":p" if password else "") + "@"
        return f"{scheme}:{shown}{self.disguise.host(rest)}"

    def _parameters(self, value: str) -> str:
        def stand(found: re.Match[str]) -> str:
            name = found[2].lower()
            if name in ("received", "maddr"):
                return found[1] + self.disguise.host(found[3])
            if name == "branch":
                cookie = "z9hG4bK" if found[3].startswith("z9hG4bK") else ""
                return found[1] + cookie + self.disguise.opaque("branch", found[3])
            return found[1] + self.disguise.opaque("tag", found[3])

        return _PARAMETER.sub(stand, value)

    def _credentials(self, value: str) -> str:
        stands: dict[str, Callable[[str], str]] = {
            "username": self.disguise.section,
            "realm": self.disguise.host,
            "uri": self.uri,
            "domain": self.uri,
        }

        def stand(found: re.Match[str]) -> str:
            name = found[1].lower()
            text = found[2] if found[2] is not None else found[3]
            if name in stands:
                text = stands[name](text)
            elif name not in ("algorithm", "qop", "nc", "stale"):
                text = "0" * min(len(text), 32)
            return f'{found[1]}="{text}"' if found[2] is not None else f"{found[1]}={text}"

        return _QUOTED.sub(stand, value)

    def _sdp(self, body: bytes) -> bytes:
        lines = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(SDP)]
        if not lines:
            return b""
        return b"\r\n".join(self._sdp_line(line) for line in lines) + b"\r\n"

    def _sdp_line(self, line: bytes) -> bytes:
        """`o=` keeps only its address, `s=` nothing."""
        if line.startswith(b"s="):
            return b"s=-"
        if line.startswith((b"o=", b"c=")):
            start, _, address = decode(line).rpartition(" ")
            start = "o=- 0 0 IN IP6" if line.startswith(b"o=") and ":" in address else start
            start = "o=- 0 0 IN IP4" if line.startswith(b"o=") and ":" not in address else start
            return f"{start} {self.disguise.text(address)}".encode("utf-8", "surrogateescape")
        return line


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    raw = raw.lstrip(b"\r\n")
    found = re.search(rb"\r?\n\r?\n", raw)
    return (raw[: found.start()], found[0], raw[found.end() :]) if found else (raw, b"", b"")


def _unfolded(head: bytes) -> Iterator[str]:
    line = ""
    for raw in head.split(b"\n"):
        text = decode(raw.rstrip(b"\r"))
        if text[:1] in (" ", "\t") and line:
            line += " " + text.strip()
            continue
        if line:
            yield line
        line = text
    if line:
        yield line
