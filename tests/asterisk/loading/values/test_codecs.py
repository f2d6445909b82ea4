"""`allow` and `disallow` leave the formats that real Asterisk showed (fixtures/codecs/lists.toml)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.values import parse_codecs
from pjsipdiag.asterisk.releases import release
from tests.asterisk.loading.values.cases import RELEASES, section, split

LISTS = tomllib.loads((Path(__file__).parents[4] / "fixtures/codecs/lists.toml").read_text(encoding="utf-8"))["list"]


@pytest.mark.parametrize("case", LISTS, ids=lambda case: " ".join(case["lines"]))
@pytest.mark.parametrize("branch", RELEASES)
def test_the_lines_leave_the_formats_in_order(case: dict[str, list[str]], branch: str) -> None:
    variables = section("endpoint", "e", [split(line) for line in case["lines"]]).variables[1:]
    assert list(parse_codecs(variables, release(RELEASES[branch]))) == case[f"formats_{branch}"]
