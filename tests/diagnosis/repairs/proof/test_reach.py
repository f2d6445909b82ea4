"""A repair counts as far as the caller gets: credentials, dialplan and media come behind identification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

TRUNK = """[t]
type=transport
protocol=udp
bind=0.0.0.0
[trunk]
type=endpoint
context={context}
disallow=all
allow=ulaw
{more}
[trunk]
type=identify
endpoint=trunk
match=203.0.113.10
"""


def call(user: str, profile: str = "AVP", payload: int = 0, *, host: str = "203.0.113.11", status: int = 401) -> str:
    """A call of the trunk's second address, refused as a stranger's."""
    return f"""@ 0 {host}:5060 > 192.0.2.1:5060 in -> {status}
INVITE sip:{user}@192.0.2.1 SIP/2.0
Call-ID: call-{user}-{host}
From: <sip:4940@203.0.113.11>;tag=a
Content-Type: application/sdp

v=0
o=- 1 1 IN IP4 203.0.113.11
s=-
c=IN IP4 203.0.113.11
t=0 0
m=audio 4000 RTP/{profile} {payload}
"""


def diagnosed(
    tmp_path: Path, dialplan: str | None, *calls: str, context: str = "in", more: str = ""
) -> dict[str, object]:
    """The first suggestion, and the text of the report as `said`."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "pjsip.conf").write_text(TRUNK.format(context=context, more=more))
    if dialplan is not None:
        (etc / "extensions.conf").write_text(dialplan)
    write_scene("".join(calls), tmp_path / "c.pcap")
    shown = [
        CliRunner().invoke(main, ["diagnose", str(tmp_path / "c.pcap"), "-c", str(etc), "--format", form]).stdout
        for form in ("json", "text")
    ]
    report = json.loads(shown[0])
    found: dict[str, object] = (report["suggestions"] + report["unconfirmed"])[0]
    return {**found, "said": " ".join(shown[1].split())}


@pytest.mark.parametrize(
    ("dialplan", "status", "words"),
    [
        ("[in]\nexten => _X.,1,Answer()\n", 0, ""),
        (None, 0, ""),
        ("[in]\nswitch => Realtime/in@t\n", 0, ""),
        ("[other]\n", 404, "there is no context [in]"),
        ("[in]\nexten => 50,1,Answer()\n", 404, "no extension that takes 100"),
        ("[in]\nexten => 1001,1,Answer()\n", 484, "100 is incomplete"),
        ("[in]\nexten => _1XX,2,Answer()\n", 404, "no extension that takes 100"),
    ],
)
def test_the_dialplan_answers_next(tmp_path: Path, dialplan: str | None, status: int, words: str) -> None:
    found = diagnosed(tmp_path, dialplan, call("100"))
    stops = found["stops"]
    assert isinstance(stops, list)
    assert [stop["status"] for stop in stops] == ([status] if status else [])
    assert found["fixes"] == (0 if status else 1)
    if status:
        assert f"answered {status} next" in str(found["said"])
        assert words in str(found["said"])


@pytest.mark.parametrize(
    ("more", "offer", "status"),
    [
        ("auth=trunk\n[trunk]\ntype=auth\nusername=a\npassword=b", ("AVP", 0), 401),
        ("auth=nobody", ("AVP", 0), 500),
        ("", ("AVP", 8), 488),
        ("", ("SAVP", 0), 488),
        ("", ("AVP", 0), 0),
        ("", ("AVPF", 0), 488),
        ("use_avpf=yes", ("AVPF", 0), 0),
        ("use_avpf=yes", ("AVP", 0), 488),
        ("webrtc=yes", ("AVP", 0), 488),
    ],
)
def test_credentials_and_media_answer_next(tmp_path: Path, more: str, offer: tuple[str, int], status: int) -> None:
    found = diagnosed(tmp_path, "[in]\nexten => _X.,1,Answer()\n", call("100", *offer), more=more)
    stops = found["stops"]
    assert isinstance(stops, list)
    assert [stop["status"] for stop in stops] == ([status] if status else [])


@pytest.mark.parametrize(
    ("more", "header", "user", "status"),
    [
        ("100rel=required", "", "100", 421),
        ("100rel=required", "", "999", 421),
        ("100rel=required", "Require: 100rel", "100", 421),
        ("100rel=required", "k: timer, 100REL", "100", 0),
        ("100rel=yes", "", "100", 0),
        ("timers=required", "Supported: 100rel", "100", 421),
        ("timers=required", "Supported: timer", "100", 0),
        ("transport=gone", "", "100", 500),
        ("transport=gone", "", "999", 500),
        ("transport=t", "", "100", 0),
        ("transport=", "", "100", 0),
        ("timers_min_se=600", "Session-Expires: 300", "100", 422),
        ("timers_min_se=600", "Session-Expires: 300", "999", 404),
        ("timers_min_se=600\ntransport=gone", "Session-Expires: 300", "100", 500),
        ("timers=always", "x: 60;refresher=uac", "100", 422),
        ("timers=no", "Session-Expires: 60", "100", 0),
        ("", "Session-Expires: 90", "100", 0),
    ],
)
def test_what_the_endpoint_demands_answers_next(tmp_path: Path, more: str, header: str, user: str, status: int) -> None:
    """Each as Asterisk 22.10.1 answers it."""
    sent = call(user).replace("Content-Type", f"{header}\nContent-Type" if header else "Content-Type")
    stops = diagnosed(tmp_path, "[in]\nexten => 100,1,Answer()\n", sent, more=more)["stops"]
    assert isinstance(stops, list)
    assert [stop["status"] for stop in stops] == ([status] if status else [])


