"""Calls as rows: what the JSON report of a PBX lists, and nothing else."""

from __future__ import annotations

import json

import pytest

from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.fleet.parquet import CALL_COLUMNS, describe
from pjsipdiag.report import render
from tests.fleet.build import pbx
from tests.fleet.conftest import Run

parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'pjsipdiag[parquet]'")


def test_a_row_is_a_call(run: Run) -> None:
    rows = parquet.read_table(run.folder / "calls" / "pbx-03.parquet").to_pylist()
    report = diagnose([run.folder / "pbx-03/captures"], run.folder / "pbx-03/etc", pbx=(pbx(3),))
    calls = json.loads(render(report, "json"))["calls"]
    assert [list(row) for row in rows] == [[*CALL_COLUMNS]] * len(calls)
    for row, call in zip(rows, calls, strict=True):
        assert f"{row['source_ip']}:{row['source_port']}" == call["source"]
        assert row["time"].isoformat().replace("+00:00", "000Z"[3:]) == call["time"].replace(".000000", "")
        same = {"call_id": "call_id", "from": "from", "request_uri": "request_uri", "status": "observed_status",
                "outcome": "outcome", "endpoint": "endpoint", "identify": "identify", "capture": "capture",
                "frame": "frame", "user_agent": "user_agent"}  # fmt: skip
        assert [row[column] for column in same] == [call[name] for name in same.values()]
        assert row["pbx"] == "pbx-03"


def test_all_files_are_one_table(run: Run) -> None:
    assert parquet.read_table(run.folder / "calls").num_rows == 20 * 2 + 6 * 3 + 1


def test_each_column_is_described() -> None:
    assert [name for name, _, _ in describe()] == [*CALL_COLUMNS]
    assert all(meaning for _, _, meaning in describe())
