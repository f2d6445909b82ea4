"""A scheduler that is not there is named, and leaves nothing half open."""

from __future__ import annotations

import gc

import pytest

from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.work.cluster import DaskCluster
from pjsipdiag.diagnosis.work.scheduler import connect
from pjsipdiag.errors import PjsipdiagError
from tests.diagnosis.work.test_cluster import CONFIG

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'pjsipdiag[dask]'")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers there"),
        ("nonsense", "no Dask scheduler answers there"),
        ("env", "DASK_SCHEDULER_ADDRESS is not set"),
    ],
)
def test_a_scheduler_that_is_not_there_is_named(address: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    monkeypatch.setattr(DaskCluster.__init__, "__defaults__", (0.5,))
    with pytest.raises(PjsipdiagError, match=f"^[^\n]*{words}[^\n]*$"):
        diagnose([CONFIG.parent / "capture.pcap"], CONFIG, jobs=1, dask=address)


def test_a_client_that_could_not_start_is_left_closed() -> None:
    """Left half open it would close itself when Python collects it, and wait for ever where another one starts then."""
    others = _open_clients()  # of tests of clusters, in the same process
    with pytest.raises(PjsipdiagError) as refused:
        connect("nonsense", 0.5)
    failed = [one for one in _open_clients() if one not in others]
    assert failed == [], refused.value  # which keeps what it is about


def _open_clients() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, distributed.Client) and one.status != "closed"]
