"""Which Asterisk releases there are from 16 on, and what changed in which of them that identification can see.

`RELEASES` and `CHANGES` are the tables (read from the tags of Asterisk's repository); the rest asks them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pjsipdiag.errors import PjsipdiagError

RELEASES: dict[str, str] = {
    "16": "16.0.0 16.0.1 16.1.0 16.1.1 16.2.0 16.2.1 16.3.0 16.4.0 16.4.1 16.5.0 16.5.1 16.6.0 16.6.1 16.6.2 16.7.0 "
    "16.8.0 16.9.0 16.10.0 16.11.0 16.11.1 16.12.0 16.13.0 16.14.0 16.14.1 16.15.0 16.15.1 16.16.0 16.16.1 16.16.2 "
    "16.17.0 16.18.0 16.19.0 16.19.1 16.20.0 16.21.0 16.21.1 16.22.0 16.23.0 16.24.0 16.24.1 16.25.0 16.25.1 16.25.2 "
    "16.25.3 16.26.0 16.26.1 16.27.0 16.28.0 16.29.0 16.29.1 16.30.0 16.30.1",
    "17": "17.0.0 17.0.1 17.1.0 17.2.0 17.3.0 17.4.0 17.5.0 17.5.1 17.6.0 17.7.0 17.8.0 17.8.1 17.9.0 17.9.1 17.9.2 "
    "17.9.3 17.9.4",
    "18": "18.0.0 18.0.1 18.1.0 18.1.1 18.2.0 18.2.1 18.2.2 18.3.0 18.4.0 18.5.0 18.5.1 18.6.0 18.7.0 18.7.1 18.8.0 "
    "18.9.0 18.10.0 18.10.1 18.11.0 18.11.1 18.11.2 18.11.3 18.12.0 18.12.1 18.13.0 18.14.0 18.15.0 18.15.1 18.16.0 "
    "18.17.0 18.17.1 18.18.0 18.18.1 18.19.0 18.20.0 18.20.1 18.20.2 18.21.0 18.22.0 18.23.0 18.23.1 18.24.0 18.24.1 "
    "18.24.2 18.24.3 18.25.0 18.26.0 18.26.1 18.26.2 18.26.3 18.26.4",
    "19": "19.0.0 19.1.0 19.2.0 19.2.1 19.3.0 19.3.1 19.3.2 19.3.3 19.4.0 19.4.1 19.5.0 19.6.0 19.7.0 19.7.1 19.8.0 "
    "19.8.1",
    "20": "20.0.0 20.0.1 20.1.0 20.2.0 20.2.1 20.3.0 20.3.1 20.4.0 20.5.0 20.5.1 20.5.2 20.6.0 20.7.0 20.8.0 20.8.1 "
    "20.9.0 20.9.1 20.9.2 20.9.3 20.10.0 20.11.0 20.11.1 20.12.0 20.13.0 20.14.0 20.14.1 20.15.0 20.15.1 20.15.2 "
    "20.16.0 20.17.0 20.18.0 20.18.1 20.18.2 20.19.0 20.20.0 20.20.1",
    "21": "21.0.0 21.0.1 21.0.2 21.1.0 21.2.0 21.3.0 21.3.1 21.4.0 21.4.1 21.4.2 21.4.3 21.5.0 21.6.0 21.6.1 21.7.0 "
    "21.8.0 21.9.0 21.9.1 21.10.0 21.10.1 21.10.2 21.11.0 21.12.0 21.12.1 21.12.2 21.12.3",
    "22": "22.0.0 22.1.0 22.1.1 22.2.0 22.3.0 22.4.0 22.4.1 22.5.0 22.5.1 22.5.2 22.6.0 22.7.0 22.8.0 22.8.1 22.8.2 "
    "22.9.0 22.10.0 22.10.1",
    "23": "23.0.0 23.1.0 23.2.0 23.2.1 23.2.2 23.3.0 23.4.0 23.4.1",
    "certified-16.3": "certified-16.3-cert1",
    "certified-16.8": " ".join(f"certified-16.8-cert{n}" for n in range(1, 15)),
    "certified-18.9": " ".join(f"certified-18.9-cert{n}" for n in range(1, 19)),
    "certified-20.7": " ".join(f"certified-20.7-cert{n}" for n in range(1, 12)),
    "certified-22.8": " ".join(f"certified-22.8-cert{n}" for n in range(1, 5)),
}
"""Line of releases -> its releases, oldest first."""

Feature = Literal[
    "match_ports",
    "byte_order_mark",
    "header_regex",
    "wizard_ports",
    "tel_identified",
    "request_uri",
    "transport",
    "identifies_by_name",
    "utf8_locale",
    "empty_elements",
    "strict_numbers",
]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that releases differ in: `since` maps a line of releases to the first release that has it (a line that
    is not there never has it), `until` to the first that no longer does."""

    feature: Feature
    what: str
    since: dict[str, str]
    until: dict[str, str]
    reference: str = ""


