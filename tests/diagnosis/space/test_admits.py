"""A provider's list of addresses: what each line changes, and what it lets in that was never seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pjsipdiag.cli import main

FIXTURES = Path(__file__).parents[3] / "fixtures"
DEMO = ("diagnose", str(FIXTURES / "demo/capture.pcap"), "-c", str(FIXTURES / "demo/etc"))


def run(tmp_path: Path, text: str, *options: str) -> Result:
    (tmp_path / "list").write_text(text)
    section = ("--in", "provider-identify")
    arguments = [*DEMO, "--try-file", str(tmp_path / "list"), *section, *options]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, arguments)
    assert "fault of pjsipdiag" not in result.stderr
    return result


def test_each_line_by_itself(tmp_path: Path) -> None:
    text = "# ours\n203.0.113.13, 203.0.113.10\n203.0.113.0/28 ; the whole\n2001:db8::/126\n"
    result = run(tmp_path, text, "--format", "json")
    assert result.exit_code == 1
    rows = {row["network"]: row for row in json.loads(result.stdout)["lines"]}
    told = {network: (row["line"], row["addresses"], row["unseen"]) for network, row in rows.items()}
    assert told == {
        "203.0.113.13/32": (2, 1, 0),
        "203.0.113.10/32": (2, 1, 0),
        "203.0.113.0/28": (3, 16, 12),  # of it .10 to .13 called
        "2001:db8::/126": (4, 4, 4),
    }
    assert [change["calls"] for change in rows["203.0.113.13/32"]["changes"]] == [2]
    assert rows["203.0.113.10/32"]["changes"] == rows["2001:db8::/126"]["changes"] == []
    assert rows["203.0.113.10/32"]["taken_by"].startswith("203.0.113.10 ")


def test_the_sum_stands_first(tmp_path: Path) -> None:
    shown = run(tmp_path, "203.0.113.13\n203.0.113.16/30\n").stdout
    assert shown.startswith("1 of 2 lines would move calls; together they let in 4 addresses never seen.")


@pytest.mark.parametrize(
    ("text", "said"), [("203.0.113.13\nsip.example\n", "list:2"), ("# none\n", "holds no address")]
)
def test_a_list_that_is_none_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    result = run(tmp_path, text)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_section_is_needed(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("203.0.113.13\n")
    result = CliRunner().invoke(main, [*DEMO, "--try-file", str(tmp_path / "list")])
    assert (result.exit_code, "--in SECTION" in result.stderr) == (2, True)
