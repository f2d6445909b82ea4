"""LiveAnswers from the manager interface: by its action `Command` where the user may, else by what the others tell.

With the privilege `system` those are the endpoints, each with its identifies; with `reporting` also single fields of
objects whose names are known, and the dialplan. What neither tells is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pjsipdiag.asterisk.live import dialplan, questions
from pjsipdiag.asterisk.live.ami import Ami, Message
from pjsipdiag.asterisk.live.snapshot import OPTIONS, Item, LiveAnswers, LiveError, WantedNames
from pjsipdiag.asterisk.loading.sources import modules

_MODULES = ("res_pjsip", *modules.IDENTIFIERS_OF, *modules.OTHERS, questions.FUNCTION)
_PLAIN = re.compile(r"[^,()\\\"\r\n]{1,200}")
"""A name that can stand in the arguments of a function."""
_HELD = "not told without the AMI privilege command, which `asterisk -rx` does not need: "


def ask_manager(ami: Ami, wanted: WantedNames) -> LiveAnswers:
    """Everything that this user may see.

    :raises LiveError: that is nothing, or no answer came.
    """
    # ListCommands names the actions that this user may ask for, and no others: what is not among them is not tried.
    granted = ami.granted_actions()
    if "Command" in granted:
        names = _endpoint_names(ami) if "PJSIPShowEndpoints" in granted else ()
        return questions.ask_all(ami.command, str(ami.place), wanted, names)
    if "CoreSettings" not in granted:
        raise LiveError(
            f"{ami.place}: {ami.place.user} may ask nothing that serves: write=system,reporting in manager.conf does"
        )
    version = ami.ask("CoreSettings")[0].first("AsteriskVersion")
    running = _modules(ami) if "ModuleCheck" in granted else None
    items = list(_objects(ami, granted)) if "PJSIPShowEndpoint" in granted and running != () else []
    untold = ["identifiers", "identify", "transport", "registration", "named_acl"]
    untold += [] if items or "PJSIPShowEndpoint" in granted else ["endpoint"]
    if "Getvar" in granted and (running is None or questions.FUNCTION in running):
        items += _by_name(ami, wanted, items)
    if not any(item.type == "global" for item in items):
        untold.append("global")
    if wanted.dialplan and "ShowDialPlan" in granted:
        items += dialplan.contexts(_dialplan(ami), dialplan.entry_contexts(items))
    unknown = _HELD + ", ".join(questions.GAPS[kind] for kind in untold)
    return LiveAnswers(str(ami.place), version, None, running, tuple(items), (unknown,), tuple(untold))


def _endpoint_names(ami: Ami) -> tuple[str, ...]:
    return tuple(
        event.first("ObjectName")
        for event in ami.ask("PJSIPShowEndpoints")
        if event.first("Event") == "EndpointList" and event.first("ObjectName")
    )


def _modules(ami: Ami) -> tuple[str, ...]:
    return tuple(m for m in _MODULES if ami.ask("ModuleCheck", Module=m)[0].first("Response") == "Success")


def _objects(ami: Ami, granted: frozenset[str]) -> Iterator[Item]:
    names = _endpoint_names(ami) if "PJSIPShowEndpoints" in granted else ()
    for name in names:
        events = ami.ask("PJSIPShowEndpoint", Endpoint=name)
        asked: list[tuple[str, str]] = []
        for event in events:
            found = event.first("ObjectName")
            match event.first("Event"):
                case "EndpointDetail":
                    yield _item("endpoint", found, event)
                    yield _item("endpoint_acl", found, event)
                case "IdentifyDetail":
                    yield _item("identify", found, event)
                    asked.append(("identify", found))
                case "AuthDetail":  # what else it holds is secret
                    yield Item("auth_name", found)
        if asked[1:]:
            yield Item("asked_first", name, tuple(asked))


def _item(kind: str, name: str, event: Message) -> Item:
    keys = {"".join(map(str.capitalize, option.split("_"))): option for option in OPTIONS[kind]}
    return Item(kind, name, tuple((keys[key], value) for key, value in event.lines if key in keys))


def _by_name(ami: Ami, wanted: WantedNames, known: list[Item]) -> Iterator[Item]:
    """Single objects, each field by a function of the dialplan."""

    def told(kind: str, name: str, option: str) -> str:
        return ami.ask("Getvar", Variable=f"AST_SORCERY(res_pjsip,{kind},{name},{option})")[0].first("Value")

    def objects(kind: str, names: tuple[str, ...], sign: str) -> Iterator[Item]:
        have = {item.name for item in known if item.type == kind}
        asked = [name for name in dict.fromkeys(names) if name not in have and _PLAIN.fullmatch(name)]
        yield Item("asked", "asked", tuple((kind, name) for name in asked))
        for name in asked:
            if told(kind, name, sign):
                yield Item(kind, name, tuple((option, told(kind, name, option)) for option in OPTIONS[kind]))

    yield from objects("global", ("global", *wanted.names.get("global", ())), "endpoint_identifier_order")
    yield from objects("identify", wanted.names.get("identify", ()), "endpoint")
    yield from objects("transport", wanted.names.get("transport", ()), "protocol")
    yield from objects("registration", wanted.names.get("registration", ()), "server_uri")
    for host in questions.hosts_to_ask(wanted):
        domain = told("domain_alias", host, "domain")
        yield Item("alias_asked", host)
        if domain:
            yield Item("domain_alias", host, (("domain", domain),))


def _dialplan(ami: Ami) -> Callable[[str], Item | None]:
    def ask(context: str) -> Item | None:
        response, *events = ami.ask("ShowDialPlan", Context=context)
        if response.first("Response") != "Success":
            return None
        return Item("dialplan", context, tuple(dict.fromkeys(_lines(context, events))))

    return ask


def _lines(context: str, events: list[Message]) -> Iterator[tuple[str, str]]:
    for event in events:
        if event.first("Context") != context:
            continue
        if event.first("Extension"):
            yield "exten", f"{event.first('Extension')},{event.first('Priority')}"
        elif event.first("IncludeContext"):
            yield "include", event.first("IncludeContext")
        elif event.first("Switch"):
            yield "switch", event.first("Switch")
