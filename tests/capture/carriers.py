"""What collectors, viewers, mailers and people make of one and the same log: each row of CARRIERS is one of them."""

from __future__ import annotations

import html
import io
import json
import quopri
import re
import struct
import textwrap
from collections.abc import Callable
from functools import partial

from pjsipdiag.capture import read_stream
from pjsipdiag.capture.datagram import Datagram, Tally

Carry = Callable[[bytes], bytes]
TIME = "2026-11-23T09:10:56.123456789Z"


def read(raw: bytes) -> tuple[list[Datagram], Tally]:
    """The messages of a log, and the counts."""
    tally = Tally("log")
    return list(read_stream(io.BytesIO(raw), tally)), tally


def lines_of(raw: bytes) -> list[str]:
    """The lines of a log as a terminal shows them."""
    return raw.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")


def each(make: Callable[[int, str], str]) -> Carry:
    """Every line with something around it; `make` gets its number and the line."""
    return lambda raw: "".join(make(number, line) + "\n" for number, line in enumerate(lines_of(raw), 1)).encode()


def entries(raw: bytes) -> list[tuple[str, str]]:
    """(head without date, text) of what Asterisk wrote, one after the other."""
    found = re.split(r"(?m)^\[[^\]]*\] ([A-Z]+\[\d+\](?:\[C-\d+\])? )", raw.decode())[1:]
    return list(zip(found[::2], found[1::2], strict=True))


def multi_line(raw: bytes, indent: str = "") -> bytes:
    """A daemon that keeps an entry whole: only its first line has date, host and program."""
    out = []
    for head, text in entries(raw):
        first, *more = text.removesuffix("\n").replace("\r", "").split("\n")
        out.append(f"Nov 23 09:10:56 pbx asterisk[12]: {head}{first}\n")
        out += [f"{indent}{line}\n" for line in more]
    return "".join(out).encode()


SUPERVISED = b"2026-11-23 09:10:56,123 DEBG 'asterisk' stdout output:\n"


def supervised(pieces: list[bytes]) -> bytes:
    """supervisord's own log of a program: it ends each piece of output with a line end."""
    return b"".join(SUPERVISED + piece + b"\n" for piece in pieces)


def of_entries(make: Callable[[str], str]) -> Carry:
    return lambda raw: "".join(make(head + text.removesuffix("\n")) + "\n" for head, text in entries(raw)).encode()


def cut_hard(raw: bytes, width: int, first: str = "", more: str = "") -> bytes:
    out = []
    for line in lines_of(raw):
        pieces = [line[at : at + width] for at in range(0, len(line), width)] or [""]
        out += [(more if number else first) + piece for number, piece in enumerate(pieces)]
    return "\n".join(out).encode() + b"\n"


def cut_at_blanks(raw: bytes, width: int, quote: str = "") -> bytes:
    out = []
    for line in lines_of(raw):
        wrapped = textwrap.wrap(line, width, break_on_hyphens=False, drop_whitespace=True, replace_whitespace=False)
        out += [quote + piece for piece in wrapped or [""]]
    return "\n".join(out).encode() + b"\n"


def exported(raw: bytes) -> bytes:
    """journalctl -o export of lines of a unit's output."""
    fields = "__CURSOR=s=1;i={0}\n__REALTIME_TIMESTAMP=17954250561234{0:02}\n_PID=12\nSYSLOG_IDENTIFIER=asterisk\n"
    return "".join(fields.format(n % 100) + f"MESSAGE={line}\n\n" for n, line in enumerate(lines_of(raw))).encode()


def exported_whole(raw: bytes) -> bytes:
    """The same of entries with several lines: their length stands before them."""
    parts = []
    for head, text in entries(raw):
        data = (head + text.removesuffix("\n")).encode()
        parts.append(b"__CURSOR=s=1\n_PID=12\nMESSAGE\n" + struct.pack("<Q", len(data)) + data + b"\n\n")
    return b"".join(parts)


def as_json(name: str, **more: str) -> Callable[[int, str], str]:
    return lambda _, line: json.dumps({name: line, **more})


