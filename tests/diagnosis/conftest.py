"""Captures of tests are short: forms of requests are learnt early there, as in the middle of a long one."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.forms import head_forms

EARLY = 4


@pytest.fixture(autouse=True)
def learnt_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_forms, "LEARNT", EARLY)
