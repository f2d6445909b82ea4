"""Many changes from one load are proven as each would be alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.proof.prove import Proof, prove
from pjsipdiag.diagnosis.repairs.proof.together import SectionChange, prove_together
from pjsipdiag.diagnosis.situation import Situation
from tests.diagnosis.repairs.proof.test_prove import ENDPOINTS, IDENTIFY
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

NAMES = "one", "two", "three"
RULES = st.lists(st.tuples(st.sampled_from(["{}", "!{}", "{}/30"]), st.integers(0, 4)), min_size=1, max_size=2)
ADDED = st.lists(
    st.tuples(st.sampled_from(["{}", "{}", "!{}"]), st.integers(3, 7)), min_size=1, max_size=3, unique=True
)
CALLS = [host for identify in range(3) for host in range(16 * identify + 2, 16 * identify + 8)]
ANSWERED = "@ {0} {1}:5060 > 192.0.2.1:5060 in -> {2}\nINVITE sip:100@192.0.2.1 SIP/2.0\n"


def matches(identify: int, drawn: list[tuple[str, int]]) -> list[str]:
    """The values of `match=` for an identify, in its own part of the network."""
    return [form.format(f"203.0.113.{16 * identify + number}") for form, number in drawn]


def situation_of(rules: list[list[str]], calls: list[tuple[str, int]], release: str, folder: Path) -> Situation:
    """An identify for each of the lists of rules, and calls from (address, status)."""
    identifies = (IDENTIFY.format(f"i{at}", NAMES[at], ",".join(some)) for at, some in enumerate(rules))
    (folder / "pjsip.conf").write_text(ENDPOINTS + "".join(identifies))
    text = "".join(ANSWERED.format(at, *call) for at, call in enumerate(calls))
    capture = write_capture(text, folder / "c.pcap")
    return observe([capture], folder, pbx=("192.0.2.1",), asterisk=release).situation


def changes_of(situation: Situation, added: list[list[str]]) -> list[SectionChange]:
    """Lines for the identifies, one after the other; each is meant for the calls from what it adds."""
    found = []
    for number, some in enumerate(added):
        line = ENDPOINTS.count("\n") + 4 * (number + 1)
        edits = (Edit("pjsip.conf", line, (), tuple(f"match={match}" for match in some)),)
        meant = [group for group in situation.groups if group.source in some]
        found.append(SectionChange(f"i{number}", edits, meant))
    return found


def proofs(
    situation: Situation, changes: list[SectionChange]
) -> tuple[tuple[Proof, ...] | None, tuple[Proof | None, ...]]:
    """Those of all changes from one load, and of each from its own."""
    texts = apply_edits(situation.config, chain.from_iterable(change.edits for change in changes))
    alone = (
        prove(situation, apply_edits(situation.config, one.edits), one.groups, tuple(one.edits)) for one in changes
    )
    return prove_together(situation, texts, changes), tuple(alone)


@pytest.mark.parametrize("release", ["16.28.0", "22.10.1"])
@given(
    rules=st.lists(RULES, min_size=3, max_size=3),
    added=st.lists(ADDED, min_size=2, max_size=3),
    statuses=st.lists(st.sampled_from([200, 401]), min_size=len(CALLS), max_size=len(CALLS)),
)
@settings(max_examples=15, deadline=None)
def test_changes_that_are_proven_together_are_proven_as_alone(
    release: str,
    rules: list[list[tuple[str, int]]],
    added: list[list[tuple[str, int]]],
    statuses: list[int],
) -> None:
    with TemporaryDirectory() as folder:
        seen = [(f"203.0.113.{call}", status) for call, status in zip(CALLS, statuses, strict=True)]
        situation = situation_of([matches(*some) for some in enumerate(rules)], seen, release, Path(folder))
        together, alone = proofs(situation, changes_of(situation, [matches(*some) for some in enumerate(added)]))
    # Where a rule stands is another line in files with all changes.
    assert together is None or list(map(bare, together)) == list(map(bare, alone))


def bare(proof: Proof | None) -> object:
    return proof and (replace(proof, opened_rules=()), [(name, rule.text) for name, rule in proof.opened_rules])


@pytest.mark.parametrize(
    ("added", "wanted"),
    [([["203.0.113.12"], ["203.0.113.13"]], True), ([["203.0.113.12"], ["203.0.113.12/30"]], False)],
    ids=["each its own call", "one call in both"],
)
def test_changes_are_proven_together_where_no_call_is_touched_by_two(
    added: list[list[str]], wanted: bool, tmp_path: Path
) -> None:
    rules = [["203.0.113.8"], ["203.0.113.9"]]
    situation = situation_of(rules, [("203.0.113.12", 401), ("203.0.113.13", 401)], "22.10.1", tmp_path)
    together, _ = proofs(situation, changes_of(situation, added))
    assert (together is not None) is wanted
    assert together is None or [(one.fixes, one.changes_others) for one in together] == [(1, 0), (1, 0)]


ASKED = ["auth=pass", "deny=0.0.0.0/0", "auth=gone", "identify_by=username,ip", "acl=none\npermit=203.0.113.0/24", ""]
CHANGES = [
    ("auth=", ";auth="),
    ("auth=", "outbound_auth="),
    ("deny=0.0.0.0/0", "deny=0.0.0.0/0\npermit=203.0.113.0/28"),
    ("identify_by=username,ip", "identify_by=ip"),
    ("identify_by=username,ip", "identify_by=username"),
]
"""What stands in a line of an endpoint, and what is to stand there instead."""
FROM = "@ {0} {1}:5060 > 192.0.2.1:5060 in -> 401\nINVITE sip:100@192.0.2.1 SIP/2.0\nFrom: <sip:{2}@192.0.2.1>;tag=1\n"


@settings(max_examples=60, deadline=None)
@given(
    asked=st.lists(st.lists(st.sampled_from(ASKED), max_size=3, unique=True), min_size=3, max_size=3),
    places=st.lists(st.integers(1, 4), min_size=3, max_size=3),
    callers=st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from([*NAMES, "100"])), min_size=2, max_size=5, unique=True
    ),
    chosen=st.lists(st.sampled_from(CHANGES), min_size=3, max_size=3),
)
def test_what_endpoints_ask_is_proven_together_as_alone(
    asked: list[list[str]], places: list[int], callers: list[tuple[int, str]], chosen: list[tuple[str, str]]
) -> None:
    text = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[pass]\ntype=auth\nusername=x\npassword=y\n"
    for name, lines in zip(NAMES, asked, strict=True):
        text += f"[{name}]\ntype=endpoint\ncontext=in\n" + "".join(f"{line}\n" for line in lines if line)
    text += "".join(IDENTIFY.format(f"i{at}", NAMES[at], f"203.0.113.{place}") for at, place in enumerate(places))
    calls = "".join(FROM.format(at, f"203.0.113.{host}", user) for at, (host, user) in enumerate(callers))
    with TemporaryDirectory() as folder:
        Path(folder, "pjsip.conf").write_text(text)
        capture = write_capture(calls, Path(folder, "c.pcap"))
        situation = observe([capture], folder, pbx=("192.0.2.1",), asterisk="22.10.1").situation
        changes = []
        for name, (old, new) in zip(NAMES, chosen, strict=True):
            start = text.index(f"[{name}]")
            at = text.find(f"\n{old}", start, text.find("\n[", start)) + 1
            if at:
                line = text[at : text.index("\n", at)]
                edit = Edit("pjsip.conf", text.count("\n", 0, at) + 1, (line,), (*line.replace(old, new).split("\n"),))
                meant = [group for group in situation.groups if group.verdict.endpoint == name]
                changes.append(SectionChange(name, (edit,), meant))
        together, alone = proofs(situation, changes)
    assert together is None or list(map(bare, together)) == list(map(bare, alone))


def test_what_endpoints_ask_is_proven_together(tmp_path: Path) -> None:
    trunks = "".join(f"[{name}]\ntype=endpoint\ncontext=in\nauth=pass\n" for name in NAMES)
    text = f"[pass]\ntype=auth\nusername=x\npassword=y\n{trunks}"
    text += "".join(IDENTIFY.format(f"i{at}", name, f"203.0.113.{at}") for at, name in enumerate(NAMES))
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n" + text)
    calls = "".join(FROM.format(at, f"203.0.113.{at}", "100") for at in range(3))
    capture = write_capture(calls, tmp_path / "c.pcap")
    situation = observe([capture], tmp_path, pbx=("192.0.2.1",), asterisk="22.10.1").situation
    edits = [Edit("pjsip.conf", 12 + 4 * at, ("auth=pass",), (";auth=pass",)) for at in range(3)]
    together, _ = proofs(
        situation,
        [
            SectionChange(name, (edit,), situation.groups[at : at + 1])
            for at, (name, edit) in enumerate(zip(NAMES, edits, strict=True))
        ],
    )
    assert [(one.fixes, one.changes_others) for one in together or ()] == [(1, 0)] * 3


SEVERAL = "INVITE sip:100@192.0.2.1 SIP/2.0\nFrom: <sip:{2}@192.0.2.1>;tag=1\nX-Trunk: {3}\n"
AUTHORIZED = 'Authorization: Digest username="{}",realm="a",nonce="1",uri="sip:1",response="2"\n'
WANTED = ["match=203.0.113.{0}", "match_header=X-Trunk: {0}", "match=203.0.113.0/30"]


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["", "dtmf_mode=loud", "auth=pass"]), min_size=3, max_size=3),
    names=st.sampled_from([NAMES, ("one", "anonymous", "two"), ("one", "two@192.0.2.1", "two")]),
    identifies=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(WANTED), st.integers(1, 4)), max_size=4),
    order=st.sampled_from(["", "ip,username,anonymous,auth_username,header", "auth_username,header,username,ip"]),
    callers=st.lists(
        st.tuples(
            st.integers(1, 5),
            st.sampled_from([*NAMES, "100"]),
            st.integers(1, 4),
            st.lists(st.sampled_from(NAMES), max_size=2),
        ),
        min_size=2,
        max_size=5,
        unique_by=lambda caller: caller[:3],
    ),
)
def test_endpoints_that_load_again_are_proven_together_as_alone(
    kinds: Sequence[str],
    names: Sequence[str],
    identifies: Sequence[tuple[int, str, int]],
    order: str,
    callers: Sequence[tuple[int, str, int, Sequence[str]]],
) -> None:
    text = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[pass]\ntype=auth\nusername=x\npassword=y\n"
    text += f"[global]\ntype=global\nendpoint_identifier_order={order}\n" if order else ""
    changes = []
    for name, kind in zip(names, kinds, strict=True):
        text += f"[{name}]\ntype=endpoint\ncontext=in\nidentify_by=username,auth_username,ip,header\n"
        text += f"{kind}\n" if kind else ""
        if kind == "dtmf_mode=loud":
            changes.append((name, Edit("pjsip.conf", text.count("\n"), (kind,), ("dtmf_mode=auto",))))
    for at, (number, wanted, value) in enumerate(identifies):
        text += f"[i{at}]\ntype=identify\nendpoint={names[number]}\n{wanted.format(value)}\n"
    calls = "".join(
        f"@ {at} 203.0.113.{host}:5060 > 192.0.2.1:5060 in -> 401\n"
        + SEVERAL.format(at, host, user, header)
        + "".join(map(AUTHORIZED.format, known))
        for at, (host, user, header, known) in enumerate(callers)
    )
    with TemporaryDirectory() as folder:
        Path(folder, "pjsip.conf").write_text(text)
        capture = write_capture(calls, Path(folder, "c.pcap"))
        situation = observe([capture], folder, pbx=("192.0.2.1",), asterisk="22.10.1").situation
        meant = situation.groups
        together, alone = proofs(situation, [SectionChange(name, (edit,), meant[:2]) for name, edit in changes])
    assert together is None or list(map(bare, together)) == list(map(bare, alone))


def test_endpoints_that_load_again_are_proven_together(tmp_path: Path) -> None:
    text = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
    text += "".join(f"[{name}]\ntype=endpoint\ncontext=in\ndtmf_mode=loud\n" for name in NAMES)
    text += "".join(IDENTIFY.format(f"i{at}", name, f"203.0.113.{at}") for at, name in enumerate(NAMES))
    (tmp_path / "pjsip.conf").write_text(text)
    calls = "".join(FROM.format(at, f"203.0.113.{at}", "100") for at in range(3))
    capture = write_capture(calls, tmp_path / "c.pcap")
    situation = observe([capture], tmp_path, pbx=("192.0.2.1",), asterisk="22.10.1").situation
    changes = [
        SectionChange(
            name,
            (Edit("pjsip.conf", 8 + 4 * at, ("dtmf_mode=loud",), ("dtmf_mode=auto",)),),
            situation.groups[at : at + 1],
        )
        for at, name in enumerate(NAMES)
    ]
    together, _ = proofs(situation, changes)
    assert [(one.fixes, one.changes_others) for one in together or ()] == [(1, 0)] * 3


@pytest.mark.parametrize(
    ("change", "release", "wanted"),
    [
        (("one", "deny=0.0.0.0/0", "permit=203.0.113.0/24"), "22.10.1", True),
        (("all", "permit=203.0.113.0/24", "permit=0.0.0.0/0"), "22.10.1", False),
        (("to", "line=no", "line=yes"), "22.10.1", False),
        (("to", "server_uri=sip:203.0.113.1", "server_uri=sip:203.0.113.2"), "22.10.1", True),
        (("pass", "username=x", "username=y"), "22.10.1", False),
        (("base", "[base](!)", "[base](!,wide)"), "22.10.1", False),
        (("base", "match=203.0.113.7", "match=203.0.113.8"), "22.10.1", True),
        (("new", "; end", "[new]\ntype=identify\nendpoint=two\nmatch=203.0.113.9"), "22.10.1", True),
        (("new", "; end", "[new]\ntype=identify\nendpoint=two\nmatch=203.0.113.9"), "16.28.0", False),
    ],
    ids=[
        *("an endpoint's list", "a list of all", "a registration's token", "its server", "an auth"),
        *("what a template inherits", "a template", "new", "by hash"),
    ],
)
def test_what_may_touch_any_call_is_proven_alone(
    change: tuple[str, str, str], release: str, wanted: bool, tmp_path: Path
) -> None:
    section, old, new = change
    text = (
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[all]\ntype=acl\npermit=203.0.113.0/24\n"
        "[to]\ntype=registration\nserver_uri=sip:203.0.113.1\nclient_uri=sip:a@203.0.113.1\nline=no\nendpoint=two\n"
        "[pass]\ntype=auth\nusername=x\npassword=y\n[one]\ntype=endpoint\ncontext=in\nauth=pass\ndeny=0.0.0.0/0\n"
        "[two]\ntype=endpoint\ncontext=in\n[wide](!)\nmatch=203.0.113.0/24\n[base](!)\nmatch=203.0.113.7\n"
        "[i](base)\ntype=identify\nendpoint=one\n; end\n"
    )
    (tmp_path / "pjsip.conf").write_text(text)
    capture = write_capture(FROM.format(0, "203.0.113.8", "100"), tmp_path / "c.pcap")
    situation = observe([capture], tmp_path, pbx=("192.0.2.1",), asterisk=release).situation
    line = text.count("\n", 0, text.index(f"{old}\n", text.index("[one]") if section == "one" else 0)) + 1
    edit = Edit("pjsip.conf", line, (old,), (*new.split("\n"),))
    together, alone = proofs(situation, [SectionChange(section, (edit,), situation.groups)])
    assert (together is not None) is wanted
    assert together is None or list(map(bare, together)) == list(map(bare, alone))