_ALL = {line: releases.split()[0] for line, releases in RELEASES.items()}
_NOT_16_3 = {line: first for line, first in _ALL.items() if line != "certified-16.3"}
_FROM_20 = {line: _ALL[line] for line in ("20", "21", "22", "23", "certified-20.7", "certified-22.8")}

CHANGES: tuple[Change, ...] = (
    Change(
        "header_regex",
        "match_header takes /regex/ and looks at every header of that name",
        {**_ALL, "16": "16.1.0"},
        {},
        "res_pjsip_endpoint_identifier_ip.c: header_identify_match_check",
    ),
    Change(
        "match_ports",
        "match= takes a source port (203.0.113.1:5061)",
        {**_NOT_16_3, "16": "16.8.0", "17": "17.2.0"},
        {},
        "main/acl.c: ast_append_ha_with_port",
    ),
    Change(
        "byte_order_mark",
        "a UTF-8 byte order mark at the start of a file is passed over; before, it makes the file invalid",
        {**_NOT_16_3, "16": "16.8.0", "17": "17.2.0"},
        {},
        "main/config.c: config_text_file_load",
    ),
    Change(
        "wizard_ports",
        "the port of remote_hosts= in pjsip_wizard.conf becomes part of match=; before, it is cut off",
        {
            line: {"16": "16.20.0", "18": "18.6.0"}.get(line, first)
            for line, first in _ALL.items()
            if line not in ("17", "certified-16.3", "certified-16.8")
        },
        {},
        "res_pjsip_config_wizard.c: handle_identify",
    ),
    Change(
        "tel_identified",
        "a request with tel: URIs is identified; before, it is answered 416",
        {**_FROM_20, "16": "16.29.0", "18": "18.15.0", "19": "19.7.0"},
        {},
        "res_pjsip/pjsip_distributor.c: ast_sip_is_allowed_uri",
    ),
    Change(
        "request_uri",
        "identifier request_uri and option match_request_uri",
        {
            "18": "18.23.0",
            "20": "20.8.0",
            "21": "21.3.0",
            "22": "22.0.0",
            "23": "23.0.0",
            "certified-22.8": "certified-22.8-cert1",
        },
        {},
        "res_pjsip_endpoint_identifier_ip.c: request_identify",
    ),
    Change(
        "transport",
        "identifier transport, which matched every request that nothing else had identified",
        {"18": "18.23.0", "20": "20.8.0", "21": "21.3.0"},
        {"18": "18.23.1", "20": "20.8.1", "21": "21.3.1"},
        "GHSA-qqxj-v78h-hrf9",
    ),
    Change(
        "identifies_by_name",
        "identifies are asked in the order of their names; before, in hash order",
        {
            "20": "20.16.0",
            "21": "21.11.0",
            "22": "22.6.0",
            "23": "23.0.0",
            "certified-22.8": "certified-22.8-cert1",
        },
        {},
        "main/sorcery.c: ast_sorcery_retrieve_by_fields",
    ),
    Change(
        "utf8_locale",
        "regular expressions read UTF-8 characters; before, bytes",
        {
            "20": "20.18.1",
            "22": "22.8.1",
            "23": "23.2.1",
            "certified-22.8": "certified-22.8-cert1",
        },
        {},
        "main/asterisk.c: setlocale",
    ),
    Change(
        "empty_elements",
        "PJSIP 2.16 passes over empty elements in Accept, Allow, Supported, ...; before, it drops the message",
        {"20": "20.19.0", "22": "22.9.0", "23": "23.3.0"},
        {},
        "sip_parser.c: parse_generic_array_hdr",
    ),
    Change(
        "strict_numbers",
        "PJSIP 2.17 drops messages with an empty IPv6 reference [] or a Content-Length beyond 2147483647",
        {"20": "20.20.0", "22": "22.10.0", "23": "23.4.0"},
        {},
        "sip_parser.c: int_parse_host, parse_hdr_content_len",
    ),
)


@dataclass(frozen=True, slots=True)
class Release:
    """One release. `line` is its key in `RELEASES`, `branch` the major version, `number` what orders it in its line."""

    version: str
    line: str
    number: tuple[int, ...]

    def __str__(self) -> str:
        return self.version

    @property
    def branch(self) -> str:
        return self.line.removeprefix("certified-").split(".")[0]

    def has(self, feature: Feature) -> bool:
        change = next(change for change in CHANGES if change.feature == feature)
        since, until = change.since.get(self.line), change.until.get(self.line)
        return since is not None and self.number >= _number(since) and (until is None or self.number < _number(until))

    @property
    def identify_order(self) -> Literal["name", "hash"]:
        """In which order the identify objects are asked."""
        return "name" if self.has("identifies_by_name") else "hash"

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The identifiers of the release in the order in which its modules register them on the recorded machines.

        `line` has no name, and is always asked first. `MODULES` says which of the others come from one module.
        """
        names = [name for module in MODULES for name in module]
        return ("line", *(name for name in names if name not in ("request_uri", "transport") or self.has(name)))


MODULES: tuple[
    tuple[Literal["username", "auth_username", "ip", "header", "request_uri", "transport", "anonymous"], ...], ...
] = (
    ("username", "auth_username"),
    ("ip", "header", "request_uri", "transport"),
    ("anonymous",),
)
"""Identifiers by the module that registers them (`..._user`, `..._ip`, `..._anonymous`). Modules are loaded in the
order of the file system's directory, so that only the order within one is certain everywhere."""


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@cache
def releases() -> dict[str, Release]:
    """Every known release by its full name, in the order of `RELEASES`."""
    return {
        version: Release(version, line, _number(version))
        for line, versions in RELEASES.items()
        for version in versions.split()
    }


