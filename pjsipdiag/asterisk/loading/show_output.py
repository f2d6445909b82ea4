"""The output of `pjsip show identifies` or `pjsip show endpoints`, saved from a running Asterisk.

It tells what the names in `match=` were resolved to when Asterisk loaded them, which no file can.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_IDENTIFY = re.compile(r"\s*Identify:\s+([^<\s].*)/([^/]*?)\s*\Z")
_MATCH = re.compile(r"\s*Match:\s+(!?[0-9A-Fa-f.:\[\]]{2,60}/[0-9]{1,3})\s*\Z")
_OTHER = re.compile(r"\s*(?:Endpoint|Aor|Contact|Transport|InAuth|OutAuth|I/OAuth|Channel|Exten|ParameterName):?\s")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def without_colours(text: str) -> str:
    """The text of the console without the escape sequences of a terminal."""
    return _COLOUR.sub("", text).replace("\r", "")


def parse_identifies(text: str) -> Mapping[str, tuple[str, ...]]:
    """identify name -> its networks in order, as `cli_print_body` of res_pjsip_endpoint_identifier_ip.c prints them.

    A network is `[!]IP/bits`, or `[!]IP:port/bits` where the rule has a port. Header lines are left out (Asterisk 16
    prints them as `Match:` too).
    """
    found: dict[str, list[str]] = {}
    networks: list[str] | None = None
    for line in without_colours(text).split("\n"):
        if len(line) > 1024:
            continue
        if named := _IDENTIFY.match(line):
            networks = found.setdefault(named[1], [])
        elif network := _MATCH.match(line):
            if networks is not None and network[1] not in networks:
                networks.append(network[1])
        elif _OTHER.match(line):
            networks = None
    return {name: tuple(networks) for name, networks in found.items()}
