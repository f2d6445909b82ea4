"""Headers and URIs that are too long for the buffers that Asterisk prints them into."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import identify
from pjsipdiag.asterisk.verdict import Outcome
from tests.sip_text import messages

LINES = "[u]\ntype=transport\nbind=0.0.0.0\n[trunk]\ntype=endpoint\n[id]\ntype=identify\nendpoint=trunk\n"


def taken(rule: str, line: str, uri: str = "sip:100@192.0.2.1") -> bool:
    (message,) = messages(f"@ 0 203.0.113.10:5060 > 192.0.2.1:5060\nINVITE {uri} SIP/2.0\n{line}")
    config = load_config(None, "22.10.1", overlay={"pjsip.conf": f"{LINES}{rule}\n"})
    return identify(message, config).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(("size", "fits"), [(100, True), (4090, True), (4091, False), (5000, False)])
def test_a_header_that_is_kept_as_text(size: int, fits: bool) -> None:
    """pjsip_generic_string_hdr_print() wants name and value and five bytes more of a buffer of 4,095."""
    assert taken("match_header=X-Trunk: /a$/", f"X-Trunk: {'a' * (size - len('X-Trunk'))}") is fits


@pytest.mark.parametrize(("size", "fits"), [(100, True), (509, True), (510, False)])
def test_a_request_uri(size: int, fits: bool) -> None:
    head = "sip:100@192.0.2.1;x="
    assert taken("match_request_uri=/x=a+$/", "Subject: y", head + "a" * (size - len(head))) is fits
