"""The answers of a running Asterisk: frozen data, no secret in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError

OPTIONS = {
    "identify": ("endpoint", "match", "match_header", "match_request_uri", "srv_lookups"),
    "endpoint": ("identify_by", "auth", "aors", "context", "transport", "allow_unauthenticated_options"),
    "transport": ("protocol", "bind", "domain", "local_net"),
    "registration": ("server_uri", "client_uri", "contact_user", "endpoint", "line"),
    "global": ("endpoint_identifier_order", "disable_multi_domain", "ignore_uri_user_options", "default_realm"),
    "endpoint_acl": ("acl", "contact_acl"),
}
"""Type of object -> the options that are kept; nothing else is, so that no password is."""

RUNNING_FILE = "running-asterisk"
"""The name in place of a file's where nothing was saved."""

HIDDEN_ACL = "deny/permit"
"""The text that every interface shows in place of an endpoint's own rules (res_pjsip/pjsip_configuration.c,
acl_to_str)."""


class LiveError(PjsipdiagError):
    """A running Asterisk cannot be asked, or does not answer."""


@dataclass(frozen=True, slots=True)
class WantedNames:
    """Questions beside those for lists: the domain aliases of `hosts`, which callers name; the `dialplan`, where there
    are calls; and, where objects cannot be listed, those whose `names` the files have, by their type."""

    hosts: tuple[str, ...] = ()
    dialplan: bool = False
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One object as it is loaded. Beside the types of pjsip.conf there are `endpoint_acl` (the access lists of an
    endpoint, as far as they are shown), `named_acl`, `auth_name`, `asked_first` (identifies of an endpoint in order),
    `alias_asked`, `asked` (type and name of what was asked for by name), `dialplan` (a context) and
    `features`."""

    type: str
    name: str
    values: tuple[tuple[str, str], ...] = ()

    def all(self, option: str) -> tuple[str, ...]:
        return tuple(value for name, value in self.values if name == option)

    def first(self, option: str, default: str = "") -> str:
        return next(iter(self.all(option)), default)


def item(kind: str, name: str, rows: Iterable[tuple[str, str]]) -> Item:
    """An object with those of its options that are kept."""
    return Item(kind, name, tuple((option, value) for option, value in rows if option in OPTIONS[kind]))


@dataclass(frozen=True, slots=True)
class LiveAnswers:
    """Everything that was told. `origin` says by whom, `identifiers` are in the order in force (None: not told),
    `modules` those that run (None: not told), `unknown` sentences about what could not be asked."""

    origin: str
    version: str
    identifiers: tuple[str, ...] | None = None
    modules: tuple[str, ...] | None = None
    items: tuple[Item, ...] = ()
    unknown: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    """`identifiers` where they could not be listed, and the types of which there may be more objects."""
    file: str = RUNNING_FILE
    """The file that holds all this, where it was saved: its lines can be named."""

    def of(self, kind: str) -> Iterator[Item]:
        return (item for item in self.items if item.type == kind)
