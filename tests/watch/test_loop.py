"""A watch as a whole: what it tells, when, to whom, and what it keeps in memory."""

from __future__ import annotations

import json
import signal
import socket
import stat
import time
import urllib.request
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.watch.process import PATIENCE, Process
from tests.watch.traffic import BAD, CONF, GOOD, PBX, SECOND, bad, call, captured, message, minute

HALF_A_DAY = 12
TAKES = "match=203.0.113.10\n"


def test_a_new_cause_is_told_as_it_happens_and_once(etc: Path) -> None:
    now = time.time() - 1_760_000_000
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(bad(now, "one"))
        watch.stdin.flush()
        line = watch.line()
        assert f"error  {BAD} -> provider  unmatched-source: {BAD} is in no match= of any identify" in line
        assert (
            "fix: add match=203.0.113.13 to [provider-identify] in pjsip.conf, then asterisk -rx 'pjsip reload'" in line
        )
        watch.stdin.write(bad(now + 5, "two")[24:])
        watch.stdin.close()
        assert watch.status() == 1
        assert watch.rest() == []
        assert "6 SIP messages, 2 calls, 1 cause told" in watch.said[-1]


def test_without_a_cause_nothing_is_told(etc: Path) -> None:
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(captured([*call(0, GOOD, "one", "100 Trying", "200 OK")]))
        watch.stdin.close()
        assert (watch.status(), watch.rest()) == (0, [])


def test_a_call_that_waits_for_its_answer_is_not_called_unanswered(etc: Path) -> None:
    with Process("-", "-c", etc) as watch:
        invite, *_ = call(0, GOOD, "one", "100 Trying")
        watch.stdin.write(captured([invite]))
        watch.stdin.close()
        assert (watch.status(), watch.rest()) == (0, [])


def test_the_first_failure_ends_it(etc: Path) -> None:
    now = time.time() - 1_760_000_000
    with Process("-", "-c", etc, "--until-failure", "--format", "json") as watch:
        watch.stdin.write(captured([*call(now, GOOD, "good", "200 OK")]) + bad(now + 1, "one")[24:])
        watch.stdin.flush()
        cause = json.loads(watch.line())
        assert (cause["rule"], cause["sources"], cause["endpoint"]) == ("unmatched-source", [BAD], "provider")
        assert watch.status() == 1


TABLES = {
    "pjsip.conf": CONF.partition("[provider]")[0],
    "sorcery.conf": "[res_pjsip]\nendpoint=realtime,ps_endpoints\n"
    "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_endpoint_id_ips\n",
    "extconfig.conf": "[settings]\nps_endpoints => odbc,asterisk\nps_endpoint_id_ips => odbc,asterisk\n",
    "dump.sql": "CREATE TABLE ps_endpoints (id varchar(255), context varchar(40), identify_by varchar(80));\n"
    "INSERT INTO ps_endpoints VALUES ('provider','from-provider','ip');\n"
    'CREATE TABLE ps_endpoint_id_ips (id varchar(255), endpoint varchar(40), "match" varchar(80));\n'
    f"INSERT INTO ps_endpoint_id_ips VALUES ('provider-id','provider','{GOOD}');\n",
}


def test_objects_in_a_database_are_known_and_without_it_nothing_is_guessed(etc: Path) -> None:
    for name, text in TABLES.items():
        (etc / name).write_text(text)
    calls = captured([*call(0, GOOD, "good", "100 Trying", "200 OK"), *call(20, BAD, "bad", "401 Unauthorized")])
    with Process("-", "-c", etc, "--database", f"asterisk={etc / 'dump.sql'}") as watch:
        watch.stdin.write(calls)
        watch.stdin.close()
        assert f"{BAD} -> provider  unmatched-source" in watch.line()
        assert (watch.status(), watch.rest()) == (1, [])
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(calls)
        watch.stdin.close()
        assert watch.status() == 1
        assert {line.split("  ")[3].partition(":")[0] for line in watch.rest()} == {"table-not-read"}


