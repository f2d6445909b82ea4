"""Captures that only the workers can open: the report is the one of a process that can open them.

They lie at `vault://`, which workers know and this process does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs Dask: pip install 'pjsipdiag[dask]'")

from pjsipdiag.diagnosis.diagnose import conclude, diagnose
from pjsipdiag.diagnosis.work.gather import begin
from pjsipdiag.report import render
from tests.diagnosis.scene import write_scene
from tests.diagnosis.work.rereading import test_reached as reached
from tests.diagnosis.work.test_cluster import ROOT, Dask, running
from tests.sip_text import write_capture

FIXTURES = ROOT / "fixtures"
VAULT = """
import fsspec
from fsspec.implementations.local import LocalFileSystem
class Vault(LocalFileSystem):
    protocol = "vault"
    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(path.removeprefix("vault://"))
fsspec.register_implementation("vault", Vault)
"""
PROGRAM = """
import json, sys
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.report import render
reports = [diagnose([capture], config, jobs=1, **options) for capture, config, options in json.load(sys.stdin)]
json.dump([[render(report, form) for form in ("json", "html")] for report in reports], sys.stdout)
"""
CASES = (
    "answer-not-acknowledged/the 200 names a private Contact",
    "challenged-by-auth/retries under other Call-IDs",
    "media-rejected/the provider offers G.729",
    "wrong-transport/the port that is open",
)
"""Rules, and the first words of cases, of which a second reading tells more than the first one."""
WORDS = (
    "the Contact of its 200 is 10.0.0.5",
    "1 challenged call goes on under another Call-ID",
    "the INVITE offers G729 over RTP/AVP",
    "match=198.51.100.20",
    "OPTIONS of 203.0.113.60 got no answer from",
    "without the filter: 9 INVITEs",
)
"""What they tell by it."""
Job = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vault")
    (folder / "sitecustomize.py").write_text(VAULT)
    return folder


@pytest.fixture(scope="module")
def dask(vault: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with running(tmp_path_factory.mktemp("dask"), 0) as (dask, started):
        started += [dask.worker(str(vault)) for _ in range(2)]
        yield dask


def _jobs(folder: Path) -> Iterator[Job]:
    for name in CASES:
        rule, _, words = name.partition("/")
        cases = tomllib.loads((FIXTURES / f"diagnosis/{rule}.toml").read_text())["case"]
        case = next(one for one in cases if one["name"].startswith(words))
        etc = folder / rule / "etc"
        etc.mkdir(parents=True)
        for file, text in case["files"].items():
            (etc / file).write_text(text)
        yield f"vault://{write_scene(case['calls'], folder / rule / 'c.pcap')}", str(etc), {"pbx": ["192.0.2.1"]}
    etc = folder / "reached"
    etc.mkdir()
    (etc / "pjsip.conf").write_text(reached.CONFIG)
    calls = "".join(
        f"@ {number} {reached.CARRIER} > {reached.PBX} in\n{reached.INVITE.format(reached.CARRIER, number)}"
        for number in (3, 4)
    )
    for number, text in enumerate((reached.request(), reached.answer() + calls)):  # answered in the next file
        write_capture(text, etc / f"c{number}.pcap")
    yield f"vault://{etc}/c*.pcap", str(etc), {"pbx": ["192.0.2.1"]}
    gap = FIXTURES / "situations/keepalive-gap-one"
    yield f"vault://{gap}/capture.pcap", str(gap / "etc"), {}
    demo = FIXTURES / "demo"
    yield f"vault://{demo}/capture.pcap", str(demo / "etc"), {"since": "2030-01-01T00:00:00"}


def _reports(jobs: list[Job], path: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (path, str(ROOT))))}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, input=json.dumps(jobs), check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return json.loads(done.stdout)


def test_what_only_workers_can_open_is_read_again_by_them(vault: Path, dask: Dask, tmp_path: Path) -> None:
    jobs = [*_jobs(tmp_path)]
    expected = _reports(jobs, str(vault))
    found = _reports([(capture, config, {**more, "dask": dask.address}) for capture, config, more in jobs], "")
    for job, one, other in zip(jobs, found, expected, strict=True):
        assert one == other, job
    said = "".join(text for text, _ in expected)
    for words in WORDS:
        assert words in said


def test_a_relative_path_is_one_of_this_folder(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES / "demo")
    for path in ("capture.pcap", "./c*.pcap", "."):
        alone, shared = (render(diagnose([path], "etc", jobs=1, dask=at), "json") for at in (None, dask.address))
        assert alone == shared


@pytest.mark.parametrize("gone", [False, True])
def test_what_changed_before_it_is_read_again_is_said(gone: bool, dask: Dask, tmp_path: Path) -> None:
    """Or nobody is left to ask: this process looks itself, and finds the file changed, too."""
    capture, etc, options = next(_jobs(tmp_path))
    path, reports = Path(capture.removeprefix("vault://")), []
    data, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    for at in (None, dask.address):
        wanted: Any = {**options, "jobs": 1, "dask": at}
        with begin([path], wanted) as begun:
            begun.finish()
            path.write_bytes(bytes(100))
            if gone and begun._executor is not None:
                begun._executor.close()
            reports.append(conclude(begun, etc, wanted).report)
        path.write_bytes(data)
        os.utime(path, ns=times)
    alone, shared = reports
    assert alone.notes == shared.notes
    assert "is not the file any more" in "".join(alone.notes)
    assert render(alone, "json") == render(shared, "json")
