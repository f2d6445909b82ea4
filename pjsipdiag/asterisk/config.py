"""The configuration as Asterisk holds it in memory: frozen data, no file is read and nothing is decided here.

`conf.py` reads files into sections, `objects.py` and `wizard.py` turn sections into these objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pjsipdiag.asterisk.reasons.reason import Reason, WithReason
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass

if TYPE_CHECKING:
    from pjsipdiag.asterisk.dialplan.contexts import Dialplan
    from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
    from pjsipdiag.asterisk.realtime.families import StoredTable


@dataclass(frozen=True, slots=True)
class Problem(WithReason):
    """Something that Asterisk warns about or refuses; `log` is Asterisk's own line where it has one."""

    why: Reason
    where: Where
    log: str = ""


@dataclass(frozen=True, slots=True)
class UnreadObjects:
    """Objects of a type that may stand where nothing was read, or a `module` without which nothing starts: `store` has
    them (as `source`: nothing says there are any), `how_shown` shows them, `place` takes another, `give` brings them,
    `database` and `table` are what extconfig.conf tells the driver."""

    type: str
    where: Where | None
    text: str
    source: Literal["table", "program", "cache", "module", "store"] = "table"
    store: str = ""
    how_shown: str = ""
    place: str = ""
    give: str = ""
    database: str = ""
    table: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class DroppedObject(WithReason):
    """An object that is in the file and not in memory; `where` is the line to blame, `section_where` its header."""

    type: str
    name: str
    why: Reason
    where: Where
    section_where: Where
    log: str = ""


@dataclass(frozen=True, slots=True)
class AddressRule:
    """One address rule of an access list or of `match=` (`struct ast_ha`, main/acl.c).

    A source matches when its family is `version` (4 or 6), `ip & mask == network`, and `port` is 0 or equal.
    `network` and `mask` are numbers of 32 or 128 bits, the network masked; `port` 0 is any. `deny` is the sense: for an
    identify, False is `match=` and True is `match=!`.
    `text` is the value as the file has it, `host` the name that was resolved to this rule, or empty.
    """

    version: int
    network: int
    mask: int
    port: int
    deny: bool
    text: str
    where: Where
    host: str = ""


@dataclass(frozen=True, slots=True)
class UnresolvedName:
    """A host name in `match=` whose addresses a file cannot tell; `port` 0 is any."""

    host: str
    port: int
    deny: bool
    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class Acl:
    """Rules of permit/deny/acl options in order; `missing` are named ACLs that do not exist (they deny)."""

    rules: tuple[AddressRule, ...] = ()
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    why_partial: str = ""
    """Why there may be rules that are not known (a running Asterisk does not show all)."""


@dataclass(frozen=True, slots=True)
class LoadedObject:
    """An object that is loaded: `options` are its effective variables by lower-case name, each name's in file order."""

    name: str
    where: Where
    options: Mapping[str, tuple[Variable, ...]] = field(default_factory=lambda: MappingProxyType({}))
    wizard: str = ""
    """The wizard section that made it, or empty."""

    def option(self, name: str) -> Variable | None:
        """The last variable of that option, the one whose value holds, or None."""
        found = self.options.get(name.lower())
        return found[-1] if found else None

    def value(self, name: str, default: str = "") -> str:
        found = self.option(name)
        return found.value if found else default

    def line_of(self, name: str) -> Where:
        """Where that option stands, or where the object begins."""
        found = self.option(name)
        return found.where if found else self.where


@dataclass(frozen=True, slots=True)
class Endpoint(LoadedObject):
    """`type=endpoint` (res_pjsip/pjsip_configuration.c), as far as identification and admission need it."""

    context: str = "default"
    identify_by: tuple[str, ...] = ("username", "ip")
    auth: tuple[str, ...] = ()
    acl: Acl = Acl()
    contact_acl: Acl = Acl()
    aors: tuple[str, ...] = ()
    transport: str = ""
    codecs: tuple[str, ...] = ()
    allow_unauthenticated_options: bool = False


@dataclass(frozen=True, slots=True)
class Identify(LoadedObject):
    """`type=identify` (res_pjsip_endpoint_identifier_ip.c); `rules` in file order, names resolved in place."""

    endpoint: str = ""
    rules: tuple[AddressRule, ...] = ()
    unresolved: tuple[UnresolvedName, ...] = ()
    match_header: str = ""
    match_request_uri: str = ""
    srv_lookups: bool = True


@dataclass(frozen=True, slots=True)
class Global(LoadedObject):
    """`type=global` (res_pjsip/config_global.c); the defaults where there is none."""

    endpoint_identifier_order: str = "ip,username,anonymous"
    disable_multi_domain: bool = False
    ignore_uri_user_options: bool = False
    default_realm: str = "asterisk"


@dataclass(frozen=True, slots=True)
class Transport(LoadedObject):
    """`type=transport` (res_pjsip/config_transport.c): `bind` without brackets, udp, tcp, tls, ws, wss or flow."""

    protocol: str = "udp"
    bind: str = ""
    port: int = 0
    """The protocol's port where `bind` names none."""
    domain: str = ""
    local_net: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainAlias(LoadedObject):
    """`type=domain_alias`: the section's name is the alias, `domain` what it stands for."""

    domain: str = ""


