"""Host names in match=: their addresses are looked up when Asterisk loads the object, not when a call comes."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import AddressRule, Config, UnresolvedName
from pjsipdiag.asterisk.releases import has
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.unloaded.placeholders import name_placeholders


def host_names(config: Config) -> Iterator[Finding]:
    """One finding for each name in match= or remote_hosts=."""
    for identify in config.identifies:
        named: dict[str, AddressRule | UnresolvedName] = {}
        entries: tuple[AddressRule | UnresolvedName, ...] = (*identify.rules, *identify.unresolved)
        for entry in entries:
            if entry.host:
                named.setdefault(entry.host, entry)
        for host, entry in sorted(named.items()):
            has_port = isinstance(entry, UnresolvedName) and entry.port
            srv = identify.srv_lookups and not has_port
            again = "anew for every request, up to three times" if entry.where.column else "once, when the object loads"
            yield Finding(
                Severity.NOTE,
                f"match={entry.text} of identify '{identify.name}' ({entry.where}) is a name: Asterisk resolves it "
                f"{again}; a name that does not resolve then drops the whole identify",
                entry.where,
                evidence=name_placeholders(host)
                or (f"srv_lookups is on: where SRV records exist, their targets count, not the addresses of {host}",)[
                    : int(bool(srv))
                ],
                advice=f"Write the provider's addresses{_otherwise(config, entry)}.",
            )


def _otherwise(config: Config, entry: AddressRule | UnresolvedName) -> str:
    """The end of that sentence: what else helps, or why nothing does."""
    if entry.where.column:
        return ": a slow name server delays every call"
    if has(config.version, "names_reloaded"):
        return ", or `module reload res_pjsip.so` after every change of its DNS"
    return f", or restart Asterisk after every change of its DNS: {config.version} reloads changed files only"
