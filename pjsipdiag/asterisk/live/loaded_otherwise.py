"""Objects that are loaded otherwise than written: those of the files held against those of the running Asterisk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pjsipdiag.asterisk.addresses.address_rule import canonical, short_text
from pjsipdiag.asterisk.config import (
    AddressRule,
    Config,
    Endpoint,
    Global,
    Identify,
    LoadedObject,
    Problem,
    Registration,
    Transport,
)
from pjsipdiag.asterisk.live.snapshot import LiveAnswers
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.section import Where

NO_LINE = Where("", 0)
"""The line of an object that no file at hand has."""

_T = TypeVar("_T", bound=LoadedObject)
Values = dict[str, str]
"""Option -> value, as it can be told from both sides."""
_MOST = 200
"""Characters of a value that are shown."""


def loaded_otherwise(files: Config, running: Config, live: LiveAnswers) -> Iterator[Problem]:
    """One problem for each object that differs, with its line in the files where it has one; `running` is what `live`
    comes to. What was not told differs in nothing."""
    asked = {pair for item in live.of("asked") for pair in item.values}

    def absent(kind: str, name: str) -> bool:
        return kind not in live.untold or (kind, name) in asked

    identifies = _by_name(files)
    as_written = {name: _as_written(identifies.get(name), one) for name, one in _by_name(running).items()}
    yield from _objects("identify", identifies, as_written, files, _identify, absent)
    yield from _objects("endpoint", files.endpoints, running.endpoints, files, _endpoint, absent)
    yield from _objects("transport", files.transports, running.transports, files, _transport, absent)
    yield from _objects("registration", files.registrations, running.registrations, files, _registration, absent)
    if "global" not in live.untold:
        yield from _differences("global", files.globals, _global(files.globals), _global(running.globals))
    yield from _named_acls(files, running)
    if live.identifiers is None:
        return
    same_order = files.globals.endpoint_identifier_order == running.globals.endpoint_identifier_order
    if (
        same_order
        and files.identifiers != running.identifiers
        and not files.uncertain_identifiers
        and running.identifiers
    ):
        where = files.globals.line_of("endpoint_identifier_order")
        written, loaded = ",".join(files.identifiers), ",".join(running.identifiers)
        yield Problem(LoadReason.OTHER_ORDER(loaded=loaded, written=written), where)


def _named_acls(files: Config, running: Config) -> Iterator[Problem]:
    for name, rules in running.named_acls.items():
        written = files.named_acls.get(name)
        if written is None and "named_acl" in files.elsewhere:
            continue
        ours, theirs = (list(map(short_text, one or ())) for one in (written, rules))
        if files.has_acls and ours != theirs:
            where = _first_other(written or (), theirs) or NO_LINE
            only = {"loaded": _apart(theirs, ours), "written": _apart(ours, theirs)}
            yield Problem(LoadReason.OTHER_ACL(name=name, **only), where)


def _apart(these: Sequence[str], others: Sequence[str]) -> str:
    """The members of one list that the other lacks, and how many both have; all of it where only the order differs."""
    there = set(others)
    alone = [one for one in these if one not in there]
    same = len(these) - len(alone)
    if not alone and set(these) == there:
        return _shorten(",".join(these))
    return f"{_shorten(','.join(alone)) or 'none'}{f' beside {same} that both have' if same else ''}"


def _first_other(written: Iterable[AddressRule], loaded: Sequence[str]) -> Where | None:
    """The line of the first rule that is not loaded; else that of the first."""
    rules, there = list(written), set(loaded)
    return next((rule.where for rule in rules if short_text(rule) not in there), rules[0].where if rules else None)


def _by_name(config: Config) -> dict[str, Identify]:
    return {identify.name: identify for identify in config.identifies if identify.name}


def _as_written(written: Identify | None, loaded: Identify) -> Identify:
    """The addresses of a name stand in the order in which they were resolved, which is no difference."""
    if written is None or not any(rule.host for rule in written.rules):
        return loaded
    same = sorted(map(canonical, written.rules)) == sorted(map(canonical, loaded.rules))
    return replace(loaded, rules=written.rules) if same else loaded


def _objects(  # noqa: PLR0917  (both sides, and what is to be known of them)
    kind: str,
    written: Mapping[str, _T],
    loaded: Mapping[str, _T],
    files: Config,
    values: Callable[[_T], Values],
    absent: Callable[[str, str], bool],
) -> Iterator[Problem]:
    dropped = {one.name for one in files.dropped if one.type == kind}
    for name, item in written.items():
        if name not in loaded:
            if absent(kind, name):
                yield Problem(LoadReason.NOT_RELOADED(type=kind, name=name, where=item.where), item.where)
        else:
            ours, theirs = values(item), values(loaded[name])
            yield from _differences(f"{kind} '{name}'", item, ours, theirs)
    for name, item in loaded.items():
        if name in written or kind in files.elsewhere:
            continue
        where = next((one.section_where for one in files.dropped if one.type == kind and one.name == name), None)
        why = "what stands there now does not load, and the older one is kept" if name in dropped else _GONE
        yield Problem(
            LoadReason.LOADED_OTHERWISE(type=kind, name=name, values=_values_text(values(item)), why=why),
            where or NO_LINE,
        )


_GONE = "these files do not have it: it was taken out and not reloaded, or comes from another file"


def _differences(what: str, item: LoadedObject, written: Values, loaded: Values) -> Iterator[Problem]:
    for name, value in written.items():
        theirs = loaded.get(name, value)
        if theirs != value:
            where = item.line_of(name)
            only = {"loaded": _shorten(theirs), "written": _shorten(value)}
            if isinstance(item, Identify) and name == "match":
                ours, held = value.split(","), theirs.split(",")
                where = _first_other(item.rules, held) or where
                only = {"loaded": _apart(held, ours), "written": _apart(ours, held)}
            yield Problem(LoadReason.OTHER_VALUE(what=what, option=name, where=where, **only), where)
            return


def _values_text(values: Values) -> str:
    return ", ".join(f"{name}={_shorten(value)}" for name, value in values.items() if value)


def _shorten(value: str) -> str:
    return value if len(value) <= _MOST else value[:_MOST] + "..."


def _identify(item: Identify) -> Values:
    values = {"endpoint": item.endpoint, "match_header": item.match_header, "match_request_uri": item.match_request_uri}
    # A name whose addresses nobody told here can be any address there.
    return values if item.unresolved else {"match": ",".join(map(short_text, item.rules)), **values}


def _endpoint(item: Endpoint) -> Values:
    return {
        "context": item.context,
        "identify_by": ",".join(item.identify_by),
        "auth": ",".join(item.auth),
        "aors": ",".join(item.aors),
        "transport": item.transport,
        "allow_unauthenticated_options": _yes(item.allow_unauthenticated_options),
        "acl": "yes" if item.acl.why_partial or item.acl.rules or item.acl.names else "",
        "contact_acl": "yes"
        if item.contact_acl.why_partial or item.contact_acl.rules or item.contact_acl.names
        else "",
    }


def _transport(item: Transport) -> Values:
    bind = f"[{item.bind}]:{item.port}" if ":" in item.bind else f"{item.bind}:{item.port}"
    return {"protocol": item.protocol, "bind": bind, "domain": item.domain}


def _registration(item: Registration) -> Values:
    return {
        "server_uri": item.server_uri,
        "client_uri": item.client_uri,
        "endpoint": item.endpoint,
        "line": _yes(item.line),
    }


def _global(item: Global) -> Values:
    return {
        "endpoint_identifier_order": item.endpoint_identifier_order,
        "disable_multi_domain": _yes(item.disable_multi_domain),
        "ignore_uri_user_options": _yes(item.ignore_uri_user_options),
        "default_realm": item.default_realm,
    }


def _yes(value: bool) -> str:
    return "yes" if value else "no"