@dataclass(frozen=True, slots=True)
class Auth(LoadedObject):
    """`type=auth`."""

    username: str = ""
    realm: str = ""
    auth_type: str = "userpass"


@dataclass(frozen=True, slots=True)
class Aor(LoadedObject):
    """`type=aor`: its static contact URIs."""

    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration(LoadedObject):
    """`type=registration` (res_pjsip_outbound_registration.c)."""

    server_uri: str = ""
    client_uri: str = ""
    contact_user: str = ""
    endpoint: str = ""
    line: bool = False


@dataclass(frozen=True, slots=True)
class PjsipAcl(LoadedObject):
    """`type=acl` of pjsip.conf (res_pjsip_acl.c): asked before identification, a denied source gets 403."""

    acl: Acl = Acl()
    contact_acl: Acl = Acl()


@dataclass(frozen=True, slots=True)
class Config:
    """Everything one Asterisk release makes of one configuration directory.

    `identifies` stand in the order in which that release asks them (by name, or by hash bucket). `identifiers` are the
    identifier names in the order they are asked, `uncertain_identifiers` those whose order among themselves the files
    cannot tell. `dropped` objects did not load; `warnings` change nothing but are logged; `rejected_files` files were
    refused as a whole. `sockets` are the transports that were opened: also those read before a duplicate name, which
    leaves no transport object. `files` are the files read, main file first.
    """

    version: str
    directory: str
    files: tuple[str, ...] = ()
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    identifies: tuple[Identify, ...] = ()
    globals: Global = Global("", Where("", 0))
    transports: Mapping[str, Transport] = field(default_factory=dict)
    sockets: tuple[Transport, ...] = ()
    domain_aliases: Mapping[str, DomainAlias] = field(default_factory=dict)
    auths: Mapping[str, Auth] = field(default_factory=dict)
    aors: Mapping[str, Aor] = field(default_factory=dict)
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    acls: tuple[PjsipAcl, ...] = ()
    identifiers: tuple[str, ...] = ()
    uncertain_identifiers: tuple[str, ...] = ()
    dropped: tuple[DroppedObject, ...] = ()
    warnings: tuple[Problem, ...] = ()
    rejected_files: tuple[Problem, ...] = ()
    not_shown: frozenset[str] = frozenset()
    """The kinds of facts that a running Asterisk, asked alone, does not show: `acl` (the rules of type=acl), `order`
    (of identifies), `identifiers`, or a type of object that it does not list."""
    aliases_asked: frozenset[str] | None = None
    """The hosts whose domain aliases are known, where only single ones can be asked for."""
    otherwise: tuple[Problem, ...] = ()
    """Objects that the running Asterisk holds otherwise than these files have them."""
    absent_modules: tuple[AbsentModule, ...] = ()
    """The modules that are not loaded, the one for which nothing listens first."""
    unread_objects: tuple[UnreadObjects, ...] = ()
    """The objects that may be loaded and were not read: rows of tables, the output of programs."""
    missing_files: tuple[Problem, ...] = ()
    """The includes that lead nowhere."""
    optional_files: tuple[Problem, ...] = ()
    """The `#tryinclude` lines that lead nowhere, as they may."""
    is_partial: bool = False
    """Whether the files are taken for a copy that lacks the `missing_files` ones: what is there counts as loaded all
    the same."""
    stored_tables: tuple[StoredTable, ...] = ()
    """The tables that were read."""
    dead_databases: tuple[str, ...] = ()
    """Why databases did not answer; Asterisk would find nothing in them either."""
    sections: tuple[Section, ...] = ()
    chan_sip: tuple[Transport, ...] = ()
    """The sockets of the driver before PJSIP, where there is a sip.conf and nothing keeps it from loading."""
    named_acls: Mapping[str, tuple[AddressRule, ...]] = field(default_factory=dict)
    """The access lists of acl.conf that `Acl.names` speaks of, by name."""
    texts: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    """The files as they were read, by name; edits are made in them, and none is read from the disk again."""
    has_acls: bool = True
    """Whether there is an acl.conf among the files."""
    newer: str = ""
    """The release that is not known yet, in whose place `version` is replayed."""
    addresses_of: Callable[[str], Sequence[str] | None] | None = field(default=None, compare=False)
    """The addresses, as text, of a host name in a Contact, from a table of names that was given: DNS is never asked."""
    server_addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host name of a registration's server -> its addresses as text, where they are known; no identifier asks this."""
    not_included: Callable[[], Mapping[str, bytes]] = field(default=dict, compare=False)
    """Reads the files of pjsip.conf's name in the directory that no file includes, when it is asked first."""
    dialplan: Callable[[], Dialplan | None] = field(default=lambda: None, compare=False)
    """Reads extensions.conf, when it is asked first; None where there is none."""

    @property
    def elsewhere(self) -> frozenset[str]:
        """The types of which there may be objects that the files do not show."""
        return frozenset(unread.type for unread in self.unread_objects)

    @property
    def unresolved_hosts(self) -> list[str]:
        """The host names in match= whose addresses are not known."""
        return sorted({name.host for identify in self.identifies for name in identify.unresolved})

    @property
    def listeners(self) -> tuple[Transport, ...]:
        """The transports whose sockets are open."""
        return self.sockets or tuple(self.transports.values())
