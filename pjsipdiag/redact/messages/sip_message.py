"""A SIP message with stand-ins: what identification and a diagnosis need stays in place, the rest is left out.

The text is changed where it stands, so that what PJSIP could not parse stays unparseable, and every header that remains
keeps its spelling and order. Of a body only the SDP lines of media and codecs remain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.messages.protocol_words import (
    ADDRESS_HEADERS,
    AGENT,
    ATTRIBUTE,
    CODECS,
    CREDENTIAL_HEADERS,
    FIXED,
    FLAG_PARAMETERS,
    HOST_PARAMETERS,
    KEPT_HEADERS,
    LISTED_WORDS,
    MEDIA_LINE,
    NUMBER_PARAMETERS,
    NUMBERED_HEADERS,
    PARAMETER_WORDS,
    PRODUCT_HEADERS,
    REASONS,
    REGISTERED,
    RTPMAP,
    TOKEN_PARAMETERS,
)
from pjsipdiag.sip import METHODS, decode, long_name

OTHER_NAME = "of another name"
"""The count of headers whose name may be somebody's goes under this name."""
_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"
_URI = re.compile(
    r"(?P<scheme>sips?|tel):(?:(?P<user>[^@\s<>\",]*)@)?(?P<rest>\[[0-9A-Fa-f:.]*\]|[^\s<>\";?>,:]*)"
    r"(?P<port>:\d{1,5})?(?P<after>[^\s<>\",]*)",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\",;]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')
_SENT_BY = re.compile(r"(SIP\s*/\s*2\.0\s*/\s*\w+\s+)(\[[^\]]*\]|[^;:,\s]+)(\s*:\s*\d+)?", re.IGNORECASE)
_CREDENTIAL = re.compile(r'(?P<name>[\w*.-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<plain>[^,\s"]*))')
_PARAMETER = re.compile(rf'\s*(?P<name>{_TOKEN})\s*(?:=\s*(?P<value>"(?:[^"\\]|\\.)*"?|[^;]*))?\s*')
_MEDIA_TYPE = re.compile(rf"\s*{_TOKEN}\s*/\s*{_TOKEN}")
_TOO_LARGE = "4294967295"
"""As PJSIP reads every number that is larger."""
_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,3})?")


