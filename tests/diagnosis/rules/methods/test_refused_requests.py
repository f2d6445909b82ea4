"""Refused requests of many: nobody buries those that matter, and each is replayed once."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from pjsipdiag import diagnose
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.sip import SipMessage
from tests.diagnosis.scene import write_scene

STRANGER = """@ {0}.0 192.0.2.{1}:5060 > 192.0.2.1:5060 in -> 401
{2} sip:192.0.2.1 SIP/2.0
From: <sip:{3}@192.0.2.1>;tag=1
To: <sip:{3}@192.0.2.1>

"""


@pytest.mark.parametrize(("method", "rule"), [("REGISTER", "request-refused"), ("OPTIONS", "keepalive-refused")])
def test_refused_strangers_bury_nobody_whom_the_files_name(method: str, rule: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[Alice]\ntype=endpoint\ncontext=in\n[Alice]\ntype=aor\n"
    )
    strangers = [STRANGER.format(number, number, method, f"u{number}") for number in range(2, 42)]
    known = STRANGER.format(90, 200, method, "alice")
    capture = write_scene("".join([*strangers, known]), tmp_path / "c.pcap")
    found = [one for one in diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings if one.rule == rule]
    assert len(found) == 16 + 1 + 1
    assert any(one.sources == ("192.0.2.200",) for one in found)
    assert "24 other sources (192.0.2.18, 192.0.2.19" in found[-1].message


def test_refusals_of_one_kind_and_telephones_behind_one_rule_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[301]\ntype=endpoint\ncontext=in\nauth=301\n[301]\n"
        "type=auth\nusername=301\npassword=x\n[trunk]\ntype=endpoint\ncontext=in\n[trunk]\ntype=identify\n"
        "endpoint=trunk\nmatch=10.0.0.0/8\n"
    )
    asked = STRANGER.replace("192.0.2.{1}:", "10.0.0.{1}:").replace("-> 401", "-> 404")
    asks = [asked.format(number, number, "SUBSCRIBE", "u") for number in range(2, 42)]
    asks += [asked.format(number + 100, number, "REGISTER", "301") for number in range(2, 42)]
    capture = write_scene("".join(asks), tmp_path / "c.pcap")
    found = diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings
    assert [len(one.sources) for one in found if one.rule == "telephone-taken"] == [40]
    told = [one.message for one in found if one.rule == "request-refused"]
    said = [*told, *(text for one in found for text in one.consequences)]
    assert len(told) <= 16 + 1
    assert any("24 other sources (10.0.0.18" in text and "like those of 10.0.0.2" in text for text in said)


def test_methods_that_somebody_makes_up_bury_nothing(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[alice]\ntype=endpoint\ncontext=in\n[alice]\ntype=aor\n"
    )
    asks = [STRANGER.format(number, 2, f"MADEUP{number}", "u") for number in range(2, 202)]
    capture = write_scene("".join([*asks, STRANGER.format(300, 200, "MESSAGE", "alice")]), tmp_path / "c.pcap")
    found = diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "request-refused"]
    assert len(told) == 16 + 1 + 1
    assert any(one.sources == ("192.0.2.200",) for one in told)
    assert "184 times" in told[-1].message and "of 1 source (192.0.2.2)" in told[-1].message
    assert "no such method" in (told[-1].advice or "")
    assert max(len(text) for one in found for text in one.evidence) < 1000


@pytest.mark.parametrize("senders", [2, 30])
def test_a_made_up_method_stands_in_no_command_that_somebody_may_paste(senders: int, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    asked = [STRANGER.format(number, number, "A`reboot`", f"u{number}") for number in range(2, senders + 2)]
    found = diagnose([write_scene("".join(asked), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    refused = [one for one in found if one.rule == "request-refused"]
    assert refused and not any("reboot" in one.advice for one in found)


def test_sections_of_other_names_cost_no_refusal_anything(tmp_path: Path) -> None:
    """It took 12 seconds when each refusal looked at every section whose type is misspelt."""
    sections = "".join(f"[s{number}]\ntype=endpiont\n" for number in range(3000))
    (tmp_path / "pjsip.conf").write_text(f"[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n{sections}")
    methods = ("REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH")
    asked = [STRANGER.format(number, number, method, f"u{number}") for number in range(2, 102) for method in methods]
    capture, began = write_scene("".join(asked), tmp_path / "c.pcap"), process_time()
    found = diagnose([capture], tmp_path, pbx=("192.0.2.1",)).findings
    assert len([one for one in found if one.rule in ("request-refused", "keepalive-refused")]) > 80
    assert process_time() - began < 5


def test_nobody_who_asks_where_nothing_listens_makes_a_finding_long(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    asked = [
        STRANGER.replace("192.0.2.1:5060 in -> 401", "192.0.2.1:5090 in").format(number, number, "OPTIONS", "u")
        for number in range(2, 52)
    ]
    found = diagnose([write_scene("".join(asked), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    (silent,) = [one for one in found if one.rule == "wrong-transport"]
    assert "50 requests" in silent.message and len(silent.sources) == 16


def test_forged_answers_of_every_status_to_every_method_bury_nothing(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[alice]\ntype=endpoint\ncontext=in\n[alice]\ntype=aor\n"
        "[carol]\ntype=endpoint\ncontext=in\n"
    )
    stranger, number, scene = STRANGER.replace("192.0.2.{1}:", "{1}:"), 2, []
    for user, methods in (("u", ("MESSAGE", "OPTIONS")), ("alice", ("MESSAGE", "PUBLISH", "OPTIONS"))):
        for method in methods:
            for status in (*range(300, 490), *range(500, 520)):
                number += 1
                source = f"198.51.{number // 250}.{number % 250 + 1}"
                scene.append(stranger.replace("-> 401", f"-> {status}").format(number, source, method, user))
    scene.append(stranger.replace("-> 401", "-> 489").format(number + 1, "192.0.2.9", "MESSAGE", "carol"))
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    refused = [one for one in found if one.rule == "request-refused"]
    answered = [one for one in found if one.rule == "keepalive-refused"]
    told = [one.message for one in found]
    told += [text for one in found for text in one.consequences]
    assert len(refused) + len(answered) <= 4 * (100 + 1)
    assert any(one.sources == ("192.0.2.9",) for one in refused)
    assert [text for text in told if "the MESSAGE and PUBLISH requests of 321 other sources" in text]
    assert [text for text in told if "110 other sources" in text and "nothing in the files names them" in text]


def test_refused_requests_are_replayed_once_for_all_rules_and_repairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    replayed = list[SipMessage]()
    verdict = Replay.verdict

    def counting(replay: Replay, request: SipMessage) -> Verdict:
        replayed.append(request)
        return verdict(replay, request)

    monkeypatch.setattr(Replay, "verdict", counting)
    asked = [STRANGER.format(number, number, "OPTIONS", f"u{number}") for number in range(2, 102)]
    diagnose([write_scene("".join(asked), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",))
    # Once as an exchange, once as a refusal.
    assert len(replayed) <= 2 * 100
