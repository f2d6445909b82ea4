"""Refusals that the log of real Asterisk 16.28.0 and 22.10.1 tells without the SIP."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag import diagnose, render
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.report.headline import headline

FILES = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[acl]
type=acl
contact_deny=198.51.100.0/24
deny=203.0.113.66
[bob]
type=endpoint
[r]
type=registration
server_uri=sip:192.0.2.9
client_uri=sip:100@192.0.2.9
"""
NOBODY = "Request 'REGISTER' from '<sip:nobody@192.0.2.1>' failed for '203.0.113.10:5060' (callid: s@x) - "


def findings(lines: list[str], tmp_path: Path, files: str = FILES) -> list[Finding]:
    (tmp_path / "pjsip.conf").write_text(files)
    log = "".join(f"[2026-11-30 17:00:42.340] NOTICE[31] x.c: {line}\n" for line in lines)
    (tmp_path / "full").write_text(log)
    report = diagnose([tmp_path / "full"], tmp_path)
    return [one for one in report.findings if any("known from the log only" in text for text in one.evidence)]


def test_credentials_of_a_request_that_nobody_takes_are_refused_as_nobody_s(tmp_path: Path) -> None:
    lines = [NOBODY + "No matching endpoint found", NOBODY + "Failed to authenticate"]
    assert [one.rule for one in findings(lines, tmp_path)] == ["unmatched-source"]


@pytest.mark.parametrize("user", ["Maximum retries", "registration attempt", "non-SIP URI", "extension not found"])
def test_the_name_that_somebody_registers_says_nothing_of_why_it_is_refused(user: str, tmp_path: Path) -> None:
    (found,) = findings([f"AOR '{user}' not found for endpoint 'bob' (203.0.113.10:5060)"], tmp_path)
    (usual,) = findings(["AOR '100' not found for endpoint 'bob' (203.0.113.10:5060)"], tmp_path)
    assert (found.rule, found.advice) == (usual.rule, usual.advice)


@pytest.mark.parametrize(
    "line",
    [
        "Request 'INVITE' from '<sip:bob:geheim@192.0.2.1>' failed for '203.0.113.10:5060' (callid: s@x) - No matching"
        " endpoint found",
        "Fatal response '403' received from 'sip:192.0.2.9' on registration attempt to 'sip:100:geheim@192.0.2.9',"
        " stopping outbound registration",
    ],
)
def test_a_password_in_a_uri_of_the_log_is_not_shown(line: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(FILES.replace("sip:100@", "sip:100:geheim@"))
    (tmp_path / "full").write_text(f"[2026-11-30 17:00:42.340] NOTICE[31] x.c: {line}\n")
    report = diagnose([tmp_path / "full"], tmp_path)
    told = [one for one in report.findings if any("known from the log only" in text for text in one.evidence)]
    assert [one.rule for one in told] in (["unmatched-source"], ["registration-refused"])
    assert "geheim" not in render(report, "text") + render(report, "json")
    assert "registration [r]" in told[0].message or told[0].rule == "unmatched-source"


def test_a_sentence_that_not_all_lines_say_is_not_said_of_all(tmp_path: Path) -> None:
    one, two = (f"AOR '{user}' not found for endpoint 'bob' (203.0.113.10:5060)" for user in ("100", "101"))
    (alike,), (different,) = findings([one, one], tmp_path), findings([one, two], tmp_path)
    assert alike.message.endswith("2 lines of the log say 'AOR '100' not found for endpoint 'bob''")
    assert different.message.endswith("'AOR '100' not found for endpoint 'bob'' or the like")


def test_registrations_beyond_those_that_are_told_are_counted(tmp_path: Path) -> None:
    failed = "Fatal response '403' received from 'sip:192.0.2.9' on registration attempt to 'sip:{}@192.0.2.9'"
    found = findings([failed.format(number) for number in range(42)], tmp_path)
    assert len(found) == 40 + 1
    assert found[-1].message == "2 more registrations of the PBX fail: 2 lines of the log"


def test_refused_credentials_alone_do_not_prove_an_endpoint(tmp_path: Path) -> None:
    (found,) = findings([NOBODY + "Failed to authenticate"], tmp_path)
    assert found.rule == "challenged-by-auth"
    text = " ".join(found.evidence)
    assert "only after an endpoint was found" not in text
    assert "for which it found no endpoint" in text


@pytest.mark.parametrize(
    "line",
    [
        "Incoming SIP message from 203.0.113.66:5060 did not pass ACL test",
        "SIP ACL: Rejecting '203.0.113.66' due to a failure to pass ACL '(BASELINE)'",
    ],
)
def test_the_access_list_before_identification_names_no_endpoint(line: str, tmp_path: Path) -> None:
    (found,) = findings([line], tmp_path)
    assert (found.rule, found.sources) == ("denied-by-acl", ("203.0.113.66",))
    text = " ".join(found.evidence)
    assert "only after an endpoint was found" not in text
    assert "pjsip.conf:5" in text
    assert found.advice.startswith("permit 203.0.113.66 in the access list of the")
    assert "type=acl section" in found.advice


def test_a_denied_contact_is_not_the_source(tmp_path: Path) -> None:
    (found,) = findings(["Incoming SIP message from 198.51.100.7:0 did not pass ACL test"], tmp_path)
    assert (found.rule, found.sources) == ("denied-by-acl", ())
    assert "permit the host of its Contact" in found.advice


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("Failed to validate contacts in REGISTER request from 'bob'", "its Contact headers are at fault"),
        ("Invalid modifications made to REGISTER request from 'bob' by intervening proxy", "`Supported: path`"),
        ("Endpoint 'bob' (203.0.113.10:5060) attempted to register to an AOR with a non-SIP URI", "its To header"),
        ("Endpoint 'bob' (203.0.113.10:5060) has no configured AORs", "a registration needs an AOR"),
    ],
)
def test_what_a_refused_registration_needs(line: str, advice: str, tmp_path: Path) -> None:
    (found,) = findings([line], tmp_path)
    assert found.rule == "no-invite"
    assert advice in found.advice


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("Fatal registration attempt to 'sip:100@192.0.2.9', stopping outbound registration", "nobody answers"),
        (
            "Maximum retries reached when attempting outbound registration to 'sip:192.0.2.9' with client"
            " 'sip:100@192.0.2.9', stopping registration attempt",
            "it is given up",
        ),
        (
            "Fatal response '404' received from 'sip:192.0.2.9' on registration attempt to 'sip:100@192.0.2.9',"
            " stopping outbound registration",
            "does not know that user",
        ),
    ],
)
def test_a_registration_of_the_pbx_that_is_given_up(line: str, meaning: str, tmp_path: Path) -> None:
    (found,) = findings([line], tmp_path)
    assert found.rule == "registration-refused"
    assert meaning in found.message
    assert found.where is not None
    assert found.where.section == "r"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (NOBODY[:70], "a part of each was cut off, or changed"),
        (NOBODY.replace("203.0.113.10", "[REDACTED]") + "No matching endpoint found", "replaced by '[REDACTED]'"),
    ],
)
def test_refusals_of_somebody_unknown_are_not_told_as_silence(line: str, words: str, tmp_path: Path) -> None:
    assert findings([line], tmp_path) == []
    report = diagnose([tmp_path / "full"], tmp_path)
    assert words in report.findings[0].message
    assert headline(report).startswith("Nothing can be judged")