class MessageRedactor:
    """Redacts messages; `headers` are names (lower case) that the configuration's match_header asks for."""

    def __init__(self, disguise: Disguise, headers: frozenset[str] = frozenset()) -> None:
        self.disguise = disguise
        self.headers = headers
        self.left_out: dict[str, int] = {}
        """Headers left out: how many of each name that is registered, and of all others together."""

    def message(self, raw: bytes) -> bytes:
        """The whole message with stand-ins."""
        head, blank, body = _split(raw)
        lines = list(_unfolded(head))
        shown = [self.first(lines[0])] if lines else []
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
        lower = long_name(name)
        if lower == "content-length":
            return value if value.strip().isdigit() else "0"
        # Only what is listed is kept, so that a header of which nobody thought is left out and counted.
        if lower in FIXED:
            found = FIXED[lower].match(value.strip())
            return found[0] if found else self._of_kind(lower, value)
        if lower in NUMBERED_HEADERS:
            counted = NUMBERED_HEADERS[lower].match(value.strip())
            return counted[1] + self.method(counted[2]) if counted else self.disguise.opaque("value", value)
        if lower in KEPT_HEADERS:
            listed = ", ".join(word.strip() for word in value.split(",") if word.strip().lower() in LISTED_WORDS)
            return listed if listed or lower != "event" else self.disguise.opaque("value", value)
        if lower == "via":
            return self._via(value)
        if lower in ADDRESS_HEADERS:
            return ", ".join(map(self._address, _parts(value, ",")))
        if lower == "call-id":
            return self.disguise.opaque("call", value)
        if lower in PRODUCT_HEADERS:
            return self.agent(value)
        if lower in CREDENTIAL_HEADERS:
            return self._credentials(value)
        if lower in self.headers:
            return self.disguise.opaque("value", value)
        known = lower if lower in REGISTERED else OTHER_NAME
        self.left_out[known] = self.left_out.get(known, 0) + 1
        return None

    def _of_kind(self, name: str, value: str) -> str:
        """A stand-in that PJSIP's parser of the header takes where it takes the value."""
        stand = self.disguise.opaque("value", value)
        if name == "content-type" and _MEDIA_TYPE.match(value):
            return f"application/{stand}"
        return _TOO_LARGE if name != "content-type" and value.strip().isdecimal() else stand

    def agent(self, value: str) -> str:
        """A User-Agent or Server: the products that a verdict knows, or one stand-in for the whole."""
        known = (f"{found['page'] or ''}{found['asterisk'] or found['product']}" for found in AGENT.finditer(value))
        return " ".join(known) or self.disguise.opaque("agent", value)

    def uri(self, text: str) -> str:
        """Every URI in `text` with stand-ins for user, host and parameters; one of another scheme is opaque."""
        parts, end = [], 0
        for found in _URI.finditer(text):
            parts += [self._opaque_uris(text[end : found.start()]), self._uri(found)]
            end = found.end()
        return "".join([*parts, self._opaque_uris(text[end:])])

    def _opaque_uris(self, text: str) -> str:
        return _OTHER.sub(
            lambda found: f"{found[0].partition(':')[0][:3]}:{self.disguise.opaque('uri', found[0])}", text
        )

    def first(self, line: str) -> str:
        """A request line keeps its method, a status line its number."""
        if found := re.match(r"SIP/2\.0 +(\d{3})\b", line):
            return f"SIP/2.0 {found[1]} {REASONS.get(int(found[1]), 'Reason')}"
        words = line.split(" ")
        if len(words) < 3 or words[-1] != "SIP/2.0" or not _URI.match(words[1]):
            return self.disguise.opaque("broken", line)
        rest = [self.disguise.opaque("broken", word) if word else "" for word in words[2:-1]]
        return " ".join([self.method(words[0]), self.uri_alone(words[1]), *rest, "SIP/2.0"])

    def method(self, word: str) -> str:
        """A method: its own name where it is the protocol's."""
        return word if word in METHODS else self.disguise.opaque("METHOD", word)

    def _header(self, line: str) -> str | None:
        name, colon, value = line.partition(":")
        if not colon:
            return self.disguise.opaque("broken", line)
        redacted = self.value(name.strip(), value.strip())
        if redacted is None:
            return None
        blanks = name[len(name.rstrip()) :]
        return f"{self.disguise.header(name.strip())}{blanks}: {redacted}"

    def _address(self, text: str) -> str:
        """A name-addr or an addr-spec with its parameters (RFC 3261 section 20.10)."""
        bare = _QUOTED.sub(lambda found: " " * len(found[0]), text)
        opening = bare.find("<")
        if opening < 0:
            uri, *parameters = text.strip().split(";")
            return self._joined(uri if uri == "*" else self.uri_alone(uri), parameters)
        display = text[:opening].strip()
        closing = bare.find(">", opening)
        inside = text[opening + 1 : closing if closing >= 0 else len(text)]
        after = text[closing + 1 :] if closing >= 0 else ""
        shown = '"Name" ' if display.startswith('"') else "Name " if display else ""
        first, *parameters = _parts(after, ";")
        broken = self.disguise.opaque("broken", first.strip()) if first.strip() else ""
        return self._joined(f"{shown}<{self.uri_alone(inside)}{'>' if closing >= 0 else ''}{broken}", parameters)

    def uri_alone(self, text: str) -> str:
        """A text that is one URI and nothing else; what is none is opaque."""
        found = _URI.fullmatch(text.strip())
        if found:
            return self._uri(found)
        shown = self.disguise.scheme(text.strip().partition(":")[0])
        return f"{shown}:{self.disguise.opaque('uri', text)}" if ":" in text else self.disguise.opaque("uri", text)

    def _uri(self, found: re.Match[str]) -> str:
        scheme, user, rest = found["scheme"], found["user"], found["rest"]
        port, after = found["port"] or "", found["after"]
        if scheme.lower() == "tel":
            shown = self.disguise.user(rest) if not port else self.disguise.opaque("uri", found[0])
            port = ""
        else:
            shown = ""
            if user is not None:
                name, password, _ = user.partition(":")
                shown = self.disguise.user(unquote(name, errors="surrogateescape")) + (":p" if password else "") + "@"
            shown += self.disguise.host(rest)
        parameters, question, _ = after.partition("?")
        first, *listed = parameters.split(";")
        broken = self.disguise.opaque("broken", first) if first else ""
        return self._joined(f"{scheme}:{shown}{port}{broken}", listed) + ("?Subject=x" if question else "")

    def _joined(self, text: str, parameters: Iterable[str]) -> str:
        return ";".join([text, *map(self._parameter, parameters)])

    def _parameter(self, text: str) -> str:
        """A parameter of a URI or a header: its name where it is the protocol's, its value where that says nothing."""
        found = _PARAMETER.fullmatch(text)
        if found is None:
            return self.disguise.opaque("p", text)
        name, value = found["name"].lower(), (found["value"] or "").strip()
        if name == "branch":
            cookie = "z9hG4bK" if value.startswith("z9hG4bK") else ""
            return f"{found['name']}={cookie}{self.disguise.opaque('branch', value)}"
        if name in ("tag", "line"):
            return f"{found['name']}={self.disguise.opaque('tag', value)}" if value else found["name"]
        if name in HOST_PARAMETERS:
            return f"{found['name']}={self.disguise.host(value)}"
        # The protocol's own parameters stay, as PJSIP parses them; of others even the name may be somebody's.
        known = name in FLAG_PARAMETERS and not value
        known |= name in NUMBER_PARAMETERS and bool(_NUMBER.fullmatch(value))
        known |= name in TOKEN_PARAMETERS and value.strip('"').lower() in PARAMETER_WORDS
        if known:
            return f"{found['name']}={value}" if value else found["name"]
        kept = name if name in NUMBER_PARAMETERS | TOKEN_PARAMETERS else self.disguise.opaque("p", name)
        return f"{kept}={self.disguise.opaque('value', value)}" if found["value"] is not None else kept

    def _via(self, value: str) -> str:
        shown = []
        for part in _parts(value, ","):
            first, *parameters = _parts(part, ";")
            found = _SENT_BY.fullmatch(first.strip())
            if found is None:
                shown.append(self.disguise.opaque("broken", part))
                continue
            transport = (
                found[1] if found[1].strip().rpartition("/")[2].strip().lower() in PARAMETER_WORDS else "SIP/2.0/XXX "
            )
            shown.append(self._joined(f"{transport}{self.disguise.host(found[2])}{found[3] or ''}", parameters))
        return ", ".join(shown)

    def _credentials(self, value: str) -> str:
        """Digest keeps what identification asks for; of any other scheme nothing stays but that there is one."""
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() != "digest":
            return f"{scheme if scheme.lower() in ('basic', 'bearer', 'ntlm', 'negotiate') else 'Other'} x"
        stands: dict[str, Callable[[str], str]] = {
            "username": self.disguise.section,
            "realm": self.disguise.host,
            "uri": self.uri_alone,
            "domain": self.uri_alone,
        }
        shown = []
        for found in _CREDENTIAL.finditer(rest):
            name, quoted = found["name"].lower(), found["quoted"] is not None
            text = found["quoted"] if quoted else found["plain"]
            if name in stands:
                text = stands[name](text)
            elif name not in ("algorithm", "qop", "stale") or text.lower() not in PARAMETER_WORDS:
                text = "0" * min(len(text), 32)
            if name not in (*stands, "algorithm", "qop", "stale", "nc", "nonce", "cnonce", "response", "opaque"):
                name = self.disguise.opaque("p", name)
            shown.append(f'{name}="{text}"' if quoted else f"{name}={text}")
        return f"{scheme} {', '.join(shown)}"

    def _sdp(self, body: bytes) -> bytes:
        """The lines of media and codecs."""
        text = decode(body).replace("\r\n", "\n").split("\n")
        lines = [kept for line in text if (kept := self._sdp_line(line.rstrip()))]
        return b"".join(f"{line}\r\n".encode() for line in lines)

    def _sdp_line(self, line: str) -> str:
        """`o=` and `c=` keep only their address, `s=` nothing."""
        if line == "v=0" or ATTRIBUTE.fullmatch(line) or re.fullmatch(r"t=\d{1,10} \d{1,10}", line):
            return "t=0 0" if line.startswith("t=") else line
        if line.startswith("s="):
            return "s=-"
        if line.startswith(("o=", "c=")):
            address = self.disguise.host(line.rpartition(" ")[2].partition("/")[0])
            family = "IP6" if ":" in address else "IP4"
            return f"{'o=- 0 0 ' if line.startswith('o=') else 'c='}IN {family} {address}"
        found = MEDIA_LINE.match(line)
        if found:
            return found[0]
        mapped = RTPMAP.match(line)
        return mapped[0] if mapped and mapped["codec"].lower() in CODECS else ""


def _parts(text: str, sign: str) -> list[str]:
    """The text split at `sign` where that stands neither in quotes nor in angle brackets."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"?|<[^<>]*>?', lambda found: "x" * len(found[0]), text)
    parts, start = [], 0
    for at, character in enumerate(bare):
        if character == sign:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


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
