"""Transactions that are judged in columns come to the same as those that are looked at one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.diagnosis.calls import judge as judging
from pjsipdiag.diagnosis.calls import rows
from pjsipdiag.diagnosis.calls.judge import judge
from pjsipdiag.diagnosis.calls.pbx.received_at import Arrival
from pjsipdiag.diagnosis.calls.received_columns import join_received
from pjsipdiag.diagnosis.calls.selection import Selection, selection
from tests.diagnosis.calls.test_groups import TRUNK
from tests.diagnosis.calls.test_merge import merged, traffic

EVERYBODY = selection({"sources": ("0.0.0.0/0", "::/0")})


@pytest.mark.parametrize("seed", range(30))
def test_one_by_one_comes_to_the_same(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rnd = random.Random(seed)
    monkeypatch.setattr(judging, "ROWS_AT_ONCE", rnd.choice((1, 3, 4096)))
    (tmp_path / "pjsip.conf").write_text(TRUNK)
    config = load_config(tmp_path)
    first = traffic(rnd)
    later = first[-1].time - first[0].time + 1_000_000_000
    messages = [*first, *(one._replace(time=one.time + later) for one in first)]  # what one part began, another has too
    whole = merged(messages, [0, *sorted(rnd.sample(range(1, len(messages)), 2)), len(messages)])
    pbx = rnd.sample(sorted({one.destination[:-2] for one in messages}), 2)
    pieces = [[(number, range(len(keys)))] for number, keys in enumerate(whole.keys)]

    def told(wanted: Selection, slices: Sequence[list[tuple[int, range]]]) -> object:
        replay, arrival = Replay(config), Arrival(config, whole.answering)
        judged = [judge(whole, one, pbx=pbx, arrival=arrival, replay=replay, wanted=wanted) for one in slices]
        besides = [(one.outbound, one.sent, one.passing) for one in judged]
        columns = join_received(whole, judged)
        verdicts = [columns.verdicts[at] for at in columns.verdict]
        columns.verdicts, columns.verdict = [], columns.verdict[:0]
        return astuple(columns), verdicts, besides

    together = [[piece for one in pieces for piece in one]]
    assert told(Selection(), pieces) == told(EVERYBODY, pieces)
    assert told(Selection(), together)[:2] == told(EVERYBODY, pieces)[:2]  # type: ignore[index]


@pytest.mark.parametrize("seed", range(5))
def test_a_column_is_that_field_of_each_row(seed: int) -> None:
    messages = traffic(random.Random(seed))
    packed = memoryview(merged(messages, [0, len(messages)]).parts[0].fold.rows)
    unpacked = [*rows.ROW.iter_unpack(packed)]
    fields = (rows.TIME, rows.FRAME, rows.TRANSPORT, rows.FLAGS, rows.CALL, rows.FORM, rows.SENDER, rows.AGENT)
    for field in fields:
        assert [*rows.column(packed, field)] == [row[field] for row in unpacked]
    assert [*zip(*rows.all_ends(packed), strict=True)] == [*map(rows.ends, unpacked)]
    assert [*rows.column(packed[:0], rows.TIME)] == []
