"""Doors of configurations, held against what a real Asterisk answered to a stranger (fixtures/doors)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.model import DoorState
from pjsipdiag.diagnosis.rules.doors.strangers import blind_spots, open_doors
from pjsipdiag.diagnosis.space import doors as trying
from pjsipdiag.diagnosis.space.doors import doors
from tests.doors import DOORS, cases, files

RECORDED = json.loads((DOORS / "recorded.json").read_text("utf-8"))
CASES = [
    pytest.param(release, case, answers[case["name"]], id=f"{release}: {case['name']}")
    for release, answers in RECORDED.items()
    for case in cases()
    if case["name"] in answers
]


def load(texts: dict[str, str], release: str) -> Config:
    return load_config(None, release, overlay={"acl.conf": "", "pjsip_wizard.conf": "", **texts})


@pytest.mark.parametrize(("release", "case", "answers"), CASES)
def test_a_door_is_open_where_asterisk_lets_a_stranger_in(
    release: str, case: dict[str, Any], answers: list[list[str]]
) -> None:
    found = doors(load(files(case), release))
    open_ = {(door.endpoint, door.identifier) for door in found if door.state is DoorState.OPEN}
    assert open_ == {(endpoint, by) for endpoint, by, outcome in answers if outcome == "accepted"}
    asks = {(door.endpoint, door.identifier) for door in found if door.state is DoorState.PASSWORD}
    assert asks == {(endpoint, by) for endpoint, by, outcome in answers if outcome == "challenged"}


def test_enough_was_recorded() -> None:
    assert len(RECORDED) >= 2
    assert all(len(answers) >= 20 for answers in RECORDED.values())


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="[]\r\n\0;", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=60)
@given(st.lists(NAMES.filter(lambda name: name == name.strip() and len(name.encode()) < 79), unique=True, max_size=6))
def test_every_endpoint_that_a_name_finds_is_a_door(names: list[str]) -> None:
    body = "".join(f"[{name}]\ntype=endpoint\ncontext=in\n" for name in names)
    config = load({"pjsip.conf": f"[udp-transport]\ntype=transport\nbind=0.0.0.0\n{body}"}, "22.10.1")
    found = {door.endpoint for door in doors(config) if door.identifier == "username"}
    assert {name for name in config.endpoints if "@" not in name} == {name for name in found if "@" not in name}
    assert all(finding.advice for finding in open_doors(config))


@pytest.mark.parametrize("option", ["match_header=X-Token: ", "match_request_uri=sip:30"])
def test_doors_that_were_not_tried_are_said(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = "".join(f"[i{n}]\ntype=identify\nendpoint=a\n{option}{n}\n" for n in range(3))
    text = f"[t]\ntype=transport\nbind=0.0.0.0\n[a]\ntype=endpoint\nidentify_by=header,request_uri\n{rules}"
    config = load({"pjsip.conf": text}, "22.10.1")
    assert not [note for note in blind_spots(config) if "were tried" in note]
    monkeypatch.setattr(trying, "MOST_WALKED", 6)
    assert [note for note in blind_spots(config) if "of 3 by a" in note and "the first 2 were tried" in note]
    assert [door.state for door in doors(config)].count(DoorState.UNKNOWN) == 1


@pytest.mark.parametrize("match", ["0.0.0.0/0", "::/0"], ids=["another rule comes first", "nothing listens for it"])
def test_a_rule_for_everybody_that_nobody_reaches_is_no_open_door(match: str) -> None:
    first = "[a]\ntype=endpoint\ncontext=in\nidentify_by=ip\n[a-id]\ntype=identify\nendpoint=a\nmatch=0.0.0.0/0\n"
    other = f"[b]\ntype=endpoint\ncontext=in\nidentify_by=ip\n[b-id]\ntype=identify\nendpoint=b\nmatch={match}\n"
    config = load({"pjsip.conf": f"[t]\ntype=transport\nbind=0.0.0.0\n{first}{other}"}, "22.10.1")
    assert {door.endpoint for door in doors(config) if door.state is DoorState.OPEN} == {"a"}
