"""Captures that somebody forged: what he writes lets nobody in, and takes nothing away."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main

pytestmark = pytest.mark.usefixtures("extensions")

FOLDER = Path(__file__).parents[2] / "fixtures" / "adversary"
CASES = json.loads((FOLDER / "cases.json").read_text())


def run(command: str, case: dict[str, Any], *options: str) -> str:
    arguments = [command, str(FOLDER / case["capture"]), "-c", str(FOLDER / case["config"]), *options]
    return CliRunner().invoke(main, arguments, catch_exceptions=False).stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["capture"])
def test_claims_neither_make_nor_take_a_likely_line(case: dict[str, Any]) -> None:
    values = re.findall(r"^\s*\+\s*match=(\S+)", run("suggest", case, *case["arguments"]), re.MULTILINE)
    networks = [ipaddress.ip_network(value) for value in values]
    let_in = [
        ip for ip in (*case["never_covered"], *case["covered"]) for net in networks if ipaddress.ip_address(ip) in net
    ]
    assert let_in == case["covered"]
    said = " ".join(run("diagnose", case).split())
    assert [words for words in case["never_said"] if words in said] == []