@pytest.mark.parametrize(("names", "told"), [(("100", "101", "admin"), True), (("100", "+4940123"), False)])
def test_names_that_scanners_try_are_told(names: tuple[str, ...], told: bool, tmp_path: Path) -> None:
    said = NOBODY.replace("REGISTER", "INVITE") + "No matching endpoint found"
    (found,) = findings([said.replace("nobody", name) for name in names], tmp_path)
    assert any("names that scanners try" in text for text in found.evidence) is told


TRUNK = """[t]
type=transport
protocol={}
bind={}
[carrier]
type=endpoint
[carrier]
type=identify
endpoint=carrier
match=203.0.113.10
match=2001:db8::10
"""
CALL = NOBODY.replace("REGISTER", "INVITE") + "No matching endpoint found"


@pytest.mark.parametrize(("protocol", "bind"), [("udp", "10.1.2.3:5160"), ("tls", "0.0.0.0:5061"), ("wss", "0.0.0.0")])
@pytest.mark.parametrize("source", ["203.0.113.10", "2001:db8::10"])
def test_a_sentence_does_not_say_where_the_request_arrived(
    protocol: str, bind: str, source: str, tmp_path: Path
) -> None:
    line = CALL.replace("203.0.113.10:5060", f"[{source}]:5060" if ":" in source else f"{source}:5060")
    (found,) = findings([line], tmp_path, TRUNK.format(protocol, bind))
    assert any("to carrier by ip" in text for text in found.evidence)
    assert found.advice.startswith("the files would take it now: `asterisk -rx 'pjsip reload'`")


def test_files_by_which_nothing_could_arrive_are_not_all(tmp_path: Path) -> None:
    (found,) = findings([CALL], tmp_path, TRUNK.partition("[carrier]")[1] + TRUNK.partition("[carrier]")[2])
    assert any("no transport is loaded" in text for text in found.evidence)
    assert found.advice.startswith("bring all files")


def test_a_telephone_that_the_files_have_is_not_called_missing(tmp_path: Path) -> None:
    (found,) = findings([NOBODY.replace("nobody", "bob") + "No matching endpoint found"], tmp_path)
    assert any("to bob by username" in text for text in found.evidence)
    assert found.advice.startswith("the files would take it now")


def test_one_of_many_names_that_is_an_endpoint_is_a_guess(tmp_path: Path) -> None:
    said = NOBODY + "No matching endpoint found"
    (found,) = findings([said.replace("nobody", name) for name in ("bob", "eve", "100")], tmp_path)
    assert not found.advice.startswith("the files would take it now")


def test_what_stands_in_a_database_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "sorcery.conf").write_text(
        "[res_pjsip]\nendpoint=realtime,ps_endpoints\n"
        "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_endpoint_id_ips\n"
    )
    (tmp_path / "extconfig.conf").write_text(
        "[settings]\nps_endpoints => odbc,asterisk\nps_endpoint_id_ips => odbc,asterisk\n"
    )
    telephone, trunk = findings([NOBODY + "No matching endpoint found", CALL.replace("10:5060", "11:5060")], tmp_path)
    for found, command in ((telephone, "pjsip show endpoints"), (trunk, "pjsip show identifies")):
        assert any("do not tell whom they lead" in text for text in found.evidence)
        assert command in found.advice
        assert "add match=" not in found.advice


@pytest.mark.parametrize(("match", "had"), [("${CARRIER}", "may have had"), ("203.0.113.10\nmach=x", "has")])
def test_an_identify_that_did_not_load_is_named(match: str, had: str, tmp_path: Path) -> None:
    files = f"{FILES}[trunk]\ntype=endpoint\n[trunk-id]\ntype=identify\nendpoint=trunk\nmatch={match}\n"
    (found,) = findings([CALL], tmp_path, files)
    assert any("[trunk-id] (identify) does not load because of pjsip.conf:" in text for text in found.evidence)
    assert f"for it {had} this address" in found.advice