NEWEST = RELEASES["23"].split()[-1]
"""The newest release that is known."""

_TEXT = re.compile(
    r"""\s*(?:asterisk\s*(?:pbx)?\s*[-/]?\s*)?
        (?:(?P<certified>certified)[-/]?\s*)?
        (?P<number>\d+(?:\.\d+){0,2})
        (?:[-~]?cert(?P<cert>\d+))?\s*""",
    re.VERBOSE | re.IGNORECASE,
)

_BUILT = re.compile(r"(?:GIT|SVN)-(?:(?P<branch>\d+)\b)?", re.IGNORECASE)
"""A build from a repository: `GIT-22-6a2f9d1`, `GIT-master-6a2f9d1M`."""


def release(version: str) -> Release:
    """The release that a text names: "22", "22.10", "22.10.1", "certified-20.7", "certified/18.9-cert17", "20.7-cert5".

    A name without patch level or certified number is the newest of those; one that is newer than all of its line stands
    for the newest that is known.

    :raises PjsipdiagError: no such release; the text lists the accepted ones.
    """
    found = _find(version) or _newer(version)
    if found is None:
        raise PjsipdiagError(f"unknown Asterisk version {version!r}: known are {accepted()}")
    return found


@cache
def has(version: str, feature: Feature) -> bool:
    """Whether the release of that name has a feature.

    :raises PjsipdiagError: no such release.
    """
    return release(version).has(feature)


def nearest(version: str) -> Release | None:
    """The known release nearest to one that a capture names: itself, else the newest of its line that is not newer,
    else the oldest of it. Of an unknown branch, the nearest branch counts.
    None when the name has no number."""
    if (exact := _find(version)) is not None:
        return exact
    built = _BUILT.match(version)
    if built:
        line = RELEASES.get(built["branch"] or "", RELEASES["23"])
        return releases()[line.split()[-1]]
    matched = _TEXT.match(version)
    if matched is None:
        return None
    number = _number(matched["number"])
    if matched["certified"] or matched["cert"]:
        line = "certified-" + ".".join(str(part) for part in number[:2])
        number += (int(matched["cert"] or 0),)
    else:
        line = str(number[0])
    candidates = [known for known in releases().values() if known.line == line]
    candidates = candidates or _neighbours(number[0])
    older = [known for known in candidates if known.number <= number]
    return older[-1] if older else next(iter(candidates), None)


def _neighbours(branch: int) -> list[Release]:
    """The releases of the nearest branch that is known."""
    line = min((line for line in RELEASES if line.isdigit()), key=lambda line: (abs(int(line) - branch), line))
    return [known for known in releases().values() if known.line == line]


def _newer(version: str) -> Release | None:
    """The newest known release for a name that is newer than all of its line, or than all lines."""
    matched = _TEXT.fullmatch(version)
    if matched is None or matched["certified"] or matched["cert"]:
        return None
    number = _number(matched["number"])
    line = RELEASES.get(str(number[0]), RELEASES["23"]).split()
    return releases()[line[-1]] if number > _number(line[-1]) else None


def is_known(version: str) -> bool:
    """Whether a text names a release of the tables."""
    return _find(version) is not None


def age(version: str) -> str:
    """How a release that is not known stands to those that are, as the end of a sentence; empty for a known branch."""
    if _BUILT.match(version):
        return ", a build from a repository"
    branches = [int(line) for line in RELEASES if line.isdigit()]
    branch = _number(version)[0] if _number(version) else branches[0]
    if branch < min(branches):
        return f", older than {min(branches)}, the oldest that is known"
    return ", newer than all that are known" if branch > max(branches) else ""


def accepted() -> str:
    """What `release` takes, for people."""
    lines = [f"{line}.0.0 to {line} (= {known.split()[-1]})" for line, known in RELEASES.items() if line.isdigit()]
    lines += [
        f"{line}-cert1 to {known.split()[-1].removeprefix(line + '-')}"
        for line, known in RELEASES.items()
        if not line.isdigit()
    ]
    return ", ".join(lines)


@cache
def _find(version: str) -> Release | None:
    matched = _TEXT.fullmatch(version)
    if matched is None:
        return None
    number, cert = matched["number"], matched["cert"]
    if cert is not None:
        return releases().get(f"certified-{number}-cert{int(cert)}")
    if matched["certified"]:
        line = RELEASES.get(f"certified-{number}")
        return releases()[line.split()[-1]] if line else None
    known = [release for name, release in releases().items() if name == number or name.startswith(f"{number}.")]
    return known[-1] if known else None