def go_json(_: int, line: str) -> str:
    text = json.dumps({"log": line + "\n", "stream": "stdout", "time": TIME}, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def page(raw: bytes) -> bytes:
    body = html.escape("\n".join(lines_of(raw)))
    return f"<html><head><title>log</title></head><body><pre class=x>{body}</pre></body></html>\n".encode()


def torn(raw: bytes, size: int = 30) -> bytes:
    """What a container runtime makes of long lines: pieces with the flag P, the last one with F."""
    out = []
    for line in lines_of(raw):
        pieces = [line[at : at + size] for at in range(0, len(line), size)] or [""]
        out += [f"{TIME} stdout {'P' if piece is not pieces[-1] else 'F'} {piece}" for piece in pieces]
    return "\n".join(out).encode() + b"\n"


def spreadsheet(raw: bytes, comma: str = ",") -> bytes:
    """A table of whole entries (RFC 4180)."""
    rows = [["timestamp", "source", "message"]]
    rows += [[TIME, "pbx", (head + text).removesuffix("\n").replace("\r", "")] for head, text in entries(raw)]
    return "".join(comma.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows).encode()


def newest_first(raw: bytes) -> bytes:
    return "\n".join(reversed(lines_of(raw))).encode() + b"\n"


def among_others(raw: bytes) -> bytes:
    """`tail -f` of two files, which takes turns in the middle of messages."""
    head = "\n==> /var/log/asterisk/full <==\n"
    other = "\n==> /var/log/messages <==\nNov 23 09:10:56 pbx kernel: link up\n"
    lines = "".join((other + head if line.startswith("From: ") else "") + line + "\n" for line in lines_of(raw))
    return (head + lines).removeprefix("\n").encode()


def hanging(raw: bytes, width: int = 100, hang: str = " " * 8) -> bytes:
    """Lines broken at a width, what goes on is set in."""
    made = []
    for line in lines_of(raw):
        step = width - len(hang)
        made += [line[:width], *(hang + line[at : at + step] for at in range(width, len(line), step))]
    return "\n".join(made).encode() + b"\n"


CARRIERS: dict[str, Carry] = {
    "docker compose": each(lambda _, line: f"asterisk-1  | {line}".rstrip()),
    "docker compose -t": each(lambda n, line: f"pbx  | 2026-11-23T09:10:{n % 60:02}.{n % 10 or 1}Z {line}"),
    "docker compose, coloured": each(lambda _, line: f"\x1b[36mpbx-1  |\x1b[0m {line}"),
    "docker json-file": each(go_json),
    "kubectl --prefix": each(lambda _, line: f"[pod/asterisk-0/asterisk] {line}"),
    "CRI": each(lambda n, line: f"2026-11-23T09:10:{n % 60:02}.1{n:08}+01:00 stdout F {line}"),
    "journal short": each(lambda n, line: f"Nov 23 09:10:{n % 60:02} pbx asterisk[12]: {line}"),
    "journal short-precise": each(lambda n, line: f"Nov 23 09:10:56.{n:06} pbx asterisk[12]: {line}"),
    "journal iso": each(lambda n, line: f"2026-11-23T09:10:{n % 60:02}+0100 pbx asterisk[12]: {line}"),
    "journal unix": each(lambda n, line: f"1795425056.{n:06} pbx asterisk[12]: {line}"),
    "journal json": each(as_json("MESSAGE", __REALTIME_TIMESTAMP="1795425056123456", _PID="12")),
    "journal json, bytes": each(lambda _, line: json.dumps({"MESSAGE": list((line + "\r").encode())})),
    "journal export": exported,
    "journal export, whole": exported_whole,
    "journal verbose": each(lambda _, line: f"Mon 2026-11-23 09:10:56.1 UTC [s=1]\n    _PID=12\n    MESSAGE={line}"),
    "journal, entries whole": lambda raw: multi_line(raw, " " * 34),
    "syslog, entries whole": multi_line,
    "syslog RFC 5424": each(lambda _, line: f"<134>1 2026-11-23T09:10:56.123Z pbx asterisk 12 - - {line}"),
    "rsyslog escapes": of_entries(
        lambda text: f"Nov 23 09:10:56 pbx asterisk[12]: {text}".replace("\r", "#015").replace("\n", "#012")
    ),
    "backslashes": of_entries(lambda text: "2026-11-23 pbx " + text.replace("\r", "\\r").replace("\n", "\\n")),
    "logfmt": of_entries(lambda text: "level=info msg=" + json.dumps(text)),
    "ELK": of_entries(lambda text: json.dumps({"@timestamp": TIME, "host": {"name": "pbx"}, "message": text})),
    "Loki": each(as_json("line", timestamp=TIME, labels="x")),
    "Splunk": of_entries(lambda text: json.dumps({"preview": False, "result": {"_raw": text, "_time": TIME}})),
    "JSON array": each(lambda _, line: f'    "{json.dumps(line)[1:-1]}",'),
    "CSV": each(lambda n, line: '"2026-11-23 09:10:{:02}","pbx","{}"'.format(n % 60, line.replace('"', '""'))),
    "supervisord": each(lambda _, line: f"2026-11-23 09:10:56,123 DEBG 'asterisk' stdout output: {line}"),
    "supervisord, pieces": lambda raw: supervised([raw[at : at + 700] for at in range(0, len(raw), 700)]),
    "supervisord, whole lines": lambda raw: supervised(raw.splitlines(keepends=True)),
    "supervisord, without empty lines": each(lambda _, line: SUPERVISED.decode() + line),
    "grep -n": each(lambda n, line: f"{n}:{line}"),
    "grep -n -A": each(lambda n, line: f"{n}{':' if 'SIP re' in line else '-'}{line}"),
    "grep -Hn": each(lambda n, line: f"/var/log/asterisk/full.1:{n}:{line}"),
    "nl": each(lambda n, line: f"{n:6}\t{line}" if line else "       "),
    "cat -n": each(lambda n, line: f"{n:6}\t{line}"),
    "less -N": each(lambda n, line: f"{n:7} {line}".rstrip()),
    "cat -A": lambda raw: raw.replace(b"\r", b"^M").replace(b"\n", b"$\n"),
    "pr": each(
        lambda n, line: f"{n:5}  {line}" + ("\n\n2026-11-23 09:10      full      Page 2\n\n" if n == 20 else "")
    ),
    "quoted": each(lambda _, line: f"> {line}".rstrip()),
    "quoted twice": each(lambda _, line: f">> > {line}"),
    "Markdown, indented": each(lambda _, line: f"    {line}".rstrip()),
    "Markdown, fenced": lambda raw: b"```text\n" + raw.replace(b"\r", b"") + b"```\n",
    "tabs": each(lambda _, line: f"\t\t{line}"),
    "chat": each(lambda _, line: f"[09:10] <alice> {line}"),
    "table": each(lambda n, line: f"| {n} | {line} |"),
    "coloured": each(lambda _, line: f"\x1b[0;37m{line}\x1b[0m"),
    "script": lambda raw: b"Script started\r\n" + raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "console, prompt drawn over": each(lambda n, line: ("pbx*CLI> \r\x1b[0K" if n % 3 else "") + line),
    "console, prompt left": each(lambda n, line: ("pbx*CLI> " if n % 3 == 1 and line else "") + line),
    "console, keys pressed": each(
        lambda n, line: line + ("\n*CLI> \npbx*CLI> core show channels" if n % 7 == 5 else "")
    ),
    "console, other keys pressed": each(
        lambda n, line: line + ("\npbx*CLI> iax2 show peers\npbx*CLI> !ls -l" if n % 7 == 5 else "")
    ),
    "console in a container": each(lambda n, line: f"asterisk-1  | {'pbx*CLI> ' if n % 3 == 1 and line else ''}{line}"),
    "ORIGINAL in mail": lambda raw: quopri.encodestring(raw.replace(b"\r", b"")),
    "web page": page,
    "entities": each(lambda _, line: html.escape(line)),
    "lines broken by <br>": each(lambda _, line: f"{html.escape(line)}<br>"),
    "no-break blanks": each(lambda _, line: line.replace(" ", "\u00a0")),
    "typographic": each(lambda _, line: line.replace("---", "\u2014").replace('"', "\u201d").replace("'", "\u2019")),
    "UTF-16 LE": lambda raw: raw.decode().encode("utf-16"),
    "UTF-16 BE": lambda raw: b"\xfe\xff" + raw.decode().encode("utf-16-be"),
    "UTF-16 LE without mark": lambda raw: raw.decode().encode("utf-16-le"),
    "UTF-16 BE without mark": lambda raw: raw.decode().encode("utf-16-be"),
    "UTF-32": lambda raw: raw.decode().encode("utf-32"),
    "UTF-8 with mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "doubled line ends": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\n\n"),
    "CR CR LF": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\r\n"),
    "old Macintosh": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "no empty lines": lambda raw: re.sub(rb"\n(?:\r?\n)+", b"\n", raw.replace(b"\r", b"")),
    "blanks squeezed": lambda raw: re.sub(rb"[ \t]+", b" ", raw.replace(b"\r", b"")),
    "blanks trimmed": each(lambda _, line: line.strip()),
    "dates removed": each(lambda _, line: re.sub(r"^\[[^\]]*\] ", "", line)),
    "entries joined": of_entries(lambda text: re.sub(r"\s*\n\s*", " ", text.replace("\r", ""))),
    "quoted, compose": each(lambda _, line: f"> asterisk-1  | {line}"),
    "numbered, journal": each(lambda n, line: f"{n:6}\tNov 23 09:10:{n % 60:02} pbx asterisk[12]: {line}"),
    "compose, JSON": each(lambda n, line: "pbx-1  | " + go_json(n, line)),
    "journal short-full": each(lambda n, line: f"Mon 2026-11-23 09:10:{n % 60:02} CET pbx asterisk[12]: {line}"),
    "rsyslog, precise": each(lambda n, line: f"2026-11-23T09:10:56.{n:06}+01:00 pbx asterisk[12]: {line}"),
    "journal json-pretty": each(lambda _, line: json.dumps({"__CURSOR": "s=1", "MESSAGE": line}, indent=8)),
    "journal json-sse": each(lambda _, line: f"data: {json.dumps({'MESSAGE': line})}\n"),
    "CRI, torn": torn,
    "spreadsheet": spreadsheet,
    "spreadsheet, semicolons": partial(spreadsheet, comma=";"),
    "newest first": newest_first,
    "newest first, Grafana": lambda raw: newest_first(each(lambda _, line: f"2026-11-23 09:10:56.123\t{line}")(raw)),
    "tail of two files": among_others,
    "BBCode": lambda raw: b"[quote=alice]\n[code]" + raw.replace(b"\r", b"") + b"[/code]\n[/quote]\n",
    "padded": each(lambda _, line: f"{line:<120}"),
    "fluentd": each(lambda _, line: f"2026-11-23 09:10:56 +0000 docker.a: {json.dumps({'id': 'ab', 'log': line})}"),
    "GELF": of_entries(lambda text: json.dumps({"host": "pbx", "short_message": text[:9], "full_message": text})),
    "array of objects": lambda raw: json.dumps([{"message": head + text} for head, text in entries(raw)]).encode(),
    "cells of a page": each(lambda n, line: f"<tr><td>{n}</td><td>{html.escape(line)}</td></tr>"),
    "JSON, broken": lambda raw: cut_hard(each(as_json("MESSAGE", _PID="12"))(raw), 80),
    "less -N, broken": lambda raw: cut_hard(each(lambda n, line: f"{n:7} {line}".rstrip())(raw), 100),
    "hanging": hanging,
    "another container between": each(
        lambda n, line: f"pbx-1  | {line}" + ("\ndb-1  | checkpoint complete" if n % 3 else "")
    ),
}
CARRIERS |= {f"broken after {width}": partial(cut_hard, width=width) for width in (40, 72, 80, 100, 132)}
CARRIERS |= {f"broken at blanks, {width}": partial(cut_at_blanks, width=width) for width in (72, 80, 100)}
CARRIERS |= {
    "mail, broken and quoted": lambda raw: cut_at_blanks(raw, 72, "> "),
    "mail, quoted and shown in a terminal": lambda raw: cut_hard(each(lambda _, line: f"> {line}")(raw), 80),
    "terminal, quoted twice, blanks trimmed": lambda raw: each(lambda _, line: line.rstrip())(
        cut_hard(each(lambda _, line: f"> > {line}")(raw), 100)
    ),
    "terminal, compose": lambda raw: cut_hard(each(lambda _, line: f"asterisk-1  | {line}")(raw), 80),
    "terminal, grep -n": lambda raw: cut_hard(each(lambda n, line: f"{n}:{line}")(raw), 80),
}
