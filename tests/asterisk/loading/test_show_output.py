"""What `pjsip show` printed on real Asterisk 16.28.0 and 22.10.1 for one configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.show_output import parse_identifies

SHOWN = Path(__file__).parents[3] / "fixtures" / "shown"


@pytest.mark.parametrize("name", ["identifies-16", "identifies-22", "endpoints-16", "endpoints-22"])
def test_identifies_of_a_running_asterisk(name: str) -> None:
    assert parse_identifies((SHOWN / f"{name}.txt").read_text()) == {
        "authed": ("203.0.113.40/32",),
        "nowhere": ("203.0.113.50/32",),
        "provider-identify": (
            "203.0.113.10/32",
            "203.0.113.16/28",
            "!203.0.113.17/32",
            "2001:db8::10/128",
            "203.0.113.99/32",
        ),
    }


def test_port_colour_and_names_with_a_slash() -> None:
    text = (
        "\x1b[1;32m Identify:  a/b/trunk\x1b[0m\n      Match: [2001:db8::1]:5062/128\n      Match: 192.0.2.1:5062/32\n"
    )
    assert parse_identifies(text) == {"a/b": ("[2001:db8::1]:5062/128", "192.0.2.1:5062/32")}


def test_anything_else_is_nothing() -> None:
    assert parse_identifies("No objects found.\n\nMatch: 192.0.2.1/32\n") == {}
