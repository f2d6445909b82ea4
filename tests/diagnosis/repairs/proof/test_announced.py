"""A changed text is what the edits announce and nothing else, as Asterisk reads it."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.proof.announced import lines_are_announced, rules_are_announced

TEXT = """[e]
type=endpoint ; the trunk
;--
match=192.0.2.1
--;
[i]
type=identify
endpoint=e
match=203.0.113.10
"""
ADDED = Edit("pjsip.conf", 10, (), ("match=203.0.113.11",))
SHUT = Edit("pjsip.conf", 2, ("type=endpoint ; the trunk",), ("type=endpoint ;-- the trunk",))
OPENED = Edit("pjsip.conf", 3, (";--",), (";",))


def loaded(text: str = TEXT) -> Config:
    return load_config(None, "22.10.1", overlay={"pjsip.conf": text})


@pytest.mark.parametrize(
    ("edits", "text", "announced"),
    [
        ((ADDED,), None, True),
        ((ADDED, Edit("pjsip.conf", 8, ("endpoint=e",), ("endpoint = e",))), None, True),
        ((ADDED,), TEXT, False),
        ((ADDED,), TEXT + "match=203.0.113.12\n", False),
        ((ADDED,), TEXT + "match=203.0.113.11\nmatch=203.0.113.12\n", False),
        ((ADDED,), TEXT.replace("; the trunk", "; another note") + "\n\nmatch=203.0.113.11\n", True),
        ((ADDED,), TEXT.replace("type=identify", "type=endpoint") + "match=203.0.113.11\n", False),
        ((SHUT,), None, False),
        ((OPENED,), None, False),
    ],
)
def test_lines(edits: tuple[Edit, ...], text: str | None, announced: bool) -> None:
    """None: the text that the edits make. One that opens or closes a comment changes the lines behind it as well."""
    config = loaded()
    texts = apply_edits(config, edits) if text is None else {"pjsip.conf": text}
    assert lines_are_announced(config, texts, edits) is announced


@pytest.mark.parametrize(
    ("after", "announced"),
    [
        (TEXT + "match=203.0.113.11\n", True),
        (TEXT, True),
        (TEXT + "match=203.0.113.12\n", False),
        (TEXT.replace("203.0.113.10", "203.0.113.11"), False),
        (TEXT.replace("[i]", "[j]") + "match=203.0.113.11\n", False),
        (TEXT + "match=203.0.113.11\n[k]\ntype=identify\nendpoint=e\nmatch=198.51.100.1\n", False),
    ],
)
def test_rules(after: str, announced: bool) -> None:
    """Where addresses are added no rule goes, and each new one is of a line that was announced."""
    assert rules_are_announced(loaded(), loaded(after), {"pjsip.conf": after}, [ADDED]) is announced
