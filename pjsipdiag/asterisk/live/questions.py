"""The questions that together tell what a running Asterisk holds, asked of its command line interface.

All of them only show. No question has a password in its answer but those that show a registration's or an endpoint's
options, of which only what `snapshot.OPTIONS` names is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pjsipdiag.asterisk.live import cli_answers, dialplan
from pjsipdiag.asterisk.live.snapshot import HIDDEN_ACL, Item, LiveAnswers, LiveError, WantedNames, item

Ask = Callable[[str], str]
"""A question of the command line interface -> its answer.

:raises LiveError: no answer.
"""
QUESTIONS_AT_ONCE = 8
"""Questions that are asked at the same time."""
FUNCTION = "func_sorcery"
"""The module of AST_SORCERY, which tells fields of objects; without it that fails as for objects that are not there."""
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,255}")
HOSTS_ASKED = 500
"""Hosts of a capture that are asked for."""


GAPS = {
    "identifiers": "which identifiers are asked, and in which order",
    "identify": "identifies whose names are not known, as those that point at no endpoint",
    "endpoint": "the endpoints",
    "transport": "transports whose names are not known",
    "registration": "registrations whose names are not known",
    "global": "the global settings",
    "named_acl": "the rules of acl.conf",
    "auth": "which auth objects exist",
}
"""Kind of fact -> the words for it, where another interface than this one leaves it out."""


def ask_all(ask: Ask, origin: str, wanted: WantedNames, names: tuple[str, ...] = ()) -> LiveAnswers:
    """Everything; `names` are those of endpoints where they are known, which a list cuts.

    :raises LiveError: it does not answer, or is no Asterisk.
    """
    version = cli_answers.version(ask("core show version"))
    if not version:
        raise LiveError(f"{origin} does not answer as Asterisk does: 'core show version' names no release")
    modules = tuple(cli_answers.modules(_ask_list(ask, "module show like res_pjsip")))
    unknown: list[str] = []
    identifiers: tuple[str, ...] | None = ()
    items: list[Item] = []
    if "res_pjsip" in modules:
        identifiers = cli_answers.identifiers(ask("pjsip show identifiers")) or None
        items.append(item("global", "global", cli_answers.rows(ask("pjsip show settings"))))
        with ThreadPoolExecutor(QUESTIONS_AT_ONCE) as pool:
            items += _objects(ask, pool.map, unknown, names, wanted.names.get("endpoint", ()))
            if FUNCTION in cli_answers.modules(_ask_list(ask, f"module show like {FUNCTION}")):
                items += _aliases(ask, pool.map, wanted)
            elif wanted.hosts:
                unknown.append(f"aliases of domains could not be asked for: {FUNCTION} does not run")
        items += _dialplan(ask, items) if wanted.dialplan else ()
    return LiveAnswers(origin, version, identifiers, modules, tuple(items), tuple(unknown))


def _ask_list(ask: Ask, question: str) -> str:
    """:raises LiveError: the answer came in part: what is missing is not to be taken for what is not there."""
    answer = ask(question)
    if cli_answers.ends_early(answer):
        raise LiveError(f"'{question}': the answer was cut off on its way: see what the command prints by itself")
    return answer


Map = Callable[[Callable[[str], list[Item]], list[str]], Iterable[list[Item]]]
"""map() of several threads."""


def _objects(
    ask: Ask, each: Map, unknown: list[str], endpoints: tuple[str, ...], known: tuple[str, ...]
) -> Iterator[Item]:
    listed = cli_answers.identifies(_ask_list(ask, "pjsip show identifies"))
    for found in each(partial(_identify, ask), listed):
        yield from found
    names = [text.rpartition("/")[2] for text in listed]
    names += known
    shown = Counter(list(endpoints) or cli_answers.endpoints(_ask_list(ask, "pjsip show endpoints")))
    lists = cli_answers.acls(ask("acl show"))
    unlisted: dict[str, None] = {}
    for text, found in zip(shown, each(partial(_endpoint, ask, names), list(shown)), strict=True):
        yield from found
        of_rules = (name for one in found if one.type == "endpoint_acl" for _, name in one.values)
        unlisted.update(dict.fromkeys(name for name in of_rules if name not in (*lists, HIDDEN_ACL, "")))
        if sum(one.type == "endpoint" for one in found) < shown[text]:
            unknown.append(f"the endpoint that is listed as '{text}' could not be asked for: its name is cut there")
    for kind, options in (("transport", cli_answers.transports), ("registration", cli_answers.registrations)):
        for found in each(partial(_ask_named, ask, kind), options(_ask_list(ask, f"pjsip show {kind}s"))):
            yield from found
    for found in each(partial(_acl, ask), lists):
        yield from found
    for found in each(partial(_unlisted_acl, ask), list(unlisted)):
        yield from found


def quote(name: str) -> str:
    """A name as one word of the command line interface (main/cli.c, parse_args): in quotes where it has blanks."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' if re.search(r'[\s"\\;]', name) else name


