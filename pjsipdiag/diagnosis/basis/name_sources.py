"""Where the addresses of host names in `match=` come from: a hosts file, DNS, or what Asterisk says it resolved."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pjsipdiag.asterisk.config import Config, Identify, Problem
from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Dns, Hosts, Resolver, read_hosts
from pjsipdiag.asterisk.realtime.database import DATABASE_URLS, DOWN
from pjsipdiag.asterisk.realtime.tables import Databases
from pjsipdiag.diagnosis.evidence.readable_addresses import is_address
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.errors import ConfigError
from pjsipdiag.sip import parse_uri

if TYPE_CHECKING:
    from pjsipdiag.asterisk.live.snapshot import LiveAnswers


def load(
    path: str | Path | None,
    options: Options,
    live: LiveAnswers | None = None,
    overlay: Mapping[str, str] | None = None,
    asterisk: str | None = None,
    *,
    complete: bool = False,
    partial: bool = False,
    shown: Collection[str] = (),
    disk: Disk | None = None,
) -> Config:
    """Loads the configuration at `path` as the release `asterisk` does, else that of the options, else the one that
    runs. Names have the addresses of `hosts`, then of `resolved` and `live`, then of `resolve` (see `Options`). Without
    `path` it is what `live`, a running Asterisk, holds.

    With `complete` a name that none of them knows does not resolve; `overlay` and `partial` as `load_config` has them.
    Beside files `live` also tells what is loaded otherwise. `shown` names what the answers in a capture show
    (`settled_questions`). What `disk` has read before is not read again.

    :raises ConfigError: a file or a database cannot be read.
    """
    asterisk = asterisk or options.get("asterisk")
    if live is not None and path is None:
        running = _running(live, asterisk)
        return replace(running, not_shown=running.not_shown - frozenset(shown))
    asterisk = asterisk or release_of(live)
    databases, hosts = options.get("databases", ()), options.get("hosts")
    urls = databases if isinstance(databases, Databases) else parse_databases(databases)
    disk = disk or Disk(options.get("include_from", ()))

    def load_with(resolver: Resolver) -> Config:
        return load_config(
            path, asterisk, resolver, overlay=overlay or None, databases=urls, partial=partial, disk=disk
        )

    known = hosts if isinstance(hosts, Resolver) else read_hosts(hosts, disk) if hosts is not None else Hosts()
    sources: list[Resolver] = [known]
    if (resolved := options.get("resolved")) is not None:
        sources.append(_shown(load_with(known), resolved, disk))
    if live is not None:
        # The manager interface joins the rules of an identify with commas.
        told = {one.name: tuple(",".join(one.all("match")).split(",")) for one in live.of("identify")}
        sources.append(_left(load_with(known), told))
    if resolve := options.get("resolve"):
        sources.append(resolve if isinstance(resolve, Resolver) else Dns())
    if complete:
        sources.append(Hosts(complete=True))
    resolver = _FirstKnown(sources) if len(sources) > 1 else known
    config = load_with(resolver)
    if config.dead_databases:
        raise ConfigError(config.dead_databases[0])
    for name in urls.urls:
        if name not in urls.names:
            there = ", ".join(sorted(urls.names)) or "none"
            raise ConfigError(f"--database {name}=...: extconfig.conf names no such database (it names {there})")
    settled = ("cache", "module") if live is not None else shown  # who runs has started, and tells what it holds
    config = replace(config, unread_objects=tuple(one for one in config.unread_objects if one.source not in settled))
    otherwise = _otherwise(config, live, asterisk) if live is not None else ()
    return replace(config, server_addresses=_servers(config, resolver), otherwise=otherwise)


def release_of(live: LiveAnswers | None) -> str | None:
    """The known release nearest to the one that runs."""
    if live is None:
        return None
    from pjsipdiag.asterisk.live import running  # few ask a running Asterisk

    return running.release_of(live)


def _running(live: LiveAnswers, asterisk: str | None) -> Config:
    from pjsipdiag.asterisk.live.running import running_config

    return running_config(live, asterisk)


def _otherwise(config: Config, live: LiveAnswers, asterisk: str | None) -> tuple[Problem, ...]:
    from pjsipdiag.asterisk.live.loaded_otherwise import loaded_otherwise

    return tuple(loaded_otherwise(config, _running(live, asterisk), live))


AUTO = "auto"
"""In place of NAME=URL: log in as res_pgsql.conf, res_odbc.conf and odbc.ini say."""


def parse_databases(databases: Sequence[str]) -> Databases:
    """The databases that were given, each table of which is read once however often the configuration is loaded.

    :raises ConfigError: what was given is no NAME=URL.
    """
    urls: dict[str, str] = {}
    for given in databases:
        name, _, url = given.partition("=")
        if given == AUTO:
            continue
        if not url or not name or "://" in name or not ("://" in url or url == DOWN or Path(url).exists()):
            raise ConfigError(
                "--database takes NAME=URL, NAME being what extconfig.conf calls the database: "
                f"{', '.join(DATABASE_URLS)}, a dump (a file of pg_dump or mysqldump, or a folder with TABLE.csv), "
                f"or {DOWN} for what happens while it is down; '{AUTO}' alone logs in as Asterisk's own files say"
            )
        urls[name] = url
    return Databases(urls, keeps_tables=True, trusts_files=AUTO in databases)


def _servers(config: Config, resolver: Resolver) -> dict[str, tuple[str, ...]]:
    parsed = (parse_uri(registration.server_uri) for registration in config.registrations.values())
    hosts = {uri.host for uri in parsed if uri and uri.host and not is_address(uri.host)}
    return {host: tuple(resolver.addresses(host) or ()) for host in sorted(hosts)}


class _FirstKnown:
    """The first resolver that knows a name answers for it."""

    def __init__(self, sources: list[Resolver]) -> None:
        self._sources = sources

    def addresses(self, host: str) -> tuple[str, ...] | None:
        answers = (source.addresses(host) for source in self._sources)
        return next((tuple(answer) for answer in answers if answer is not None), None)

    def targets(self, service: str) -> tuple[str, ...] | None:
        answers = (source.targets(service) for source in self._sources)
        return next((tuple(answer) for answer in answers if answer is not None), None)


def _shown(config: Config, resolved: str | Path, disk: Disk) -> Hosts:
    from pjsipdiag.asterisk.loading.show_output import parse_identifies  # few save what Asterisk shows

    try:
        text = disk.text(Path(resolved))
    except OSError as error:
        raise ConfigError(f"cannot read {resolved}: {error.strerror}") from error
    shown = parse_identifies(text)
    if not shown:
        raise ConfigError(f"{resolved} names no identify: give the output of 'asterisk -rx \"pjsip show identifies\"'")
    return _left(config, shown)


def _left(config: Config, shown: Mapping[str, tuple[str, ...]]) -> Hosts:
    """The addresses of the names in `match=`: what is loaded and does not stand in the files."""
    addresses: dict[str, list[str]] = {}
    for identify in config.identifies:
        names = list(dict.fromkeys(name.host for name in identify.unresolved))
        found = _left_over(identify, shown.get(identify.name, ()))
        for at, name in enumerate(names):
            # Which of several names an address is from does not show, and does not matter: all stand in one identify.
            addresses.setdefault(name, []).extend(found if at == 0 else found[:1])
    return Hosts({name: tuple(dict.fromkeys(found)) for name, found in addresses.items()})


def _left_over(identify: Identify, networks: tuple[str, ...]) -> list[str]:
    """The single addresses that Asterisk shows and that no rule of the file accounts for."""
    written = {rule.network for rule in identify.rules}
    left = []
    for network in networks:
        address = network.lstrip("!").rpartition("/")[0]
        if address.startswith("["):
            address = address[1:].partition("]")[0]
        elif address.count(":") == 1:
            address = address.partition(":")[0]
        packed = _packed(address)
        if packed and int.from_bytes(packed, "big") not in written:
            left.append(address)
    return left


def _packed(address: str) -> bytes:
    try:
        return ipaddress.ip_address(address).packed
    except ValueError:
        return b""
