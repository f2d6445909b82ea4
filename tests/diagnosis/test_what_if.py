"""`diagnose --try`: the calls that a change would move, through the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.diagnosis.what_if import what_if
from pjsipdiag.errors import ConfigError
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

FILES = """
[udp]
type=transport
protocol=udp
bind=0.0.0.0
[carrier]
type=endpoint
context=in
[2001]
type=endpoint
context=phones
[carrier-ip]
type=identify
endpoint=carrier
match=203.0.113.1
"""
CALLS = """
@ 0 203.0.113.1:5060 > 192.0.2.1:5060 in -> 100 200
INVITE sip:300@192.0.2.1 SIP/2.0
From: <sip:2001@203.0.113.1>;tag=1
@ 1 203.0.113.6:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:300@192.0.2.1 SIP/2.0
@ 2 203.0.113.6:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:300@192.0.2.1 SIP/2.0
@ 3 203.0.113.9:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:300@192.0.2.1 SIP/2.0
"""


@pytest.fixture
def situation(tmp_path: Path) -> Situation:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "pjsip.conf").write_text(FILES)
    return observe([write_scene(CALLS, tmp_path / "c.pcap")], tmp_path / "etc", pbx=("192.0.2.1",)).situation


def test_a_network_moves_the_calls_that_it_holds(situation: Situation) -> None:
    (change,) = what_if(situation, ["match=203.0.113.0/29"], "carrier-ip")
    assert (change.source, change.calls, change.before) == ("203.0.113.6", 2, "no match")
    assert "carrier" in change.after


def test_an_order_is_tried_in_the_table_that_has_the_type_global(tmp_path: Path) -> None:
    files = {
        "etc/pjsip.conf": FILES,
        "etc/sorcery.conf": "[res_pjsip]\nglobal=realtime,ps_globals\n",
        "etc/extconfig.conf": "[settings]\nps_globals => sqlite3,asterisk\n",
        "tables/ps_globals.csv": "id,endpoint_identifier_order\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    capture, tables = write_scene(CALLS, tmp_path / "c.pcap"), (f"asterisk={tmp_path / 'tables'}",)
    seen = observe([capture], tmp_path / "etc", pbx=("192.0.2.1",), databases=tables).situation
    (change,) = what_if(seen, order="username,ip")
    assert change.source == "203.0.113.1"
    assert "'carrier' by ip" in change.before
    assert "'2001' by username" in change.after


def test_another_context_moves_calls_to_another_answer(tmp_path: Path) -> None:
    template = "[trunk](!)\ntype=endpoint\ncontext=in\n[carrier](trunk)"
    (tmp_path / "pjsip.conf").write_text(FILES.replace("[carrier]\ntype=endpoint\ncontext=in", template))
    dialplan = "[in]\nexten => 300,1,Answer()\n[out]\nexten => 400,1,Answer()\n"
    (tmp_path / "extensions.conf").write_text(dialplan)
    capture = write_scene(CALLS, tmp_path / "c.pcap")
    found = observe([capture], tmp_path, pbx=("192.0.2.1",)).situation
    for line, section in (("context=out", "carrier"), ("context=out", "trunk")):
        (change,) = what_if(found, [line], section)
        assert change.before.endswith("in context in")
        assert "in context out, answered 404 next: context [out] has no extension that takes 300" in change.after
    assert what_if(found, ["rtp_symmetric=yes"], "carrier") == ()


def test_an_order_moves_the_calls_that_it_decides(situation: Situation) -> None:
    (change,) = what_if(situation, order="username,ip")
    assert (change.source, change.calls) == ("203.0.113.1", 1)
    assert "'2001'" in change.after


def test_a_change_without_effect_moves_nothing(situation: Situation) -> None:
    assert what_if(situation, ["match=198.51.100.1"], "carrier-ip") == ()


@pytest.mark.parametrize(
    ("lines", "section"),
    [(["match=1.2.3.4"], "nobody"), (["nonsense"], "carrier-ip"), (["type=endpoint"], "carrier-ip")],
)
def test_what_cannot_be_tried_is_one_clear_line(situation: Situation, lines: list[str], section: str) -> None:
    with pytest.raises(ConfigError):
        what_if(situation, lines, section)


def test_a_line_that_a_wizard_passes_over_is_no_trial(tmp_path: Path) -> None:
    """res_pjsip_config_wizard looks for its own names and for GROUP/NAME, and for nothing else."""
    call = """
@ 0 203.0.113.20:5060 > 192.0.2.1:5060 in
INVITE sip:100@192.0.2.1 SIP/2.0
"""
    capture = write_scene(call, tmp_path / "capture.pcap")
    (tmp_path / "pjsip_wizard.conf").write_text("[cloud]\ntype=wizard\nremote_hosts=203.0.113.9\n")
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    arguments = ["diagnose", str(capture), "-c", str(tmp_path), "--in", "cloud", "--try"]
    answers = {line: CliRunner().invoke(main, [*arguments, line]) for line in ("context=in", "match=203.0.113.20")}
    assert {answer.exit_code for answer in answers.values()} == {2}
    assert "write endpoint/context" in answers["context=in"].output
    assert "write identify/match" in answers["match=203.0.113.20"].output
    assert CliRunner().invoke(main, [*arguments, "remote_hosts=203.0.113.20"]).exit_code == 1  # calls change


def test_through_the_command_line(situation: Situation, tmp_path: Path) -> None:
    capture = str(tmp_path / "c.pcap")
    arguments = ["diagnose", capture, "-c", situation.config.directory, "--try", "match=203.0.113.0/29"]
    result = CliRunner().invoke(main, [*arguments, "--in", "carrier-ip"], catch_exceptions=False)
    assert "203.0.113.6" in result.stdout
    assert "203.0.113.9" not in result.stdout.partition("203.0.113.6")[2][:200]
