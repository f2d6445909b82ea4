"""LiveAnswers as text in the form of Asterisk's files, and back: what --save-live writes and --live FILE reads.

The objects stand in it as pjsip.conf would have them, so that a line of it can be named, and it can be redacted as a
configuration can. `[asterisk]` of `type=live` has the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pjsipdiag.asterisk.files.conf import parse
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.live.snapshot import RUNNING_FILE, Item, LiveAnswers, LiveError
from pjsipdiag.asterisk.releases import NEWEST, release
from pjsipdiag.asterisk.section import Section
from pjsipdiag.errors import shown_name
from pjsipdiag.inputs import read_whole

_PROGRAMS = "#!", "\x7fELF"
FIRST_LINE = "; what a running Asterisk told pjsipdiag; it holds no passwords"


def to_text(live: LiveAnswers) -> str:
    return "\n".join(_lines(live)) + "\n"


def _lines(live: LiveAnswers) -> Iterator[str]:
    yield FIRST_LINE
    for item in live.items:
        yield from (f"[{_escape(item.name)}]", f"type = {item.type}")
        yield from (*(f"{name} = {_escape(value)}" for name, value in item.values), "")
    yield from ("[asterisk]", "type = live")
    yield f"origin = {_escape(live.origin)}"
    for name in ("identifiers", "modules"):
        told = getattr(live, name)
        if told is not None:
            yield f"{name} = {','.join(told)}"
    yield from (f"unknown = {_escape(text)}" for text in live.unknown)
    yield from (f"untold = {kind}" for kind in live.untold)
    yield f"version = {_escape(live.version)}"  # last, so that a file that is cut off has none


def _escape(value: str) -> str:
    return value.replace("\\;", ";").replace(";", "\\;")


def read(path: str) -> LiveAnswers:
    """:raises LiveError: the file cannot be read, or holds no answers."""
    try:
        text = read_whole(path).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise LiveError(f"cannot read {shown_name(path)}: {error.strerror}") from error
    return replace(from_text(text, shown_name(path)), file=file_name(path))


def file_name(path: str) -> str:
    """The name of a saved file as its lines are named; one that is a pattern to Asterisk is left out."""
    name = Path(path).name
    return name if re.fullmatch(r"[\w. -]+", name) else RUNNING_FILE


def from_text(text: str, name: str) -> LiveAnswers:
    """:raises LiveError: the text holds no answers."""
    parsed = parse("live", Files(None, {"live": text}), release(NEWEST))
    # The version is the last line that is written: a file without it is cut off, and is told from one of another kind.
    head = next((s for s in parsed.sections if _type(s) == "live"), None)
    version = head.first("version") if head else None
    if head is None or version is None or not version.value:
        if text.startswith(FIRST_LINE):
            raise LiveError(f"{name} is cut off: the answers of a running Asterisk end with its version")
        if text.startswith(_PROGRAMS):
            raise LiveError(f"{name} is a program, and alone it is read as a file: --live 'env {name}' runs it")
        raise LiveError(f"{name} holds no answers of a running Asterisk: give a file of --save-live, or a command")
    origin = found.value if (found := head.first("origin")) else ""
    lists = {
        one: tuple(filter(None, found.value.split(","))) if (found := head.first(one)) else None
        for one in ("identifiers", "modules")
    }
    items = tuple(
        Item(_type(s), s.name, tuple((v.name, v.value) for v in s.variables if v.name.lower() != "type"))
        for s in parsed.sections
        if s is not head
    )
    unknown, untold = (tuple(v.value for v in head.variables if v.name == name) for name in ("unknown", "untold"))
    return LiveAnswers(origin, version.value, lists["identifiers"], lists["modules"], items, unknown, untold)


def _type(section: Section) -> str:
    found = section.first("type")
    return found.value if found else ""
