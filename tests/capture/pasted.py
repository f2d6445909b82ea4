"""What databases of logs, mail, Markdown and chat programs make of one and the same log: each row of PASTED is one."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import quopri
import re
import textwrap
from email.message import EmailMessage
from typing import Literal
from urllib.parse import quote, quote_plus

from tests.capture.carriers import TIME, Carry, each, entries, lines_of

ADDRESS = re.compile(r"(?:sip:)?([\w+-]+@[\d.]+\d)")
HEAD = "Nov 23 09:10:56 pbx asterisk[12]: "


def plain(raw: bytes) -> str:
    return raw.decode().replace("\r", "")


def entry_texts(raw: bytes) -> list[str]:
    dates = re.findall(r"(?m)^(\[[^\]]*\] )[A-Z]+\[\d+\]", raw.decode())
    return [
        date + head + text.removesuffix("\n").replace("\r", "")
        for date, (head, text) in zip(dates, entries(raw), strict=True)
    ]


def counted(texts: list[str]) -> bytes:
    """Syslog over a connection: the length of each message before it, and nothing between them."""
    messages = [f"<134>1 2026-11-23T09:10:56.123Z pbx asterisk 12 - - {text}".encode() for text in texts]
    return b"".join(b"%d %b" % (len(one), one) for one in messages)


def table(rows: list[list[str]], *, comma: str = ",", all_quoted: bool = False) -> bytes:
    file = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(file, delimiter=comma, lineterminator="\n", quoting=quoting).writerows(rows)
    return file.getvalue().encode()


def rows(raw: bytes, *, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> list[list[str]]:
    return [["c"] * (len(before) + 1 + len(after)), *([*before, line, *after] for line in lines_of(raw))]


def row_of_entries(raw: bytes) -> list[list[str]]:
    return [["_raw", "_time", "host"], *([text, TIME, "pbx"] for text in entry_texts(raw))]


def google(line: str) -> dict[str, object]:
    kind = {"type": "k8s_container", "labels": {"pod_name": "asterisk-0"}}
    return {"insertId": "abc", "logName": "projects/x/logs/asterisk", "resource": kind, "textPayload": line}


def elastic(line: str) -> dict[str, object]:
    return {"_index": "a", "_id": "b", "_source": {"@timestamp": TIME, "host": {"name": "pbx"}, "said": line}}


def loki(raw: bytes) -> dict[str, object]:
    values = [[str(1795425056123456789 + number), line] for number, line in enumerate(lines_of(raw))]
    return {"status": "success", "data": {"result": [{"stream": {"app": "asterisk"}, "values": values}]}}


def telemetry(_: int, line: str) -> str:
    record = {"timeUnixNano": "1795425056123456789", "body": {"stringValue": line}}
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"scope": {}, "logRecords": [record]}]}]})


def recorded(raw: bytes) -> bytes:
    """What asciinema writes."""
    head = json.dumps({"version": 2, "width": 80, "height": 24})
    return "\n".join([head, *(json.dumps([0.5, "o", line + "\r\n"]) for line in lines_of(raw)), ""]).encode()


def mail(raw: bytes, *, encoding: str) -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "alice@example.com", "calls fail"
    made.set_content("see below\n" + plain(raw), cte=encoding)
    return made.as_bytes()


def flowed(raw: bytes, width: int = 72) -> bytes:
    """format=flowed (RFC 3676): lines that go on end with a blank."""
    made = []
    for line in lines_of(raw):
        last = ""
        for word in re.findall(r"\S+ *|^ +|^$", line.rstrip()):
            if last and len(last) + len(word) > width:
                made.append(last)
                last = ""
            last += word
        made.append(last)
    return "\n".join(made).encode() + b"\n"


def requoted(raw: bytes, width: int = 76) -> bytes:
    """Quoted, and broken afterwards."""
    made = []
    for line in lines_of(raw):
        first, *more = textwrap.wrap(line, width, break_on_hyphens=False, break_long_words=False) or [""]
        made += [f"> {first}", *more]
    return "\n".join(made).encode() + b"\n"


def attached(raw: bytes) -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "alice@example.com", "calls fail"
    made.set_content("see the attachment\n")
    made.add_attachment(raw, maintype="application", subtype="octet-stream", filename="full.log")
    return made.as_bytes()


def with_arrows(left: str, right: str) -> Carry:
    return lambda raw: raw.decode().replace("<---", left).replace("--->", right).encode()


def joined(by: str, before: str = "") -> Carry:
    """Entries whose line ends became something else."""
    return lambda raw: "".join(before + text.replace("\n", by) + "\n" for text in entry_texts(raw)).encode()


ARROWS = {
    "em dash": ("<\u2014", "\u2014>"),
    "guillemets": ("\u00ab---", "---\u00bb"),
    "single guillemets": ("\u2039---", "---\u203a"),
    "drawn": ("\u2190", "\u2192"),
    "fullwidth": ("\uff1c---", "---\uff1e"),
    "Wingdings": ("\uf0df--", "--\uf0e0"),
    "lost": ("", ""),
    "dashes": ("---", "---"),
    "backslash": ("\\<---", "---\\>"),
    "entities": ("&#x3C;---", "---&#x3E;"),
    "named entities": ("&laquo;&mdash;", "&mdash;&raquo;"),
    "longer": ("<------", "------>"),
    "one byte": ("<\x97", "\x97>"),
}
ENDS = {
    "nothing": "",
    "two blanks": "  ",
    "bars": " | ",
    "tabs": "\t",
    "vertical tabs": "\x0b",
    "U+2028": "\u2028",
    "return signs": "\u23ce",
    "control pictures": "\u240d\u240a",
    "caret": "^M^J",
    "percent": "%0D%0A",
    "hexadecimal": "\\x0d\\x0a",
    "four digits": "\\u000d\\u000a",
    "octal": "\\015\\012",
}
PASTED: dict[str, Carry] = {
    **{f"arrows: {name}": with_arrows(*both) for name, both in ARROWS.items()},
    **{f"ends: {name}": joined(end) for name, end in ENDS.items()},
    "percent signs": lambda raw: quote(raw).encode(),
    "percent signs, line by line": each(lambda _, line: quote(line)),
    "base64": base64.encodebytes,
    "base64, one line": lambda raw: base64.b64encode(raw + b"\n"),
    "base64, CRLF": lambda raw: base64.encodebytes(raw).replace(b"\n", b"\r\n"),
    "percent signs and plus": lambda raw: quote_plus(raw).encode(),
    "RFC 6587, counted": lambda raw: counted(entry_texts(raw)),
    "RFC 6587, counted lines": lambda raw: counted(lines_of(raw)),
    "busybox syslogd": joined("^M ", HEAD),
    "syslog-ng": joined("  ", HEAD),
    "all in one line": lambda raw: plain(raw).replace("\n", " ").encode(),
    "all in one line, glued": lambda raw: plain(raw).replace("\n", "").encode(),
    "TAI64N": each(lambda n, line: f"@40000000{0x67C5B3E5 + n // 9:08x}{(n * 123457) % 2**32:08x} {line}"),
    "identities": each(lambda n, line: f"{n * 0x9E3779B97F4A7C15 % 2**64:016x} {line}"),
    "levels": each(lambda n, line: f"2026-11-23 09:10:56 [{('INFO', 'DEBUG')[n % 2]}] {line}"),
    "GELF, a line each": each(
        lambda _, line: json.dumps({"host": "pbx", "short_message": line, "_image": "sha256:" + "0" * 64})
    ),
    "GELF, first lines twice": lambda raw: "".join(
        json.dumps({"short_message": text.partition("\n")[0], "full_message": text}) + "\n" for text in entry_texts(raw)
    ).encode(),
    "object of unknown names": each(
        lambda _, line: json.dumps({"a": {"b": {"said": line}}, "c": "container_name=asterisk,namespace=voip-of-all"})
    ),
    "OpenTelemetry": each(telemetry),
    "Fluent Bit": each(
        lambda n, line: f'[{n}] docker.a: [{1795425056 + n}.1, {{"log"=>{json.dumps(line)}, "stream"=>"stdout"}}]'
    ),
    "Logstash": each(lambda _, line: '{\n    "@version" => "1",\n       "message" => ' + json.dumps(line) + "\n}"),
    "Google, array": lambda raw: json.dumps([google(line) for line in lines_of(raw)], indent=2).encode(),
    "Google, array of entries": lambda raw: json.dumps([google(text) for text in entry_texts(raw)], indent=2).encode(),
    "Google, YAML": each(lambda _, line: f"---\ninsertId: abc\ntextPayload: {json.dumps(line)}"),
    "Elastic, hits": lambda raw: json.dumps({"hits": {"hits": [elastic(line) for line in lines_of(raw)]}}).encode(),
    "Loki, query": lambda raw: json.dumps(loki(raw)).encode(),
    "Loki, query over lines": lambda raw: json.dumps(loki(raw), indent=2).encode(),
    "CloudWatch, events": lambda raw: json.dumps(
        {"events": [{"timestamp": 1795425056123, "message": line} for line in lines_of(raw)]}, indent=4
    ).encode(),
    "CloudWatch, text": each(lambda n, line: f"EVENTS\t{1795425056123 + n}\t{line}\t{1795425056999 + n}"),
    "strings": lambda raw: json.dumps(lines_of(raw)).encode(),
    "one string": lambda raw: json.dumps({"log": raw.decode()}).encode(),
    "Ansible": lambda raw: json.dumps({"stdout": raw.decode(), "stdout_lines": lines_of(raw)}, indent=4).encode(),
    "journal json, bytes over lines": each(
        lambda _, line: json.dumps({"MESSAGE": list((line + "\r").encode()), "PRIORITY": "6"}, indent="\t")
    ),
    "asciinema": recorded,
    "Kibana": lambda raw: table(rows(raw, before=("Nov 23, 2026 @ 09:10:56.123",)), all_quoted=True),
    "Datadog": lambda raw: table(rows(raw, before=(TIME, "pbx", "asterisk"))),
    "columns behind": lambda raw: table(rows(raw, after=(TIME, "pbx"))),
    "columns around": lambda raw: table(rows(raw, before=(TIME,), after=("pbx", "info"))),
    "columns around, semicolons": lambda raw: table(rows(raw, before=(TIME,), after=("pbx", "info")), comma=";"),
    "labels in a column": lambda raw: table(rows(raw, before=('{"app":"asterisk"}', TIME), after=("1",))),
    "objects in a column": lambda raw: table(
        [["_id", "_source"], *(["1", json.dumps({"message": line, "host": "pbx"})] for line in lines_of(raw))]
    ),
    "Splunk, table": lambda raw: table(row_of_entries(raw)),
    "entries, newest first": lambda raw: ("\n".join(reversed(entry_texts(raw))) + "\n").encode(),
    "Markdown, links": each(lambda _, line: ADDRESS.sub(r"[\g<0>](sip:\1)", line)),
    "Markdown, mail links": each(lambda _, line: ADDRESS.sub(r"[\g<0>](mailto:\1)", line)),
    "Markdown, backslashes": each(lambda _, line: re.sub(r"([\\`*_\[\]<>#+.!|-])", r"\\\1", line)),
    "Markdown, few backslashes": each(lambda _, line: re.sub(r"([_*<\[\]])", r"\\\1", line)),
    "Markdown, a line each": each(lambda _, line: f"- `{line}`"),
    "Gmail, links": each(lambda _, line: re.sub(r"((?:\d+\.){3}\d+:\d+)(?= -)", r"\1 <http://\1/>", line)),
    "Gmail, addresses": each(lambda _, line: ADDRESS.sub(lambda m: f"{m[0]} <sip%3A{quote(m[1], safe='@')}>", line)),
    "Gmail, plain": each(lambda _, line: ADDRESS.sub(r"\g<0> <\1>", line)),
    "Outlook, safe links": each(
        lambda _, line: re.sub(
            r"((?:\d+\.){3}\d+:\d+)(?= -)",
            lambda m: (
                f"{m[1]}<https://eur01.safelinks.protection.outlook.com/?url={quote(f'http://{m[1]}/', safe='')}"
                "&data=05%7C01%7C&reserved=0>"
            ),
            line,
        )
    ),
    "Proofpoint, links": each(
        lambda _, line: re.sub(
            r"((?:\d+\.){3}\d+:\d+)(?= -)", r"\1 <https://urldefense.com/v3/__http://\1__;!!abc$ >", line
        )
    ),
    "archive of a mailing list, brackets": each(lambda _, line: re.sub(r"(?<=\w)@(?=\w)", " (at) ", line)),
    "archive of a mailing list": each(lambda _, line: re.sub(r"(?<=\w)@(?=\w)", " at ", line)),
    "Slack, links": each(lambda _, line: ADDRESS.sub(r"<sip:\1|\g<0>>", html.escape(line, quote=False))),
    "Outlook, links": each(lambda _, line: re.sub(r"([\w+-]+@[\d.]+\d)", r"\1<mailto:\1>", line)),
    "typographic quotes": each(lambda _, line: re.sub(r'"([^"]*)"', "\u201c\\1\u201d", line).replace("'", "\u2019")),
    "marks of direction": each(lambda _, line: f"\u202a{line}\u202c"),
    "ideographic blanks": each(lambda _, line: line.replace(" ", "\u3000")),
    "bat": each(lambda n, line: f"{n:4}   \u2502 {line}"),
    "bat, broken": each(
        lambda n, line: "\n".join(
            (f"{n:4}   \u2502 " if not at else "       \u2502 ") + (line[at : at + 71])
            for at in range(0, max(len(line), 1), 71)
        )
    ),
    "mail, quoted-printable": lambda raw: mail(raw, encoding="quoted-printable"),
    "mail, base64": lambda raw: mail(raw, encoding="base64"),
    "mail, attachment": attached,
    "quoted-printable, quoted": lambda raw: b"".join(
        b"> " + line for line in quopri.encodestring(plain(raw).encode()).splitlines(keepends=True)
    ),
    "mail, flowed": flowed,
    "mail, flowed and quoted": lambda raw: b"".join(b"> " + line for line in flowed(raw).splitlines(keepends=True)),
    "mail, broken when it was quoted": requoted,
    "mailbox": lambda raw: re.sub(rb"(?m)^From", b">From", raw),
    "rows of a page, over lines": lambda raw: (
        "<table>\n"
        + "".join(f"<tr>\n<td>{n}</td>\n<td>{html.escape(line)}</td>\n</tr>\n" for n, line in enumerate(lines_of(raw)))
        + "</table>\n"
    ).encode(),
    "Outlook, page": each(
        lambda _, line: f"<p class=MsoNormal><span lang=EN>{html.escape(line) or '&nbsp;'}<o:p></o:p></span></p>"
    ),
    "only < escaped": lambda raw: raw.replace(b"<", b"&lt;"),
    "emptied while it was written to": lambda raw: b"\0" * 5000 + raw,
    "UTF-16 behind other text": lambda raw: b"some other line\r\n" + raw.decode().encode("utf-16-le"),
    "UTF-16 LE without mark, umlauts first": lambda raw: ("\u00dcbersicht\r\n" + raw.decode()).encode("utf-16-le"),
    "UTF-16 BE without mark, umlauts first": lambda raw: ("\u00dcbersicht\r\n" + raw.decode()).encode("utf-16-be"),
    "names of a chat between": each(lambda n, line: ("alice  09:10 AM\n" if n % 20 == 7 else "") + line),
    "names of a chat before": each(lambda n, line: ("[23/11/2026, 09:10:56] Alice: " if n % 20 == 7 else "") + line),
    "numbers of a page between": each(lambda n, line: f"{n}.\n{line}"),
    "no-break blanks of a code page": lambda raw: plain(raw).replace(" ", "\u00a0").encode("cp1252"),
    "typographic, of a code page": lambda raw: (
        plain(raw).replace("---", "\u2014").replace('"', "\u201d").replace("'", "\u2019").encode("cp1252")
    ),
    "a program's string": lambda raw: repr(plain(raw) + '"').encode(),
    "journal, CR as blobs": each(lambda _, line: f"Nov 23 09:10:56 pbx asterisk[12]: {line or '[1B blob data]'}"),
}
