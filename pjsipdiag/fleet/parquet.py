"""Calls as Parquet, one row each and a file for each PBX: for DuckDB, Spark or pandas, without reading captures again.

SELECT source_ip, count(*) FROM 'calls/*.parquet' WHERE outcome = 'no_match' GROUP BY ALL
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.traffic import CallRow
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report.escape import escape_surrogates

GROUP_ROWS = 50_000
"""Rows in one group of a file, and in memory."""


def require() -> None:
    """Raises PjsipdiagError where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401  (whether it is there)
    except ImportError:
        raise PjsipdiagError(
            "--parquet needs pyarrow, which is not here: pip install '.[parquet]' in a checkout"
        ) from None


def write_rows(report: Report, name: str, folder: Path) -> None:
    """Writes the calls of a PBX to `folder`/`name`.parquet."""
    import pyarrow as arrow
    from pyarrow import parquet

    kinds = {
        "text": arrow.dictionary(arrow.int32(), arrow.string()),
        "long": arrow.string(),
        "time": arrow.timestamp("ns", "UTC"),
        "port": arrow.uint16(),
        "number": arrow.uint32(),
    }
    schema = arrow.schema([(column, kinds[kind]) for column, (kind, _, _) in CALL_COLUMNS.items()])
    with parquet.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd") as file:
        calls = iter(report.calls)
        while rows := list(islice(calls, GROUP_ROWS)):
            columns = [[get(name, call) for call in rows] for _, get, _ in CALL_COLUMNS.values()]
            file.write_table(arrow.table(columns, schema=schema))


def _ip(place: str) -> str:
    host = place.rpartition(":")[0].strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _port(place: str) -> int:
    port = place.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def describe() -> Iterator[tuple[str, str, str]]:
    """(column, its type in Parquet, what it holds) of each column."""
    types = {"text": "string", "long": "string", "time": "timestamp[ns, UTC]", "port": "uint16", "number": "uint32"}
    for column, (kind, _, meaning) in CALL_COLUMNS.items():
        yield column, types[kind], meaning


CALL_COLUMNS: dict[str, tuple[str, Callable[[str, CallRow], Any], str]] = {
    "pbx": ("text", lambda name, _: name, "name of the PBX in FLEET.toml"),
    "time": ("time", lambda _, call: call.time, "of the first INVITE"),
    "call_id": ("long", lambda _, call: escape_surrogates(call.call_id), "Call-ID"),
    "source_ip": ("text", lambda _, call: _ip(call.source), "who sent it"),
    "source_port": ("port", lambda _, call: _port(call.source), "from which port"),
    "destination_ip": ("text", lambda _, call: _ip(call.destination), "address of the PBX, where it is known"),
    "destination_port": ("port", lambda _, call: _port(call.destination), "and its port"),
    "transport": ("text", lambda _, call: call.transport, "UDP, TCP, TLS, WS, WSS"),
    "from": ("long", lambda _, call: escape_surrogates(call.from_), "From, as it was sent but for a password"),
    "request_uri": ("long", lambda _, call: escape_surrogates(call.request_uri), "whom it called"),
    "user_agent": ("text", lambda _, call: escape_surrogates(call.user_agent), "User-Agent"),
    "requests": ("number", lambda _, call: call.requests, "INVITEs of the call, retransmitted ones too"),
    "status": ("port", lambda _, call: call.observed_status, "last answer in the capture, null without any"),
    "outcome": ("text", lambda _, call: str(call.verdict.outcome), "what the configuration makes of it"),
    "predicted_status": ("port", lambda _, call: call.verdict.status or None, "the answer that follows from it"),
    "identifier": ("text", lambda _, call: call.verdict.identifier or None, "which identifier took it"),
    "identify": ("text", lambda _, call: escape_surrogates(call.verdict.identify) or None, "which identify"),
    "endpoint": ("text", lambda _, call: escape_surrogates(call.verdict.endpoint) or None, "which endpoint"),
    "capture": ("text", lambda _, call: escape_surrogates(call.capture), "file that holds the first INVITE"),
    "frame": ("number", lambda _, call: call.frame, "its number there"),
}
"""Column -> (kind, how it is taken from a call, what it holds)."""