def _identify(ask: Ask, listed: str) -> list[Item]:
    """One identify of the list, which shows NAME/ENDPOINT: where both may hold a slash, the table tells them apart."""
    parts = listed.split("/")
    for at in range(len(parts) - 1, 0, -1):
        name, endpoint = "/".join(parts[:at]), "/".join(parts[at:])
        rows = dict(found := list(cli_answers.rows(ask(f"pjsip show identify {quote(name)}"))))
        if rows and rows.get("endpoint", endpoint) == endpoint:
            made = [("@pjsip_wizard", rows["@pjsip_wizard"])] if rows.get("@pjsip_wizard") else []
            return [Item("identify", name, (*item("identify", name, found).values, *made))]
    return []


def _endpoint(ask: Ask, known: list[str], listed: str) -> list[Item]:
    """The endpoint behind a name of the list, with its auths and the order of its identifies."""
    # The list shows NAME or NAME/NUMBER, and a name may hold slashes: the longest is tried first. One that fills the
    # column may be cut, and so may others: the names that the identifies point to, and that the files have, may have
    # its end.
    parts = listed.split("/")
    names = ["/".join(parts[:at]) for at in range(len(parts), 0, -1)]
    is_cut = cli_answers.is_cut(listed)
    cut = [name for name in dict.fromkeys(known) if cli_answers.begins(name, listed)] if is_cut else []
    items = [one for name in cut for one in _endpoint_named(ask, name)]
    return items or next(filter(None, (_endpoint_named(ask, name) for name in names)), [])


def _endpoint_named(ask: Ask, name: str) -> list[Item]:
    answer = ask(f"pjsip show endpoint {quote(name)}")
    rows = list(cli_answers.rows(answer))
    if not rows:
        return []
    order = [text.removesuffix(f"/{name}") for text in cli_answers.identifies(answer)]
    return [
        item("endpoint", name, rows),
        item("endpoint_acl", name, rows),
        *(Item("auth_name", auth) for auth in cli_answers.auths(answer)),
        *([Item("asked_first", name, tuple(("identify", one) for one in order))] if order[1:] else []),
    ]


def _ask_named(ask: Ask, kind: str, name: str) -> list[Item]:
    return [item(kind, name, cli_answers.rows(ask(f"pjsip show {kind} {quote(name)}")))]


def _acl(ask: Ask, name: str) -> list[Item]:
    return [Item("named_acl", name, tuple(cli_answers.rules(ask(f"acl show {quote(name)}"))))]


def _unlisted_acl(ask: Ask, name: str) -> list[Item]:
    """A list that an endpoint names and `acl show` does not: one of a table, if there is any."""
    return [found for found in _acl(ask, name) if found.values]


def hosts_to_ask(wanted: WantedNames) -> list[str]:
    """Aliases of domains have no list; only names that cannot be anything else are asked for."""
    return [host for host in dict.fromkeys(wanted.hosts) if _HOST.fullmatch(host)][:HOSTS_ASKED]


def _aliases(ask: Ask, each: Map, wanted: WantedNames) -> Iterator[Item]:
    for found in each(partial(_alias, ask), hosts_to_ask(wanted)):
        yield from found


def _dialplan(ask: Ask, items: list[Item]) -> Iterator[Item]:
    def context(name: str) -> Item | None:
        return dialplan.context_item(name, ask(f"dialplan show {name}"))

    yield from dialplan.contexts(context, dialplan.entry_contexts(items))
    found = dialplan.pickup(ask("features show"))
    if found:
        yield found


def _alias(ask: Ask, host: str) -> list[Item]:
    domain = cli_answers.evaluation(ask(f"dialplan eval function AST_SORCERY(res_pjsip,domain_alias,{host},domain)"))
    if domain is None:
        return []
    asked = Item("alias_asked", host)
    return [Item("domain_alias", host, (("domain", domain),)), asked] if domain else [asked]
