"""Lines that drop their objects are corrected together as each alone would be."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.repairs.object_repairs import correct_objects
from pjsipdiag.diagnosis.rules import assign_blame
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

TRANSPORT = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
CALL = "@ {0} {1}:5060 > 192.0.2.1:5060 in -> 401\nINVITE sip:100@192.0.2.1 SIP/2.0\n"
TEMPLATES = (
    "[plain](!)\ntype=identify\n[spelt](!)\ntype=identify\nsrv_lookup=yes\n[holed](!)\ntype=identify\nmatch=${IP}\n"
)
MATCHES = [
    "match={}",
    "match={}/99",
    "matchs={}",
    "match={}\nsrv_lookups=maybe",
    "match={}/40\nmatch_headers=x",
    "match={},",
]
IDENTIFIES = st.lists(
    st.tuples(st.sampled_from(["plain", "plain", "spelt", "holed"]), st.sampled_from(MATCHES), st.integers(0, 3)),
    min_size=2,
    max_size=6,
)
ENDPOINTS = st.lists(
    st.sampled_from(["", "dtmf_mode=loud", "match=203.0.113.9", "allow=ulaw\nuse_avpf=perhaps"]), min_size=4, max_size=4
)


@settings(max_examples=40, deadline=None)
@given(IDENTIFIES, ENDPOINTS, st.lists(st.integers(0, 7), min_size=1, max_size=6, unique=True), st.integers(0, 12))
def test_all_at_once_as_one_by_one(
    identifies: list[tuple[str, str, int]], endpoints: list[str], callers: list[int], twice: int
) -> None:
    text = TRANSPORT + TEMPLATES
    text += "".join(f"[e{at}]\ntype=endpoint\ncontext=in\n{more}\n" for at, more in enumerate(endpoints))
    for number, (template, match, at) in enumerate(identifies):
        name = 0 if number == twice else number
        text += f"[i{name}]({template})\nendpoint=e{at}\n{match.format(f'203.0.113.{number}')}\n"
    with TemporaryDirectory() as folder:
        Path(folder, "pjsip.conf").write_text(text)
        calls = "".join(CALL.format(at, f"203.0.113.{caller}") for at, caller in enumerate(callers))
        capture = write_capture(calls, Path(folder, "c.pcap"))
        situation = observe([capture], folder, pbx=("192.0.2.1",)).situation
        causes = list(assign_blame(situation).get("not-loaded", {}).items())
        together = [list(drafts) for drafts in correct_objects(situation, causes)]
        alone: list[list[Draft]] = [list(drafts) for one in causes for drafts in correct_objects(situation, [one])]
        assert together == alone
        assert not causes or any(together)
