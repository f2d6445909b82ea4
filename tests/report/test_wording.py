"""What formats for people share: the list of doors is whole in each of them."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.space.doors import doors
from pjsipdiag.report import render
from tests.diagnosis.space.test_doors import load
from tests.doors import cases, files
from tests.report.build import healthy

ADDRESS = "203.0.113.10"


def of_case(name: str) -> Report:
    case = next(case for case in cases() if case["name"] == name)
    return replace(healthy(), captures=(), doors=doors(load(files(case), "22.10.1")))


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
@pytest.mark.parametrize("name", [case["name"] for case in cases()])
def test_each_door_is_listed(name: str, format: str) -> None:
    report = of_case(name)
    said = re.sub(r"\s+", " ", html.unescape(render(report, format, width=200)))
    for door in json.loads(render(report, "json"))["doors"]:
        assert f"{door['where']['line']}" in said or format == "text"
        for fact in (door["endpoint"], door["context"], door["identifier"], *door["sources"]):
            assert fact in said
    assert said.count("no: open") == sum(door.state == "open" for door in report.doors)


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_doors_beyond_what_is_shown_are_counted(format: str) -> None:
    endpoints = "".join(f"[e{number}]\ntype=endpoint\nidentify_by=username\n" for number in range(10_101))
    config = load_config(None, "22.10.1", overlay={"pjsip.conf": f"[t]\ntype=transport\nbind=0.0.0.0\n{endpoints}"})
    said = render(replace(healthy(), doors=doors(config)), format)
    assert "10,001 more doors are not shown" in said or "101 more doors not shown here" in said
