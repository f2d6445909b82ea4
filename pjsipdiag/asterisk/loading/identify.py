"""`type=identify`: a section becomes the rules, names and patterns that requests are held against.

The law is res_pjsip_endpoint_identifier_ip.c: `ip_identify_match_handler` for each `match=` line, `ip_identify_apply`
for the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pjsipdiag.asterisk.addresses import match, sockaddr
from pjsipdiag.asterisk.addresses.address_rule import applies
from pjsipdiag.asterisk.addresses.sockaddr import NumericAddress, service, split_host_port
from pjsipdiag.asterisk.config import AddressRule, Identify, Problem, UnresolvedName
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.loading.object_options import AppliedOptions
from pjsipdiag.asterisk.loading.resolve import SERVICES, Resolver, could_resolve, look_up
from pjsipdiag.asterisk.loading.walk_order import MEMORY_BUCKETS, str_hash
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.digits import is_number, read_number

_OF_EXPRESSIONS = re.compile(r"^\^|\$$|\.[*+]|\\[].+?*/()|[]")
"""Signs of a regular expression that no header and no URI has at these places."""


def build(
    section: Section, applied: AppliedOptions, release: Release, resolver: Resolver, warnings: list[Problem]
) -> Identify | Problem:
    """The object, or why Asterisk refuses it; host names are resolved now, as Asterisk does when it loads.

    What changes nothing but is logged is added to `warnings`.
    """
    read = _read_matches(section, applied, release)
    if isinstance(read, Problem):
        return read
    rules, hosts = read
    values = {name: found[-1].value for name, found in applied.options.items()}
    problem = _check(section, applied, values, bool(rules or hosts), release)
    if problem is not None:
        return problem
    lookups = parse_bool(values.get("srv_lookups", "yes"))
    unresolved: list[UnresolvedName] = []
    for rule in rules:
        zone = sockaddr.zone(rule.text)
        interface = resolver.addresses(f"%{zone}") if zone else ("",)
        if interface is None:
            unresolved.append(UnresolvedName(f"%{zone}", 0, rule.deny, rule.text, rule.where))
        elif not interface:
            return Problem(LoadReason.NO_INTERFACE(value=rule.text, zone=zone), rule.where, _not_known(rule.text))
    # In the order of the container (ao2_iterator over identify->hosts), and not of the lines: what an earlier name has
    # brought, a later one does not bring again, and the first that fails ends it.
    for host, where in _in_container_order(hosts):
        found = _resolve(host, rules, lookups, resolver)
        name, port = _host_port(host)
        if found is None:
            unresolved.append(UnresolvedName(name, port, False, host, where))
        elif isinstance(found, str):
            log = f"{found}\nIdentify '{section.name}' failed when adding resolution results of '{host}'"
            return Problem(LoadReason.MATCH_NOT_RESOLVED(host=host), where, log)
        elif not found:
            log = f"Identify '{section.name}' provided address '{host}' did not resolve to any address"
            reason = LoadReason.MATCH_ADDS_NOTHING(host=host)
            warnings.append(Problem(reason, where, log))
        else:
            rules += [match.host_rule(address, name, host, where) for address in found]
    warnings += _bare_expressions(applied, release)
    for line, later in replaced_patterns(applied.options):
        reason = LoadReason.REPLACED_PATTERN(option=later.name, value=line.value, place=str(later.where))
        warnings.append(Problem(reason, line.where))
    return Identify(
        name=section.name,
        where=section.where,
        options=applied.options,
        endpoint=values["endpoint"],
        rules=tuple(rules),
        unresolved=tuple(unresolved),
        match_header=values.get("match_header", ""),
        match_request_uri=values.get("match_request_uri", ""),
        srv_lookups=lookups,
    )


def replaced_patterns(options: Mapping[str, tuple[Variable, ...]]) -> Iterator[tuple[Variable, Variable]]:
    """Each line with a pattern and the later one that takes its place: an identify has one of each kind."""
    for name in ("match_header", "match_request_uri"):
        lines = options.get(name, ())
        yield from ((line, lines[-1]) for line in lines[:-1])


def _bare_expressions(applied: AppliedOptions, release: Release) -> Iterator[Problem]:
    """The patterns that are compared as they stand, though they look like regular expressions."""
    for name in ("match_header", "match_request_uri") if release.has("header_regex") else ():
        for line in applied.options.get(name, ())[-1:]:
            header, colon, value = line.value.rpartition(": ") if name == "match_header" else ("", "", line.value)
            if expression := bare_expression(value.strip()):
                reason = LoadReason.BARE_EXPRESSION(
                    option=name, value=line.value, meant=f"{header}{colon}/{expression}/"
                )
                yield Problem(reason, line.where)


def _read_matches(
    section: Section, applied: AppliedOptions, release: Release
) -> tuple[list[AddressRule], list[tuple[str, Where]]] | Problem:
    """The rules and the host names of all `match=` lines (`ip_identify_match_handler`)."""
    rules: list[AddressRule] = []
    hosts: list[tuple[str, Where]] = []
    for variable in applied.options.get("match", ()):
        matches = match.parse_match(variable.value, variable.where, ports=release.has("match_ports"))
        if matches.refusal:
            log = f"{matches.refusal}\nFailed to add address '{matches.text}' to ip endpoint identifier"
            log += (
                f" '{section.name}'\nError parsing {variable.name}={variable.value} at line {variable.where.line} of "
            )
            return Problem(LoadReason.MATCH_REFUSED(value=matches.text, words=matches.refusal), variable.where, log)
        rules += matches.rules
        hosts += [(host, variable.where) for host in matches.hosts]
    return rules, hosts


def _check(
    section: Section, applied: AppliedOptions, values: Mapping[str, str], matches: bool, release: Release
) -> Problem | None:
    """The first demand of `ip_identify_apply`, before it resolves names, that the section does not meet."""

    def blame(name: str) -> Where:
        found = applied.options.get(name)
        return found[-1].where if found else section.where

    header, request_uri = values.get("match_header", ""), values.get("match_request_uri", "")
    if not values.get("endpoint"):
        log = f"Identify '{section.name}' missing required endpoint name."
        return Problem(LoadReason.MISSING(option="endpoint"), blame("endpoint"), log)
    if not (header or request_uri or matches):
        log = f"Identify '{section.name}' is not configured to match anything."
        return Problem(LoadReason.NOTHING_TO_MATCH(), section.where, log)
    refused = _header_refusal(section.name, header, release) or _uri_refusal(section.name, request_uri, release)
    return None if refused is None else Problem(refused[0], blame(refused[2]), refused[1])


def _header_refusal(name: str, header: str, release: Release) -> tuple[Reason, str, str] | None:
    if not header:
        return None
    field, colon, value = header.partition(":")
    if not colon:
        log = f"Identify '{name}' missing ':' separator in match_header '{header}'."
        return LoadReason.HEADER_WITHOUT_COLON(), log, "match_header"
    if not field.strip(match.BLANKS):
        log = f"Identify '{name}' has no SIP header to match in match_header '{header}'."
        return LoadReason.HEADER_WITHOUT_NAME(), log, "match_header"
    if not release.has("header_regex"):
        return None
    # The two log lines name each other's option from 18.23.0, 20.8.0, 21.3.0 on: so does Asterisk.
    option = "match_request_uri" if release.has("request_uri") else "match_header"
    return _pattern_refusal(name, value.strip(match.BLANKS), option, "match_header", release)


def _uri_refusal(name: str, request_uri: str, release: Release) -> tuple[Reason, str, str] | None:
    return _pattern_refusal(name, request_uri, "match_header", "match_request_uri", release)


def expression_in(value: str) -> str:
    """The regular expression between the slashes of a value; empty where it is meant as it stands."""
    return value[1:-1] if len(value) > 2 and value.startswith("/") and value.endswith("/") else ""


def bare_expression(value: str) -> str:
    """The regular expression that a value is to all appearances meant to be, but without its slashes; empty for one
    that is meant as it stands."""
    if expression_in(value):
        return ""
    lone = value.startswith("/") != value.endswith("/") and len(value) > 1
    bare = value.strip("/") if lone else value
    return bare if lone or _OF_EXPRESSIONS.search(bare) else ""


def _pattern_refusal(
    name: str, value: str, logged: str, option: str, release: Release
) -> tuple[Reason, str, str] | None:
    expression = expression_in(value)
    if not expression:
        return None
    from pjsipdiag.asterisk.ere.automaton import EreError, compile_ere  # large, and few configurations have a pattern

    try:
        compile_ere(expression, release.has("utf8_locale"))
    except EreError as error:
        log = f"Identify '{name}' failed to compile {logged} regex '{expression}'."
        return LoadReason.NO_EXPRESSION(option=option, error=error), log, option
    return None


def _in_container_order(hosts: Sequence[tuple[str, Where]]) -> list[tuple[str, Where]]:
    """Names as the container of host names gives them back: by hash bucket, in byte order within one."""
    return sorted(
        hosts, key=lambda item: (str_hash(item[0]) % MEMORY_BUCKETS, item[0].encode("utf-8", "surrogateescape"))
    )


def _resolve(
    host: str, rules: Sequence[AddressRule], lookups: bool, resolver: Resolver
) -> list[NumericAddress] | str | None:
    """The addresses that a name adds, Asterisk's words where it fails, None where it cannot be told.

    Addresses that earlier rules take already are not added again.
    """
    added: list[NumericAddress] = []

    def add(name: str) -> int | None:
        addresses = look_up(name, resolver)
        if addresses is None:
            return None
        known = [*rules, *(match.host_rule(address, "", "", Where("", 0)) for address in added)]
        new = [address for address in addresses if not applies(known, address)]
        added.extend(dict.fromkeys(new))
        return len(new) if addresses else -1

    # A name's own addresses are asked for only where SRV records added nothing (`if (!results)` of ip_identify_apply):
    # none were there, or other rules take all that they lead to. One target that does not resolve fails the identify.
    if lookups and ":" not in host and could_resolve(host):
        results = 0
        for service in SERVICES:
            targets = resolver.targets(f"{service}.{host}")
            if targets is None:
                return None
            for target in targets:
                count = add(target)
                if count is None:
                    return None
                if count < 0:
                    return _not_known(target)
                results += count
        if results:
            return added
    count = add(host)
    if count is None:
        return None
    return _not_known(host) if count < 0 else added


def _not_known(text: str) -> str:
    host, port = split_host_port(text)
    known = port is None or service(port) is not None
    failure = "Name or service not known" if known else "Servname not supported for ai_socktype"
    return f'getaddrinfo("{host}", "{port or "(null)"}", ...): {failure}'


def _host_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host, read_number(port)) if colon and is_number(port) else (text, 0)
