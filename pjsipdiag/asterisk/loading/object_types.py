"""Sections become objects of their type, once their options were accepted.

Each builder is a function of the section and its effective options; `identify` has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pjsipdiag.asterisk import config
from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.addresses.sockaddr import parse, parse_bound, split_host_port, text_of, unmap
from pjsipdiag.asterisk.config import Acl, AddressRule
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.loading.acls import NamedLists
from pjsipdiag.asterisk.loading.object_options import AppliedOptions
from pjsipdiag.asterisk.loading.resolve import Resolver, could_resolve
from pjsipdiag.asterisk.loading.values import parse_codecs, parse_identify_by
from pjsipdiag.asterisk.loading.way_out import WaysOut
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Variable
from pjsipdiag.digits import is_number, read_number
from pjsipdiag.sip import default_port

_ACL_OPTIONS = ("permit", "deny", "acl", "contact_permit", "contact_deny", "contact_acl")
_NO_RULES = Acl()
_SOCKETS = {"udp": "datagram", "tcp": "stream", "tls": "stream"}
"""Protocol of a transport -> the kind of socket that PJSIP opens for it."""


def endpoint(section: Section, applied: AppliedOptions, release: Release, acls: NamedLists) -> config.Endpoint:
    options = applied.options
    access, contact_access = _access_lists(section.variables, acls)
    return config.Endpoint(
        name=section.name,
        where=section.where,
        options=options,
        context=_last(options, "context", "default"),
        identify_by=_identify_by(options),
        auth=_names(_last(options, "auth")),
        acl=access,
        contact_acl=contact_access,
        aors=_names(_last(options, "aors")),
        transport=_last(options, "transport"),
        codecs=parse_codecs((v for v in section.variables if v.name.lower() in ("allow", "disallow")), release),
        allow_unauthenticated_options=parse_bool(_last(options, "allow_unauthenticated_options")),
    )


def global_(section: Section, applied: AppliedOptions) -> config.Global:
    options = applied.options
    default = config.Global("", section.where)
    return config.Global(
        name=section.name,
        where=section.where,
        options=options,
        endpoint_identifier_order=_last(options, "endpoint_identifier_order", default.endpoint_identifier_order),
        disable_multi_domain=parse_bool(_last(options, "disable_multi_domain")),
        ignore_uri_user_options=parse_bool(_last(options, "ignore_uri_user_options")),
        default_realm=_last(options, "default_realm", default.default_realm),
    )


def transport(section: Section, applied: AppliedOptions, resolver: Resolver) -> config.Transport | config.Problem:
    """A transport; a name in bind= is its first IPv4 address (pj_sockaddr_parse), and none drops the transport."""
    options = applied.options
    protocol = _last(options, "protocol", "udp").lower()
    host, port = split_host_port(_last(options, "bind"))
    bind = _numeric(host or "0.0.0.0") or (host if ":" in host else _address_of(host, resolver))
    if bind is None:
        given = options["bind"][-1]
        log = f"Error parsing bind={given.value} at line {given.where.line} of "
        return config.Problem(LoadReason.BIND_WITHOUT_IPV4(value=given.value), given.where, log)
    if protocol in ("udp", "tcp", "tls") and _is_mapped(bind):
        given = options["bind"][-1]
        log = f"Transport '{section.name}' could not be started: Invalid argument"
        return config.Problem(LoadReason.BIND_IS_MAPPED(value=given.value), given.where, log)
    return config.Transport(
        name=section.name,
        where=section.where,
        options=options,
        protocol=protocol,
        bind=bind,
        port=read_number(port) if port and is_number(port) and read_number(port) else default_port(protocol),
        domain=_last(options, "domain"),
        local_net=tuple(v.value for v in options.get("local_net", ())),
    )


def clash(one: config.Transport, other: config.Transport) -> bool:
    """Whether two sockets of one kind cannot be open together: the same port of one address, or of all and of one.

    WebSockets are no sockets of PJSIP: they come by the HTTP server, whatever their bind= says.
    """
    kind = _SOCKETS.get(one.protocol)
    if kind is None or kind != _SOCKETS.get(other.protocol):
        return False
    if one.port != other.port or (":" in one.bind) != (":" in other.bind):
        return False
    return one.bind == other.bind or any(bind in ("0.0.0.0", "::") for bind in (one.bind, other.bind))


def _address_of(host: str, resolver: Resolver) -> str | None:
    """The first IPv4 address of a name, the name itself where the names at hand cannot tell, None where it has none."""
    found = resolver.addresses(host) if could_resolve(host) else ()
    return host if found is None else next((address for address in found if ":" not in address), None)


def _numeric(host: str) -> str:
    """An address in the usual form (`5060` is 0.0.19.196, `192.0.2` is 192.0.0.2); empty for a name."""
    found = parse_bound(host) if "%" not in host else None
    return text_of(found.version, found.ip) if found else ""


def _is_mapped(bind: str) -> bool:
    """Whether an address is an IPv4 one as IPv6, which no socket of PJSIP binds: its IPv6 ones are for IPv6 alone."""
    found = parse(f"[{bind}]")
    return found is not None and unmap(found) != found


def domain_alias(section: Section, applied: AppliedOptions) -> config.DomainAlias:
    return config.DomainAlias(section.name, section.where, applied.options, domain=_last(applied.options, "domain"))


def auth(section: Section, applied: AppliedOptions) -> config.Auth:
    options = applied.options
    return config.Auth(
        name=section.name,
        where=section.where,
        options=options,
        username=_last(options, "username"),
        realm=_last(options, "realm"),
        auth_type=_last(options, "auth_type", "userpass"),
    )


def aor(section: Section, applied: AppliedOptions) -> config.Aor:
    contacts = (part.strip() for v in applied.options.get("contact", ()) for part in v.value.split(","))
    return config.Aor(section.name, section.where, applied.options, contacts=tuple(filter(None, contacts)))


def registration(
    section: Section, applied: AppliedOptions, ways: WaysOut | None
) -> config.Registration | config.Problem:
    """A registration; dropped where none of the `ways` out is for it, if they are known."""
    options = applied.options
    made = config.Registration(
        name=section.name,
        where=section.where,
        options=options,
        server_uri=_last(options, "server_uri"),
        client_uri=_last(options, "client_uri"),
        contact_user=_last(options, "contact_user"),
        endpoint=_last(options, "endpoint"),
        line=parse_bool(_last(options, "line")),
    )
    return (ways.missing(made) if ways else None) or made


def acl(section: Section, applied: AppliedOptions, acls: NamedLists) -> config.PjsipAcl:
    access, contact_access = _access_lists(section.variables, acls)
    return config.PjsipAcl(section.name, section.where, applied.options, acl=access, contact_acl=contact_access)


def _last(options: Mapping[str, tuple[Variable, ...]], name: str, default: str = "") -> str:
    found = options.get(name)
    return found[-1].value if found else default


def _names(value: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in value.split(","))))


def _identify_by(options: Mapping[str, tuple[Variable, ...]]) -> tuple[str, ...]:
    found = options.get("identify_by")
    return parse_identify_by(found[-1].value) if found else ("username", "ip")


def _access_lists(variables: Iterable[Variable], acls: NamedLists) -> tuple[Acl, Acl]:
    """The access lists of addresses and of contacts (`ast_append_acl`, main/acl.c).

    The prefix `contact_` counts in small letters only; what does not begin with p or a denies.
    """
    rules: tuple[list[AddressRule], list[AddressRule]] = ([], [])
    names: tuple[list[str], list[str]] = ([], [])
    for variable in variables:
        if variable.name.lower() not in _ACL_OPTIONS or not variable.value:
            continue
        contact = variable.name.startswith("contact_")
        sense = variable.name.removeprefix("contact_")[:1].lower()
        if sense == "a":
            listed = (part.lstrip() for part in variable.value.split(","))
            names[contact].extend(name for name in listed if name not in names[contact])
            continue
        found, _ = parse_rules(variable.value, ports=False, deny=sense != "p", where=variable.where)
        rules[contact].extend(found)
    if not any((*rules, *names)):  # as nearly everywhere
        return _NO_RULES, _NO_RULES
    return acls.access_list(rules[0], names[0]), acls.access_list(rules[1], names[1])
