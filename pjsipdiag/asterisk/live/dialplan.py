"""The dialplan that is loaded: `dialplan show CONTEXT` taken apart, and made what `asterisk.dialplan` looks through.

Asked are the contexts of the endpoints and what they include. Only names and priorities are kept, no application.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.dialplan.contexts import Context, Dialplan, Extension, Include, Switch
from pjsipdiag.asterisk.dialplan.extension import place
from pjsipdiag.asterisk.live.snapshot import Item, LiveAnswers
from pjsipdiag.asterisk.reasons import FileReason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.digits import is_number, read_number

CONTEXTS_ASKED = 500
"""Contexts that are asked for."""
NONE = "There is no existence of"
_FIRST = re.compile(r"^  '(.*?)'(?: \(CID match '(.*?)'\))? => +(?:(\d+)\. |(hint): )")
_NEXT = re.compile(r"^ {4,}(?:\[.*?\] +)?(\d+)\. ")
_MORE = re.compile(r"^  (Include|Alt\. Switch) => +'(.*)' +\[[^\]]*\] *$")
_PICKUP = re.compile(r"^Pickup +(\S+) +(\S+) *$", re.MULTILINE)


def context_item(context: str, text: str) -> Item | None:
    """The context as `dialplan show CONTEXT` prints it (show_dialplan_helper, pbx.c); None where it is no answer."""
    if not text.startswith("[ Context ") and not text.startswith(NONE):
        return None
    return Item("dialplan", context, tuple(dict.fromkeys(_lines(text))))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    if text.startswith(NONE):
        yield "none", "yes"
    name = ""
    for line in text.split("\n"):
        first, more, following = _FIRST.match(line), _MORE.match(line), _NEXT.match(line)
        if first:
            name = first[1] if first[2] is None else f"{first[1]}/{first[2]}"
            yield "exten", f"{name},{first[3] or first[4]}"
        elif more:
            yield ("include" if more[1] == "Include" else "switch"), more[2]
        elif following and name:
            yield "exten", f"{name},{following[1]}"


def pickup(text: str) -> Item | None:
    """pickupexten, of `features show`."""
    found = _PICKUP.search(text)
    return Item("features", "general", (("pickupexten", found[2]),)) if found else None


def entry_contexts(items: Iterable[Item]) -> list[str]:
    """The contexts that calls come into."""
    found = (item.first("context") or "default" for item in items if item.type == "endpoint")
    return list(dict.fromkeys(found))


def contexts(ask: Callable[[str], Item | None], names: list[str]) -> Iterator[Item]:
    """Each of the contexts and those that they include, as far as they can be asked."""
    asked: set[str] = set()
    while names:
        name = names.pop(0)
        if name in asked or len(asked) == CONTEXTS_ASKED or re.search(r"[\s@\"\\]", name):
            continue
        asked.add(name)
        found = ask(name)
        if found is None:
            continue
        yield found
        names += [_include(text)[0] for text in found.all("include")]


def _include(text: str) -> tuple[str, str]:
    """(context, times) of an include."""
    context, _, when = text.replace("|", ",").partition(",")
    return context, when


def dialplan(live: LiveAnswers, version: Release, sections: Iterable[Section]) -> Dialplan | None:
    """The contexts that Asterisk told; None where it was not asked. `sections` have the lines of what was saved."""
    told = {item.name: item for item in live.of("dialplan")}
    if not told:
        return None
    places = {s.name: s.where for s in sections if (kind := s.first("type")) and kind.value == "dialplan"}
    features = next(live.of("features"), None)
    made = {
        name: _context(item, places.get(name, Where(live.file, 0, name)), told)
        for name, item in told.items()
        if not item.first("none")
    }
    for item in live.of("endpoint"):
        name = item.first("context") or "default"
        if name not in told:
            made[name] = Context(
                name, Where(live.file, 0, name), open_lines=(_not_told(name, Where(live.file, 0, name)),)
            )
    return Dialplan(
        contexts=made,
        pickup=features.first("pickupexten") if features else "*8",
        by_caller=version.has("caller_in_extension"),
        empty_is_s=version.has("empty_user_is_s"),
    )


def _not_told(name: str, where: Where) -> Problem:
    return Problem(FileReason.CONTEXT_NOT_TOLD(context=name), where)


def _context(item: Item, where: Where, told: dict[str, Item]) -> Context:
    priorities: dict[str, list[int]] = {}
    for text in item.all("exten"):
        name, _, priority = text.rpartition(",")
        priorities.setdefault(name, []).append(read_number(priority) if is_number(priority) else -1)
    extensions = []
    for text, numbers in priorities.items():
        name, slash, caller = text.partition("/")
        extensions.append(Extension(name, caller if slash else None, tuple(numbers), where))
    extensions.sort(key=lambda one: (place(one.name), one.caller is None, place(one.caller or "")))
    includes = tuple(Include(*_include(text), where) for text in item.all("include"))
    return Context(
        item.name, where, tuple(extensions), includes,
        tuple(Switch(f"switch => {text}", where) for text in item.all("switch")),
        tuple(_not_told(include.context, where) for include in includes if include.context not in told),
    )  # fmt: skip
