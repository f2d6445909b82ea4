"""The report for machines: schema 1 (`schema-1.json`), written call by call.

Each distinct verdict is serialised once; a million calls share a few. Text is exact (JSON's own escapes, ASCII only),
but a byte that was not UTF-8 becomes a visible `\\xNN`: a lone surrogate is not text to most JSON readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import TextIO

from pjsipdiag import __version__
from pjsipdiag.asterisk.verdict import Check, Verdict
from pjsipdiag.diagnosis.model import Door, Report
from pjsipdiag.diagnosis.traffic import CallRow, CaptureSummary, RequestRow, SourceRow
from pjsipdiag.report import wording
from pjsipdiag.report.ahead import BackgroundTables, Table
from pjsipdiag.report.escape import escape_surrogates
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import Style
from pjsipdiag.report.machine.findings import Json, finding, suggestion, where

TableMaker = Callable[[Sequence[CallRow], Sequence[SourceRow]], Sequence[Table]]
MOST_CALLS_LISTED = 100_000
"""Calls that a report lists; beyond, its sources sum them up, and JSONL lists them all."""


def write(report: Report, stream: TextIO, look: Style) -> None:
    """Writes one JSON object; one source, call, finding or suggestion in a line."""
    stream.write('{"schema": 1,\n"tool": ' + dump({"name": "pjsipdiag", "version": __version__}))
    said = {"version": report.asterisk_version, "assumed": report.asterisk_assumed, "reason": report.asterisk_reason}
    stream.write(',\n"asterisk": ' + dump(said))
    stream.write(',\n"pbx": ' + dump({"addresses": list(report.pbx), "reason": report.pbx_reason}))
    stream.write(',\n"summary": ' + dump(summary(report)))
    stream.write(',\n"notes": ' + dump(notes(report)))
    write_rows(stream, "captures", map(capture, report.captures))
    for name, table in zip(("sources", "calls"), _written(report, look, tables), strict=True):
        stream.write(f',\n"{name}": [')
        stream.writelines(table)
        stream.write("]")
    stream.write(',\n"unmatched": [')
    stream.writelines(f"{', ' if number else ''}{_quote(source)}" for number, source in enumerate(report.unmatched))
    stream.write("]")
    write_rows(stream, "requests", map(request, report.requests))
    write_rows(stream, "findings", map(finding, report.findings))
    write_rows(stream, "suggestions", map(suggestion, report.suggestions))
    write_rows(stream, "unconfirmed", map(suggestion, report.unconfirmed))
    if not report.captures:
        write_rows(stream, "doors", map(door, report.doors))
    stream.write("}\n")


def write_lines(report: Report, stream: TextIO, look: Style) -> None:
    """Writes JSONL: one object for each call, as in `calls` of the whole."""
    for table in _written(report, look, line_tables):
        stream.writelines(table)
    stream.write("\n" if report.calls else "")


def tables(calls: Sequence[CallRow], sources: Sequence[SourceRow]) -> tuple[Table, ...]:
    """The long parts of the JSON report."""
    return (
        Table(sources, len(sources), _source_line(), "\n", ",\n"),
        Table(calls, min(len(calls), MOST_CALLS_LISTED), _call_line(), "\n", ",\n"),
    )


def line_tables(calls: Sequence[CallRow], _: Sequence[SourceRow]) -> tuple[Table, ...]:
    """The lines of a JSONL report: one table, of its calls."""
    return (Table(calls, len(calls), _call_line(), "", "\n"),)


def _written(report: Report, look: Style, make: TableMaker) -> Iterator[Iterator[str]]:
    ahead = look.ahead or BackgroundTables(1, make)
    ahead.start(report.calls, report.sources)
    return ahead.texts()


def _call_line() -> Callable[[CallRow], str]:
    """One call as JSON text, for many of them."""
    repeated = lru_cache(maxsize=1024)(_quote)
    # Keyed by identity: equal verdicts that are distinct objects cost a little, hashing a trace for each call a lot.
    known: dict[int, tuple[Verdict, str]] = {}

    def line(call: CallRow) -> str:
        call_id, time, source, transport, from_, uri, verdict, status, to, requests, agent, capture, frame, _ = call
        entry = known.get(id(verdict))
        if entry is None:
            entry = known[id(verdict)] = (verdict, dump(_verdict(verdict))[1:])
        quote = encode_basestring_ascii if (call_id + source + from_ + uri).isascii() else _quote
        return (
            f'{{"call_id": {quote(call_id)}, "time": "{wording.moment(time)}", '
            f'"source": {quote(source)}, "destination": {repeated(to)}, '
            f'"transport": {repeated(transport)}, "from": {quote(from_)}, '
            f'"request_uri": {quote(uri)}, "user_agent": {repeated(agent)}, '
            f'"capture": {repeated(capture)}, "frame": {frame}, "requests": {requests}, '
            f'"observed_status": {"null" if status is None else status}, {entry[1]}'
        )

    return line


def door(row: Door) -> Json:
    return {
        "endpoint": row.endpoint,
        "context": row.context,
        "identifier": row.identifier,
        "identify": row.identify or None,
        "state": str(row.state),
        "sources": list(row.sources),
        "says": row.says or None,
        "password": row.password,
        "where": where(row.where),
    }


def summary(report: Report) -> Json:
    return {
        "headline": headline(report),
        "sources": report.callers,
        "unmatched_sources": len(report.unmatched),
        "calls": len(report.calls),
        "calls_listed": min(len(report.calls), MOST_CALLS_LISTED),
        "failed_calls": report.failed_calls,
        "outbound_calls": report.outbound_calls,
    }


def notes(report: Report) -> list[str]:
    """The report's notes, and whether calls are left out."""
    said = list(report.notes)
    if len(report.calls) > MOST_CALLS_LISTED:
        said.append(
            f"the first {MOST_CALLS_LISTED:,} of {len(report.calls):,} calls are listed; "
            "the sources sum all of them up, and --format jsonl lists them all"
        )
    return said


