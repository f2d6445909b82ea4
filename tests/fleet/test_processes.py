"""Twenty PBXs that refuse one provider's new address: one cause, twenty places, a patch for each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.fleet.model import Member
from pjsipdiag.fleet.plan import Pbx, read_plan
from pjsipdiag.fleet.processes import Diagnosis, diagnose_fleet
from tests.bench.captures import write
from tests.capture.files import cut
from tests.fleet.build import COUNT, NEW, OLD, OWN, SCANNER, pbx, write_fleet
from tests.fleet.conftest import Run, apart, fleet

CONFIG = Path(__file__).parents[2] / "fixtures/demo/etc"
NAMES = [f"pbx-{number:02}" for number in range(1, COUNT + 1)]


def test_one_root_cause_is_one_finding_with_all_its_places(run: Run) -> None:
    assert run.status == 1, run.said
    found = json.loads((run.folder / "out.json").read_text())
    cause = found["causes"][0]
    assert (cause["rule"], cause["severity"], cause["sources"], cause["calls"]) == (
        "unmatched-source",
        "error",
        [NEW],
        COUNT,
    )
    assert [place["pbx"] for place in cause["places"]] == NAMES
    assert not any(NEW in other["sources"] for other in found["causes"][1:])
    assert f"({COUNT}): {NEW}" in found["headline"]
    others = {
        (one["rule"], tuple(one["sources"])): [place["pbx"] for place in one["places"]] for one in found["causes"]
    }
    assert others["scanner", (SCANNER,)] == NAMES[2::3]
    assert others["media-rejected", (OWN,)] == ["pbx-07"]


def test_sources_that_several_saw_are_told_with_what_each_made_of_them(run: Run) -> None:
    found = json.loads((run.folder / "out.json").read_text())
    kinds = {source["address"]: source["kind"] for source in found["shared_sources"]}
    assert kinds == {NEW: "unmatched at 20", OLD: "matched at 20", SCANNER: "unmatched at 6"}
    assert all(member["status"] == "problems" for member in found["pbxs"])


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch: apt install patch")
@pytest.mark.parametrize("number", [1, 2, 13])
def test_the_patch_of_a_place_mends_that_pbx(number: int, run: Run, tmp_path: Path) -> None:
    found = json.loads((run.folder / "out.json").read_text())
    name = f"pbx-{number:02}"
    place = next(place for place in found["causes"][0]["places"] if place["pbx"] == name)
    etc = shutil.copytree(run.folder / name / "etc", tmp_path / "etc")
    subprocess.run(["patch", "-p1", "-s"], cwd=etc, input=place["patch"], text=True, check=True)
    report = diagnose([run.folder / name / "captures"], etc, pbx=(pbx(number),))
    assert NEW not in report.unmatched
    assert (run.folder / "html" / f"{name}.patch").read_text() == place["patch"]


def test_who_cannot_be_reached_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    plan = write_fleet(tmp_path, 3)
    text = plan.read_text().replace('name = "pbx-02"', 'name = "pbx-02"\nconfig = "sftp://127.0.0.1:1/etc/asterisk"')
    plan.write_text(text + '[[pbx]]\nname = "pbx-09"\ncaptures = "nowhere/*.pcap"\nconfig = "pbx-01/etc"\n')
    done = fleet(plan, "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert [member["status"] for member in found["pbxs"]] == ["problems", "not diagnosed", "problems", "not diagnosed"]
    assert "sftp://127.0.0.1:1/etc/asterisk" in found["pbxs"][1]["failed"]
    assert [place["pbx"] for place in found["causes"][0]["places"]] == ["pbx-01", "pbx-03"]
    assert len(found["missing"]) == 2


def test_nobody_reached_is_status_2(tmp_path: Path) -> None:
    plan = tmp_path / "FLEET.toml"
    plan.write_text('[[pbx]]\nname = "one"\ncaptures = "nowhere.pcap"\nconfig = "nowhere"\n')
    done = fleet(plan)
    assert (done.exit_code, done.stderr) == (2, "")
    assert "one: not diagnosed" in done.stdout


class Ending(Diagnosis):
    """One PBX's process is killed."""

    def __call__(self, pbx: Pbx) -> Member:
        if pbx.name == "pbx-02":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(pbx)


