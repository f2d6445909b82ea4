"""Host names -> addresses: from a file in the form of /etc/hosts, from a recording, or from DNS when asked for.

A resolver answers with addresses, with nothing (the name does not resolve), or with None: it cannot tell.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pjsipdiag.asterisk.addresses import sockaddr
from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.errors import ConfigError
from pjsipdiag.sip import ip_text

if TYPE_CHECKING:
    import dns.resolver

SERVICES = ("_sip._udp", "_sip._tcp", "_sips._tcp")
"""The SRV names that an identify asks for, in order (res_pjsip_endpoint_identifier_ip.c, ip_identify_apply)."""

_LABELS = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_LOCALHOST = ("127.0.0.1", "::1")
_TIMEOUT = 5.0


@runtime_checkable
class Resolver(Protocol):
    """Where names are looked up."""

    def addresses(self, host: str) -> Sequence[str] | None:
        """The IP addresses of a name; empty: it does not resolve; None: unknown."""

    def targets(self, service: str) -> Sequence[str] | None:
        """The hosts of the SRV records of a name such as `_sip._udp.example.com`, in the order they are tried."""


class Hosts:
    """Names from a table; with `complete` a name that is not in it does not resolve, without it is unknown."""

    def __init__(
        self,
        addresses: Mapping[str, Sequence[str]] | None = None,
        services: Mapping[str, Sequence[str]] | None = None,
        *,
        complete: bool = False,
    ) -> None:
        self._addresses = {_key(name): tuple(found) for name, found in (addresses or {}).items()}
        self._services = {_key(name): tuple(found) for name, found in (services or {}).items()}
        self._complete = complete

    def addresses(self, host: str) -> Sequence[str] | None:
        found = self._addresses.get(_key(host))
        if found is None and _key(host) == "localhost":
            return _LOCALHOST
        return () if found is None and self._complete else found

    def targets(self, service: str) -> Sequence[str] | None:
        if (found := self._services.get(_key(service))) is not None:
            return found
        _, _, host = service.partition(".")
        _, _, host = host.partition(".")
        return () if self._complete or self._services or self.addresses(host) is not None else None


class Dns:
    """Names from DNS, each asked once: what a server answers now and here, which need not be what Asterisk was told."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        """`resolver` is dnspython's; None: one with the system's servers."""
        self._resolver = resolver
        self._known: dict[tuple[str, str], tuple[str, ...] | None] = {}

    def addresses(self, host: str) -> Sequence[str] | None:
        if _key(host) == "localhost":
            return _LOCALHOST
        four, six = self._ask(host, "A"), self._ask(host, "AAAA")
        found = (*(four or ()), *(six or ()))
        return None if not found and None in (four, six) else found

    def targets(self, service: str) -> Sequence[str] | None:
        return self._ask(service, "SRV")

    def _ask(self, name: str, kind: str) -> tuple[str, ...] | None:
        key = (_key(name), kind)
        if key not in self._known:
            self._known[key] = _look_up(self._resolver, *key)
        return self._known[key]


def read_hosts(path: str | Path, disk: Disk | None = None) -> Hosts:
    """A file in the form of /etc/hosts: `ADDRESS NAME...`, `#` starts a comment.

    :raises ConfigError: the file cannot be read, or a line does not begin with an IP address.
    """
    try:
        text = (disk or Disk()).text(Path(path))
    except OSError as error:
        raise ConfigError(f"cannot read hosts file {path}: {error.strerror}") from error
    return Hosts(parse_hosts(text.split("\n"), str(path)))


def parse_hosts(lines: Iterable[str], name: str = "hosts") -> dict[str, list[str]]:
    """Name -> addresses, in the order of the file.

    :raises ConfigError: a line does not begin with an IP address; the text names `name` and the line.
    """
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            address = ip_text(words[0].partition("%")[0])
        except ValueError as error:
            raise ConfigError(f"{name}:{number}: {words[0]!r} is not an IP address") from error
        for host in words[1:]:
            found.setdefault(_key(host), []).append(address)
    return found


def look_up(text: str, resolver: Resolver) -> list[sockaddr.NumericAddress] | None:
    """`ast_sockaddr_resolve`: the addresses of `host` or `host:port`, empty when it fails, None when unknown."""
    host, port = sockaddr.split_host_port(text)
    number = 0
    if port is not None:
        # The name of a service ("sip") is in no /etc/services that was met where Asterisk runs.
        parsed = sockaddr.service(port)
        if parsed is None:
            return []
        number = parsed
    if (numeric := sockaddr.parse(f"[{host}]")) is not None:
        return [numeric._replace(port=number)]
    if not could_resolve(host):
        return []
    found = resolver.addresses(host)
    if found is None:
        return None
    addresses = [ipaddress.ip_address(address) for address in found]
    return [sockaddr.NumericAddress(address.version, int(address), number) for address in addresses]


def could_resolve(host: str) -> bool:
    """Whether any resolver could find the name: not with blanks or signs in it, not with a number as its last label."""
    return bool(_LABELS.fullmatch(host)) and not host.rstrip(".").rpartition(".")[2].isdigit()


def _key(name: str) -> str:
    return name.rstrip(".").lower()


def _look_up(resolver: dns.resolver.Resolver | None, name: str, kind: str) -> tuple[str, ...] | None:
    """The records of a name; None when no server gave an answer."""
    import dns.exception
    import dns.resolver

    try:
        answer = (resolver or dns.resolver.get_default_resolver()).resolve(name, kind, lifetime=_TIMEOUT, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError, UnicodeError):
        return None
    if kind != "SRV":
        return tuple(sorted(str(record) for record in answer))  # servers turn the order round at will
    records = sorted(answer, key=lambda record: (record.priority, -record.weight))
    return tuple(str(record.target).rstrip(".") for record in records)