def test_a_changed_configuration_is_read_and_a_broken_one_is_not(etc: Path) -> None:
    now = time.time() - 1_760_000_000
    conf = etc / "pjsip.conf"
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(bad(now, "one"))
        watch.stdin.flush()
        watch.line()
        conf.write_text(CONF + "#include\n[broken\n")
        assert "is broken, the former one is kept" in watch.wait_for("broken")
        conf.write_text(CONF + f"match={BAD}\n")
        watch.wait_for("configuration read again")
        watch.stdin.write(captured([*call(now + 100, BAD, "two", "100 Trying", "200 OK")])[24:])
        watch.stdin.flush()
        assert (
            f"cleared  {BAD} -> provider  unmatched-source: its calls are taken, by ip provider-identify"
            in watch.line()
        )
        conf.write_text(CONF)
        watch.wait_for("configuration read again: 1 endpoint, 1 identify,")
        time.sleep(5)
        watch.stdin.write(bad(now + 200, "three")[24:])
        watch.stdin.close()
        assert f"{BAD} is in no match=" in watch.line()
        assert watch.status() == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-", "--exec", "'"], "--exec: No closing quotation"),
        (["-", "--webhook", "file:///etc/passwd"], "is no address"),
        (["-", "--metrics", "example.com:1"], "is no address"),
        (["-", "-i", "any"], "leave out -i"),
        (["nowhere"], "no directory"),
        (["hep://127.0.0.1:0x"], "give it as hep://0.0.0.0:9060"),
        (["hep://127.0.0.1:1", "--mirror", "me"], "--mirror"),
        (["hep://" + "a" * 70 + ".example"], "no host can be called so"),
        (["http://127.0.0.1:9060"], "give it as hep://0.0.0.0:9060"),
        (["hep://user:hushed@127.0.0.1:9060"], "give it as hep://0.0.0.0:9060"),
        (["-", "--webhook", "http://["], "is no address"),
        (["-", "--webhook", "ftp://user:hushed@host/"], "is no address"),
        (["-", "--webhook", "https://user:hushed@host/"], "or holds a password"),
        (["-", "--exec", ""], "--exec names no command"),
        (["-", "--metrics", ""], "is no address"),
        (["--on", "-oProxyCommand=x"], "names no host"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_cannot_be_done_is_one_line(etc: Path, arguments: list[str], said: str) -> None:
    with Process(*arguments, "-c", etc) as watch:
        assert watch.status() == 2
        assert said in "\n".join(watch.said)
        assert not any(word in "\n".join(watch.said) for word in ("Traceback", "a fault", "hushed"))


@pytest.mark.parametrize("wanted", ["²", "9" * 5000, "soon"])
def test_an_odd_interval_of_a_service_manager_ends_no_watch(etc: Path, wanted: str) -> None:
    with Process("-", "-c", etc, WATCHDOG_USEC=wanted) as watch:
        watch.stdin.write(bad(0, "one"))
        watch.stdin.close()
        assert watch.status() == 1


@pytest.mark.parametrize("place", ["[Infinity, 1]", "[1, 1e400]", '["a", "b"]', "7"])
def test_a_state_of_odd_numbers_is_one_line(etc: Path, tmp_path: Path, place: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(f'{{"place": {place}, "told": []}}')
    with Process("-", "-c", etc, "--state", state) as watch:
        assert watch.status() == 2
        assert "no state of a watch: remove it to begin anew" in watch.said[-1]


def test_what_is_no_capture_is_said(etc: Path) -> None:
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(b"[trunk]\ntype=endpoint\n" * 5)
        watch.stdin.close()
        assert watch.status() == 2
        assert "standard input: no capture" in watch.said[-1]


def test_metrics_have_no_label_that_a_sender_fills(etc: Path) -> None:
    pytest.importorskip("prometheus_client", reason="needs prometheus_client: pip install 'pjsipdiag[watch]'")
    port = free_port()
    with Process("-", "-c", etc, "--metrics", str(port)) as watch:
        watch.stdin.write(captured([one for number in range(10) for one in minute(number)]))
        watch.stdin.flush()
        watch.wait_for("watching")
        watch.line()
        end = time.monotonic() + PATIENCE
        while "pjsipdiag_messages_total 460.0" not in (text := _scraped(port)) and time.monotonic() < end:
            time.sleep(0.2)
        labels = {line.partition("{")[2].partition("=")[0] for line in text.splitlines() if "{" in line}
        assert labels == {"rule", "outcome"}
        assert 'pjsipdiag_causes_total{rule="unmatched-source"}' in text
        assert "pjsipdiag_messages_total 460.0" in text
        assert 'pjsipdiag_calls_total{outcome="accepted"}' in text
        for hostile in ("198.18.", BAD, "Trunk"):
            assert hostile not in text


def _scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_the_service_manager_is_told(etc: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE)
        with Process("-", "-c", etc, NOTIFY_SOCKET=path, WATCHDOG_USEC="2000000") as watch:
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=watching standard input")
            assert manager.recv(4096).startswith(b"WATCHDOG=1\nSTATUS=0 SIP messages")
            assert watch.end(signal.SIGTERM) == 0
            told = b""
            while b"STOPPING=1" not in told:
                told = manager.recv(4096)


def test_what_was_told_is_known_after_a_restart(etc: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    for lines in (1, 0):
        with Process("-", "-c", etc, "--state", state) as watch:
            watch.stdin.write(bad(0, "one"))
            watch.stdin.close()
            watch.status()
            assert len(watch.rest()) == lines
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    state.write_text("{}")
    with Process("-", "-c", etc, "--state", state) as watch:
        assert watch.status() == 2
        assert "no state of a watch" in watch.said[-1]


def test_hostile_text_stays_in_its_line(etc: Path) -> None:
    calls = [*call(0, BAD, "one", "401 Unauthorized")]
    evil = calls[0].payload.replace(b"sip:200@", b"sip:\x1b[2J\xe2\x80\xae200@").replace(b": Trunk", b": \x1b]0;x\x07")
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(captured([calls[0]._replace(payload=evil), *calls[1:]]))
        watch.stdin.close()
        watch.status()
        assert all(line.isprintable() for line in watch.rest())


def test_half_a_day_takes_less_than_ten_megabytes(etc: Path) -> None:
    """The time is that of the packets. After six hours, all that is kept for a time is there."""
    with Process("-", "-c", etc, "--format", "json") as watch:
        measured = []
        for hour in range(HALF_A_DAY):
            data = captured([one for number in range(60 * hour, 60 * hour + 60) for one in minute(number)])
            watch.stdin.write(data if not hour else data[24:])
            watch.stdin.flush()
            measured.append(watch.memory())
            if hour == 1:
                watch.line()  # the first window: all that it takes is loaded
        watch.stdin.close()
        while watch.is_running():
            measured.append(watch.memory())
            time.sleep(0.05)
        assert watch.status() == 1
        assert max(measured) - measured[1] < 10
        assert max(measured[6:]) - measured[6] < 5
        assert f"{sum(len(minute(number)) for number in range(60 * HALF_A_DAY)):,} SIP messages" in watch.said[-1]
        causes = [json.loads(line) for line in watch.rest()]
    assert len(causes) <= 60 * HALF_A_DAY
    assert sum(BAD in cause["sources"] for cause in causes) == 1
    assert {cause["rule"] for cause in causes} <= {"unmatched-source", "scanner"}


def test_messages_inside_of_calls_and_unknown_answers_say_nothing(etc: Path) -> None:
    bye = message(0, GOOD, PBX, f"BYE sip:200@{PBX} SIP/2.0", "x", "BYE", number=2, tag="t")
    answer = message(1, PBX, BAD, "SIP/2.0 401 Unauthorized", "y", "INVITE", tag="t")
    with Process("-", "-c", etc) as watch:
        watch.stdin.write(captured([bye, answer, bye._replace(time=bye.time + 100 * SECOND)]))
        watch.stdin.close()
        assert (watch.status(), watch.rest()) == (0, [])
