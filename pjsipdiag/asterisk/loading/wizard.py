"""pjsip_wizard.conf: each `type=wizard` section becomes the sections of several objects (res_pjsip_config_wizard.c).

What is made here is what Asterisk hands to sorcery: a name and variables in order, each with the line it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass

WIZARD_FILE = "pjsip_wizard.conf"

_SUBSTITUTION = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class WizardObject:
    """The sections of one object type that a wizard section becomes, or the problem that keeps it from that."""

    wizard: Section
    sections: tuple[Section, ...] = ()
    problem: Problem | None = None
    name: str = ""
    """The object that the problem prevents."""

    def keeps(self, name: str) -> bool:
        """Whether an object stays that an earlier wizard of this one's name has made: what this one turns off goes."""
        return self.problem is not None or any(section.name == name for section in self.sections)


def wizards(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections that the wizard takes: `ast_category_browse_filtered` with the pattern `type=^wizard$`."""
    return tuple(
        section
        for section in sections
        if not section.is_template and any("type" in v.name and v.value == "wizard" for v in section.variables)
    )


def make(object_type: str, wizard: Section, release: Release) -> WizardObject:
    """The objects of one type that a wizard section stands for."""
    source = _Source(wizard, release)
    try:
        return WizardObject(wizard, tuple(_MAKERS[object_type](source)))
    except _IncompleteError as error:
        return WizardObject(wizard, (), error.problem, error.name)


WIZARD_TYPES = ("endpoint", "identify", "auth", "aor", "registration")


class _IncompleteError(Exception):
    def __init__(self, name: str, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.name, self.problem = name, problem


@dataclass(frozen=True)
class _Source:
    section: Section
    release: Release

    @property
    def id(self) -> str:
        return self.section.name

    def last(self, name: str) -> Variable | None:
        return next((v for v in reversed(self.section.variables) if v.name.lower() == name), None)

    def text(self, name: str, default: str = "") -> str:
        found = self.last(name)
        return found.value if found else default

    def true(self, name: str) -> bool:
        return parse_bool(self.text(name))

    def behind_prefix(self, prefix: str) -> list[Variable]:
        """The variables behind a prefix, without it (the prefix is compared with case)."""
        return [
            replace(v, name=v.name[len(prefix) :])
            for v in self.section.variables
            if v.name.startswith(prefix) and len(v.name) > len(prefix)
        ]

    def hosts(self) -> list[tuple[str, Where]]:
        found = self.last("remote_hosts")
        return [(host, found.where) for host in split_hosts(found.value)] if found and found.value else []

    def where(self, name: str) -> Where:
        found = self.last(name)
        return found.where if found else self.section.where

    def new_variable(self, name: str, value: str, because: str = "") -> Variable:
        """A variable that the wizard adds, on account of one of its own options."""
        return Variable(name, value, self.where(because) if because else self.section.where)

    def new_section(self, name: str, variables: list[Variable]) -> Section:
        return Section(name, self.section.where, tuple(variables))

    def incomplete(self, name: str, reason: Reason, text: str, because: str) -> _IncompleteError:
        log = f"Wizard '{self.id}' {text}\nUnable to create objects for wizard '{self.id}'"
        return _IncompleteError(name, Problem(reason, self.where(because), log))


def split_hosts(value: str) -> list[str]:
    """`remote_hosts` taken apart as `ast_strsep` (main/utils.c) does it: quotes hide commas, blanks around are cut."""
    hosts: list[str] = []
    rest: str | None = value
    while rest is not None:
        if not rest:
            return [*hosts, ""] if hosts else hosts
        # A backslash is passed over with the character behind it; both stay part of the host. Quotes of the other kind
        # nest, so that a comma counts only where all are closed.
        quotes: list[str] = []
        position, end = 0, -1
        while position < len(rest):
            if rest[position] == "\\":
                position += 2
                if position > len(rest) - 1:
                    break
            character = rest[position]
            if character in "'\"":
                if quotes and quotes[-1] == character:
                    quotes.pop()
                else:
                    quotes.append(character)
            if character == "," and not quotes:
                end = position
                break
            position += 1
        part, rest = (rest, None) if end < 0 else (rest[:end], rest[end + 1 :])
        hosts.append(part.strip(BLANKS) or part)
    return hosts


def _endpoint(source: _Source) -> list[Section]:
    variables = source.behind_prefix("endpoint/")
    variables += [source.new_variable("@pjsip_wizard", source.id), source.new_variable("aors", source.id)]
    for option in ("outbound_proxy", "transport"):
        if value := source.text(option):
            variables.append(source.new_variable(option, value, option))
    if source.true("sends_auth"):
        variables.append(source.new_variable("outbound_auth", f"{source.id}-oauth", "sends_auth"))
    if source.true("accepts_auth"):
        variables.append(source.new_variable("auth", f"{source.id}-iauth", "accepts_auth"))
    return [source.new_section(source.id, variables)]


def _identify(source: _Source) -> list[Section]:
    name = f"{source.id}-identify"
    if source.true("accepts_registrations") or source.true("sends_line_with_registrations"):
        return []
    hosts = source.hosts()
    if not hosts:
        alike = get_close_matches("remote_hosts", [v.name for v in source.section.variables], 1, 0.8)
        spelt = f" ({alike[0]}= is no option)" if alike and alike[0] != "remote_hosts" else ""
        reason = LoadReason.NO_REMOTE_HOSTS(option="remote_hosts", spelt=spelt)
        text = "must have 'remote_hosts' if it doesn't accept registrations."
        raise source.incomplete(name, reason, text, alike[0] if alike else "remote_hosts")
    variables = source.behind_prefix("identify/")
    variables += [source.new_variable("endpoint", source.id), source.new_variable("@pjsip_wizard", source.id)]
    if not any(v.name.lower() == "match" for v in variables):
        keeps_port = source.release.has("wizard_ports")
        variables += [Variable("match", host if keeps_port else host.partition(":")[0], at) for host, at in hosts]
    return [source.new_section(name, variables)]


def _aor(source: _Source) -> list[Section]:
    variables = [*source.behind_prefix("aor/"), source.new_variable("@pjsip_wizard", source.id)]
    if value := source.text("outbound_proxy"):
        variables.append(source.new_variable("outbound_proxy", value, "outbound_proxy"))
    if not any(v.name.lower() == "contact" for v in variables):
        pattern = source.text("contact_pattern", "sip:${REMOTE_HOST}")
        if pattern:
            variables += [
                Variable("contact", _substitute(pattern, REMOTE_HOST=host), at) for host, at in source.hosts()
            ]
    return [source.new_section(source.id, variables)]


def _auth(source: _Source) -> list[Section]:
    sections = []
    for direction, suffix, option in (("outbound", "-oauth", "sends_auth"), ("inbound", "-iauth", "accepts_auth")):
        if not source.true(option):
            continue
        name = f"{source.id}{suffix}"
        variables = source.behind_prefix(f"{direction}_auth/")
        if not any(v.name.lower() == "username" for v in variables):
            text = f"must have '{direction}_auth/username' if it {option}."
            raise source.incomplete(name, LoadReason.MISSING(option=f"{direction}_auth/username"), text, option)
        variables.append(source.new_variable("@pjsip_wizard", source.id))
        if not any(v.name.lower() == "auth_type" for v in variables):
            variables.append(source.new_variable("auth_type", "userpass"))
        sections.append(source.new_section(name, variables))
    return sections


def _registration(source: _Source) -> list[Section]:
    if not source.true("sends_registrations"):
        return []
    hosts, name = source.hosts(), f"{source.id}-reg-0"
    if not hosts:
        text = "must have 'remote_hosts' if it sends registrations."
        raise source.incomplete(name, LoadReason.MISSING(option="remote_hosts"), text, "sends_registrations")
    username = source.id
    if source.true("sends_auth"):
        found = source.last("outbound_auth/username")
        if found is None:
            text = "must have 'outbound_auth/username' if it sends authentication."
            raise source.incomplete(name, LoadReason.MISSING(option="outbound_auth/username"), text, "sends_auth")
        username = found.value
    common = source.behind_prefix("registration/")
    if value := source.text("outbound_proxy"):
        common.append(source.new_variable("outbound_proxy", value, "outbound_proxy"))
    common.append(source.new_variable("@pjsip_wizard", source.id))
    # Each host has a registration of its own, under a number: unlike an AOR or an identify, says
    # handle_registrations(), it cannot have several hosts.
    return [
        source.new_section(f"{source.id}-reg-{number}", [*common, *_to_host(source, host, where, username)])
        for number, (host, where) in enumerate(hosts)
    ]


def _to_host(source: _Source, host: str, where: Where, username: str) -> Iterator[Variable]:
    """The variables of the registration at one host, in the order in which handle_registrations() adds them."""
    for option, pattern in (("server_uri", "sip:${REMOTE_HOST}"), ("client_uri", "sip:${USERNAME}@${REMOTE_HOST}")):
        if text := source.text(f"{option}_pattern", pattern):
            yield Variable(option, _substitute(text, REMOTE_HOST=host, USERNAME=username), where)
    if source.true("sends_auth"):
        yield source.new_variable("outbound_auth", f"{source.id}-oauth", "sends_auth")
    if value := source.text("transport"):
        yield source.new_variable("transport", value, "transport")
    if source.true("sends_line_with_registrations"):
        yield source.new_variable("line", "yes", "sends_line_with_registrations")
        yield source.new_variable("endpoint", source.id, "sends_line_with_registrations")


def _substitute(pattern: str, **values: str) -> str:
    """`ast_str_substitute_variables_varshead` as far as it knows anything here: other variables are empty."""
    return _SUBSTITUTION.sub(lambda found: values.get(found[1], ""), pattern)


_MAKERS = {
    "endpoint": _endpoint,
    "identify": _identify,
    "auth": _auth,
    "aor": _aor,
    "registration": _registration,
}
