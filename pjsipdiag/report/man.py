"""The manual page pjsipdiag(1), made from the help texts of the command line.

It takes click's objects as they are and imports nothing of click: what a command is called, says and takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pjsipdiag import __version__

EXAMPLES = (
    ("Which sources are not matched, and which lines fix it:", "pjsipdiag diagnose capture.pcap -c /etc/asterisk"),
    (
        "The same while it happens:",
        "tcpdump -U -i any -w - 'port 5060' | pjsipdiag diagnose - --follow -c /etc/asterisk",
    ),
    ("A page to look at or to mail:", "pjsipdiag diagnose capture.pcap -c /etc/asterisk -o report.html"),
    (
        "The change as a patch:",
        "pjsipdiag suggest capture.pcap -c /etc/asterisk --diff | patch -p1 -d /etc/asterisk",
    ),
    (
        "Something to post in a forum:",
        "pjsipdiag redact capture.pcap -c /etc/asterisk -o redacted",
    ),
)


def page(group: Any) -> str:
    """The page in roff (man macros); `group` is the click group with all commands."""
    return "".join(f"{line}\n" for line in _lines(group))


def _lines(group: Any) -> Iterator[str]:
    first, *rest = _paragraphs(group.help)
    yield f'.TH PJSIPDIAG 1 "" "pjsipdiag {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "pjsipdiag \\- " + _text("say why Asterisk's PJSIP did not match an inbound call, and which lines fix it")
    yield ".SH SYNOPSIS"
    context = group.make_context("pjsipdiag", [], resilient_parsing=True)
    for name, command in group.commands.items():
        yield f".B pjsipdiag {_text(name)}"
        yield _text(" ".join(command.collect_usage_pieces(_context(command, name, context))))
        yield ".br"
    yield ".SH DESCRIPTION"
    yield _text(first)
    exits = [paragraph for paragraph in rest if paragraph.startswith("Exit status:")]
    for paragraph in (paragraph for paragraph in rest if paragraph not in exits):
        yield ".PP"
        yield _text(paragraph)
    yield ".SH COMMANDS"
    for name, command in group.commands.items():
        yield from _command(name, command, context)
    yield ".SH EXIT STATUS"
    yield from (_text(paragraph.removeprefix("Exit status:").strip()) for paragraph in exits)
    yield ".SH ENVIRONMENT"
    yield from (".TP", ".B NO_COLOR", "When it is set, the report has no colours.")
    yield from (".TP", ".B FORCE_COLOR", "When it is set, the report has colours in a pipe, too.")
    yield from (".TP", ".B COLUMNS", "The width of the report; without it that of the terminal, and 80 in a pipe.")
    yield ".SH EXAMPLES"
    for said, line in EXAMPLES:
        yield from (".PP", _text(said), ".PP", ".nf", ".RS", _text(line), ".RE", ".fi")
    yield ".SH SEE ALSO"
    yield ".BR asterisk (8),"
    yield ".BR tcpdump (8),"
    yield ".BR sngrep (8)"


def _command(name: str, command: Any, parent: Any) -> Iterator[str]:
    context = _context(command, name, parent)
    yield f".SS {_text(' '.join([name, *command.collect_usage_pieces(context)]))}"
    for at, paragraph in enumerate(_paragraphs(command.help)):
        yield from ([".PP"] if at else [])
        yield _text(paragraph)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            yield ".TP"
            yield f".B {_text(record[0])}"
            yield _text(record[1])


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.make_context(name, [], parent=parent, resilient_parsing=True)


def _paragraphs(text: str | None) -> list[str]:
    whole = (text or "").partition("\f")[0].replace("\b", "")
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", whole))
    return [paragraph for paragraph in paragraphs if paragraph]


def _text(text: str) -> str:
    """`text` as roff shows it literally."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").strip()
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown
