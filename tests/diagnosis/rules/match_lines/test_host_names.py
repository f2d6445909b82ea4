"""Host names in match=: when the releases look them up again."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.rules.match_lines.host_names import host_names

FILES = "[a]\ntype=endpoint\n[i]\ntype=identify\nendpoint=a\nmatch=sip.provider.example\n"


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("16.16.2", "restart Asterisk"),
        ("17.9.4", "restart Asterisk"),
        ("16.17.0", "`module reload res_pjsip.so`"),
        ("22.10.1", "`module reload res_pjsip.so`"),
    ],
)
def test_a_reload_looks_names_up_where_the_release_does(version: str, command: str) -> None:
    (finding,) = host_names(load_config(None, version, overlay={"pjsip.conf": FILES}))
    assert command in finding.advice