def capture(row: CaptureSummary) -> Json:
    return {
        "file": row.file,
        "records": row.records,
        "sip_messages": row.sip_messages,
        "invites": row.invites,
        "undecoded": dict(sorted(row.undecoded.items())),
        "truncated": row.truncated,
        "notes": list(row.notes),
    }


def _source_line() -> Callable[[SourceRow], str]:
    """One source as JSON text, for many of them."""

    @lru_cache(maxsize=1024)
    def judged(verdict: str, identifier: str, identify: str, endpoint: str) -> str:
        names = f'"identifier": {_name(identifier)}, "identify": {_name(identify)}, "endpoint": {_name(endpoint)}'
        return f'"verdict": "{verdict}", {names}'

    @lru_cache(maxsize=1024)
    def listed(texts: tuple[str, ...]) -> str:
        return ", ".join(map(_quote, texts))

    def line(row: SourceRow) -> str:
        address, requests, calls, *verdict, observed, agents, others, first_time, last_time = row
        first = f'"{wording.moment(first_time)}"' if first_time else "null"
        last = first if last_time == first_time else f'"{wording.moment(last_time)}"'
        return (
            f'{{"address": {_quote(address)}, "requests": {requests}, "calls": {calls}, {judged(*verdict)}, '
            f'"observed": {_counts(observed)}, "user_agents": [{listed(agents)}], '
            f'"other_methods": {_counts(others)}, "first": {first}, "last": {last}}}'
        )

    return line


def _name(text: str) -> str:
    return _quote(text) if text else "null"


def _counts(counts: Mapping[str, int]) -> str:
    return dump(dict(sorted(counts.items()))) if counts else "{}"


def request(row: RequestRow) -> Json:
    return {
        "method": row.method,
        "source": row.source,
        "destination": row.destination,
        "requests": row.requests,
        "credentialed": row.credentialed,
        "observed": dict(sorted(row.observed.items())),
        "verdict": _verdict(row.verdict) if row.verdict else None,
    }


def _verdict(verdict: Verdict) -> Json:
    return {
        "outcome": str(verdict.outcome),
        "identifier": verdict.identifier or None,
        "identify": verdict.identify or None,
        "endpoint": verdict.endpoint or None,
        "status": verdict.status or None,
        "trace": [_check(check) for check in verdict.trace],
    }


def _check(check: Check) -> Json:
    return {
        "step": check.step,
        "match": str(check.match),
        "reason": check.reason,
        "where": where(check.where),
        "identify": check.identify or None,
        "endpoint": check.endpoint or None,
        "result": str(check.result) if check.result else None,
        "status": check.status or None,
        "count": check.count,
    }


def write_rows(stream: TextIO, name: str, rows: Iterable[Json]) -> None:
    """Writes the next member of an object: rows, each in a line of its own."""
    text = ",\n".join(map(dump, rows))
    stream.write(f',\n"{name}": [' + ("\n" + text if text else "") + "]")


def _quote(text: str) -> str:
    return encode_basestring_ascii(text if text.isascii() else escape_surrogates(text))


def dump(value: object) -> str:
    """`json.dumps` with every text made well-formed."""
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quote(str(key))}: {dump(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