def test_a_process_that_is_killed_is_named(tmp_path: Path) -> None:
    found = diagnose_fleet(read_plan(str(write_fleet(tmp_path, 3))), Ending(), 2)
    assert [bool(member.failure) for member in found.members] == [False, True, False]
    assert "was ended" in found.members[1].failure


@pytest.mark.parametrize("where", ["local", "tcp"])
def test_workers_say_the_same(where: str, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs Dask: pip install 'pjsipdiag[dask]'")
    from tests.diagnosis.work.test_cluster import running

    plan = run.folder / "four.toml"
    plan.write_text("[[pbx]]".join((run.folder / "FLEET.toml").read_text().split("[[pbx]]")[:5]))
    with running(tmp_path / "dask", 2 if where == "tcp" else 0) as (dask, _):
        done = apart(plan, "--format", "json", "--dask", dask.address if where == "tcp" else where)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == fleet(plan, "--format", "json").stdout


def test_a_scheduler_that_is_not_there_is_one_line(run: Run) -> None:
    pytest.importorskip("distributed", reason="needs Dask: pip install 'pjsipdiag[dask]'")
    done = apart(run.folder / "FLEET.toml", "--dask", "tcp://127.0.0.1:1")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_any_number_of_processes_says_the_same(run: Run) -> None:
    plan = run.folder / "FLEET.toml"
    assert fleet(plan, "--jobs", "1", "--format", "json").stdout == (run.folder / "out.json").read_text()


@pytest.mark.parametrize(
    ("asked", "status", "member", "rules"),
    [
        ((), 1, "problems", ["unmatched-source"]),
        (("--fail-on", "error"), 1, "problems", ["unmatched-source"]),
        (("--fail-on", "never"), 0, "problems", ["unmatched-source"]),
        (("--ignore", "unmatched-source"), 0, "ok", []),
        (("--until", "2000-01-01T00:00:00"), 1, "problems", ["no-invite"]),
        (("--since", "yesterday"), 2, "", []),
        (("--ignore", "unmatched-sauce"), 2, "", []),
    ],
)
def test_what_counts_is_asked_for(asked: tuple[str, ...], status: int, member: str, rules: list[str], run: Run) -> None:
    plan = run.folder / "one.toml"
    plan.write_text("[[pbx]]".join((run.folder / "FLEET.toml").read_text().split("[[pbx]]")[:2]))
    done = fleet(plan, "--format", "json", *asked)
    assert done.exit_code == status, done.stderr
    if status == 2:
        assert done.stdout == ""
        assert asked[1] in done.stderr.splitlines()[-1]
        return
    found = json.loads(done.stdout)
    assert ([one["status"] for one in found["pbxs"]], [one["rule"] for one in found["causes"]]) == ([member], rules)


def test_captures_are_folders_and_patterns_of_rotated_files(tmp_path: Path) -> None:
    """They are one capture, and the same file twice is one."""
    whole = tmp_path / "whole.pcap"
    write(whole, "tcp", 2000)
    folder = cut(whole.read_bytes(), [300, 900, 1500], tmp_path / "files")
    plan = tmp_path / "FLEET.toml"
    names = ["whole.pcap", "files", ["files/*", "files"]]
    rows = [f'[[pbx]]\nname = "p{at}"\ncaptures = {json.dumps(name)}\n' for at, name in enumerate(names)]
    plan.write_text(f'[fleet]\nconfig = "{CONFIG}"\n' + "".join(rows))
    found = json.loads(fleet(plan, "--format", "json").stdout)["pbxs"]
    first = {
        name: value for name, value in found[0].items() if name in ("calls", "failed_calls", "headline", "sources")
    }
    assert first["calls"] and all(first.items() <= one.items() for one in found)
    assert [one["captures"] for one in found] == [1, len(list(folder.iterdir())), len(list(folder.iterdir()))]