@pytest.mark.parametrize(
    "user",
    [
        *("XXXXXXXXXX", "1555XXXXXXX", "xxx", "1-555-XXX-XXXX", "1555*******", "+49(30)XXXX.XXXX"),
        *("number.invalid", "REDACTED", "hidden_number", "anonymised-7"),
    ],
)
def test_a_number_that_somebody_replaced_is_not_looked_for(tmp_path: Path, user: str) -> None:
    found = diagnosed(tmp_path, "[in]\nexten => _155512X,1,Answer()\n", call(user))
    assert (found["stops"], found["fixes"]) == ([], 1)
    assert "the number was replaced before the text was handed over" in str(found["said"])


@pytest.mark.parametrize("user", ["*98*1", "**21*0301234", "1555XX", "10x"])
def test_a_code_with_stars_is_what_was_dialled(tmp_path: Path, user: str) -> None:
    found = diagnosed(tmp_path, "[in]\nexten => _155512X,1,Answer()\n", call(user))
    assert "was replaced" not in str(found["said"])


@pytest.mark.parametrize(("status", "fixes"), [(200, 1), (404, 0)])
def test_what_calls_are_seen_to_reach_is_there(tmp_path: Path, status: int, fixes: int) -> None:
    calls = (call("DID"), call("DID", host="203.0.113.10", status=status))
    assert diagnosed(tmp_path, "[in]\nexten => 50,1,Answer()\n", *calls)["fixes"] == fixes


def test_one_number_that_exists_is_enough(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, "[in]\nexten => 100,1,Answer()\n", call("100"), call("200"))
    assert found["stops"] == []


ALIKE = """
[carrier_vpn]
type=endpoint
context=gone
disallow=all
allow=ulaw
[carriers]
type=endpoint
context=in
disallow=all
allow=ulaw
[a]
type=identify
endpoint=carrier_vp
match=203.0.113.11
"""


def test_the_repair_that_ends_in_an_answer_is_preferred(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, "[in]\nexten => _X.,1,Answer()\n", call("100"), more=ALIKE)
    assert (found["endpoint"], found["fixes"]) == ("carriers", 1)
    assert "carrier_vpn would be answered 404 next" in str(found["note"])


OTHER = """
[pbx]
type=endpoint
context={context}
{more}
"""
BY_ADDRESS = "[pbx-identify]\ntype=identify\nendpoint=pbx\nmatch=203.0.113.99\n"


@pytest.mark.parametrize(
    ("context", "more", "hint"),
    [
        ("extensions", BY_ADDRESS, "context=extensions takes the number"),
        ("nowhere", BY_ADDRESS, ""),
        ("extensions", "", ""),
        ("extensions", f"auth=pbx\n{BY_ADDRESS}", ""),
        ("extensions", f"{BY_ADDRESS}[200]\ntype=endpoint\ncontext=extensions\n", ""),
    ],
    ids=["of another trunk", "without the number", "of a telephone", "of a trunk with a password", "telephones in it"],
)
def test_another_context_that_takes_the_number_is_named(tmp_path: Path, context: str, more: str, hint: str) -> None:
    """Only that of endpoints which are found alike: a telephone's lets a trunk call out."""
    dialplan = "[in]\nexten => 50,1,Answer()\n[extensions]\nexten => 100,1,Answer()\n"
    found = diagnosed(tmp_path, dialplan, call("100"), more=OTHER.format(context=context, more=more))
    assert ("takes the number" in str(found["said"])) is bool(hint)
    assert hint in str(found["said"])


@pytest.mark.parametrize(
    ("more", "header", "status"),
    [
        ("", "", 404),
        ("callerid=x <5555>", "", 0),
        ("", "P-Asserted-Identity: <sip:5555@203.0.113.11>\n", 404),
        ("trust_id_inbound=yes", "P-Asserted-Identity: <sip:5555@203.0.113.11>\n", 0),
        ("trust_id_inbound=yes", "", 404),
    ],
)
def test_who_calls_decides_where_the_dialplan_asks(tmp_path: Path, more: str, header: str, status: int) -> None:
    """From says 4940; what another option or header may say is not guessed."""
    sent = call("100").replace("Content-Type", f"{header}Content-Type")
    found = diagnosed(tmp_path, "[in]\nexten => 100/5555,1,Answer()\n", sent, more=more)
    stops = found["stops"]
    assert isinstance(stops, list)
    assert [stop["status"] for stop in stops] == ([status] if status else [])
