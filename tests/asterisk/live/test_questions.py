"""A running Asterisk whose objects have odd names, by the answers that real ones gave: nothing of it is lost."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.live import asking, saved
from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.asterisk.live.loaded_otherwise import loaded_otherwise
from pjsipdiag.asterisk.live.questions import ask_all
from pjsipdiag.asterisk.live.running import running_config
from pjsipdiag.asterisk.live.snapshot import LiveError, WantedNames
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import Replay
from tests.conformance import message, verdict_differences

FIXTURES = Path(__file__).parents[3] / "fixtures" / "live"
TWIN = "a-very-long-endpoint-name-that-is-longer-than-fifty-one-characters-2"
"""An endpoint that lists cut to the name of another one, and that no identify points to."""


@pytest.fixture(params=["22.10.1", "16.28.0"])
def version(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def answers(version: str) -> Mapping[str, str]:
    path = FIXTURES / f"names-{version.partition('.')[0]}.json.gz"
    found = json.loads(gzip.decompress(path.read_bytes()))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def files(version: str) -> Config:
    config = load_config(FIXTURES / "etc-names", version)
    assert (len(config.endpoints), len(config.identifies)) == (19, 17)
    return config


def test_every_object_is_found_by_its_name(answers: Mapping[str, str], files: Config) -> None:
    live = ask_all(answers.__getitem__, "asterisk -rx", WantedNames(names={"endpoint": tuple(files.endpoints)}))
    assert live.unknown == ()
    for told in (live, saved.from_text(saved.to_text(live), "saved")):
        running = running_config(told)
        assert running.endpoints.keys() == files.endpoints.keys()
        assert {one.name for one in running.identifies} == {one.name for one in files.identifies}
        assert running.registrations.keys() == files.registrations.keys()
        assert list(loaded_otherwise(files, running, told)) == []


def test_an_access_list_of_a_table_is_asked_for_by_its_name(version: str) -> None:
    recorded = json.loads(gzip.decompress((FIXTURES / f"lists-{version.partition('.')[0]}.json.gz").read_bytes()))
    live = ask_all(recorded["answers"].__getitem__, "asterisk -rx", WantedNames())
    config = running_config(live)
    running = Replay(replace(config, not_shown=config.not_shown - {"acl"}), {})
    judged = [(request, running.verdict(message(request, {}))) for request in recorded["requests"]]
    # A list that does not deny leaves open what a second one does, which is not shown.
    known = [(request, verdict) for request, verdict in judged if verdict.outcome != "unknown"]
    assert [verdict_differences(request["expect"], verdict) for request, verdict in known] == [[]] * 6
    files = load_config(None, version, overlay={**recorded["files"], "modules.conf": "[modules]\nautoload=yes\n"})
    assert list(loaded_otherwise(files, config, live)) == []


def test_an_endpoint_that_a_list_cuts_like_another_is_unknown(answers: Mapping[str, str], files: Config) -> None:
    live = ask_all(answers.__getitem__, "asterisk -rx", WantedNames())
    assert files.endpoints.keys() - running_config(live).endpoints.keys() == {TWIN}
    assert [text for text in live.unknown if TWIN[:51] in text]


def test_what_a_command_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 1.0)
    told = tmp_path / "process"
    with pytest.raises(LiveError, match=r"^sh: core show version: no answer within 1 s$"):
        ask_live(f"sh -c 'sleep 600 & echo $! > {told}; wait'")
    process, end = Path("/proc", told.read_text().strip()), time.monotonic() + 5
    while process.exists() and "zombie" not in (process / "status").read_text() and time.monotonic() < end:
        time.sleep(0.05)
    assert not process.exists() or "zombie" in (process / "status").read_text()


def columns(text: str) -> str:
    return "\n".join(line[:70] for line in text.split("\n"))


def beginning(text: str) -> str:
    return text[:500]


@pytest.mark.parametrize(
    ("question", "cut"),
    [
        ("module show like res_pjsip", columns),
        ("module show like res_pjsip", beginning),
        ("pjsip show identifies", beginning),
        ("pjsip show endpoints", beginning),
    ],
)
def test_a_list_that_came_in_part_is_no_answer(
    answers: Mapping[str, str], question: str, cut: Callable[[str], str]
) -> None:
    """The modules' lines end with their state, the other lists with the number of their objects."""
    told = {**answers, question: cut(answers[question])}
    with pytest.raises(LiveError, match=rf"^'{question}': the answer was cut off"):
        ask_all(told.__getitem__, "asterisk -rx", WantedNames())
