"""match_header and match_request_uri with stand-ins: they match the captured requests that they matched before.

A pattern cannot be translated in general. What it is there for can: the values of the captured requests that it fits
are listed, each with its stand-in.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.ere.automaton import Ere, EreError, compile_ere
from pjsipdiag.asterisk.files.lines import latin
from pjsipdiag.asterisk.pjsip.message import Request, dialect, parse
from pjsipdiag.asterisk.pjsip.uri import UriContext
from pjsipdiag.asterisk.releases import has
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.sip import long_name

_SPECIAL = re.compile(r"[.^$*+?()\[\]{}|\\]")


class Patterns:
    """The values of captured requests that the configuration compares: (header or "", value) -> stand-in."""

    def __init__(self, config: Config, disguise: Disguise) -> None:
        self.config = config
        self.disguise = disguise
        names = (identify.match_header.partition(":")[0].strip(BLANKS) for identify in config.identifies)
        self.names = frozenset(name for name in names if name)
        self.uris = any(identify.match_request_uri for identify in config.identifies)
        self._seen: dict[tuple[str, str], str] = {}

    @property
    def headers(self) -> frozenset[str]:
        """The header names, long and in lower case."""
        return frozenset(map(long_name, self.names))

    def learn(self, raw: bytes, redacted: bytes) -> None:
        """Notes what the values of one request became."""
        if not self.names and not self.uris:
            return
        before, after = parse(raw, dialect(self.config.version)), parse(redacted, dialect(self.config.version))
        if not isinstance(before, Request) or not isinstance(after, Request):
            return
        self._seen["", before.uri.as_text(UriContext.REQUEST)] = after.uri.as_text(UriContext.REQUEST)
        for name in self.names:
            for old, new in zip(
                before.headers_named(name), after.headers_named(self.disguise.header(name)), strict=False
            ):
                self._seen[name.lower(), old.as_text().strip(BLANKS)] = new.as_text().strip(BLANKS)

    def value(self, option: str, value: str) -> str:
        """The option's value that fits the stand-ins of what `value` fits."""
        name, colon, wanted = value.partition(":") if option == "match_header" else ("", "", value)
        if option == "match_header" and not colon:  # Asterisk refuses it
            return self.disguise.opaque("value", value)
        text = wanted.strip(BLANKS) if name else wanted
        seen_as, name = name.strip(BLANKS).lower(), self.disguise.header(name.strip(BLANKS))
        try:
            regex = self._regex(text)
        except EreError:
            # Asterisk refuses the object, and is to go on doing so.
            return f"{name}{colon} /(/" if name else "/(/"
        of_name = [(old, new) for (seen, old), new in self._seen.items() if seen == seen_as]
        fitting = sorted({new for old, new in of_name if (regex.search(old) if regex else old == latin(text))})
        if regex is None:
            stands = fitting[0] if fitting else self.disguise.opaque("value", text)
        else:
            listed = "|".join(_SPECIAL.sub(r"\\\g<0>", stand) for stand in fitting)
            stands = f"/^({listed or 'nothing-captured-fits'})$/"
        return f"{name}{colon} {stands}" if name else stands

    def _regex(self, text: str) -> Ere | None:
        """The regular expression between slashes; None for a literal."""
        if len(text) > 2 and text.startswith("/") and text.endswith("/"):
            return compile_ere(text[1:-1], has(self.config.version, "utf8_locale"))
        return None
