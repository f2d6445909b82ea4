"""Whole runs over messages and a configuration full of secrets: whatever carried them, no output holds one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES, names
from pjsipdiag.cli import main
from pjsipdiag.report import FORMATS
from pjsipdiag.sip import Address
from tests.capture.build import CLIENT, SERVER, SYN, ethernet, pcap, tcp, udp, unreachable
from tests.capture.streams.test_hep import version3
from tests.capture.streams.test_websocket import ANSWER, REQUEST, frame
from tests.redact.grammar import DEVICE, NUMBER, WORD, leaks, messages, templates, whole

ETC = Path(__file__).parents[2] / "fixtures/demo/etc"


def _datagrams(raw: list[bytes]) -> bytes:
    return pcap([ethernet(udp(one)) for one in raw])


def _segments(raw: list[bytes]) -> bytes:
    data = b"".join(raw)
    parts = [tcp(data[at : at + 700], at) for at in range(0, len(data), 700)]
    return pcap([ethernet(packet) for packet in (tcp(b"", -1, SYN), *parts)])


def _frames(raw: list[bytes]) -> bytes:
    """SIP over WebSocket (RFC 7118), each message in a frame of its own."""
    packets, at = [tcp(b"", -1, SYN)], 0
    for data in (REQUEST, *(frame(one, b"abcd") for one in raw)):
        packets.append(tcp(data, at))
        at += len(data)
    packets.insert(2, tcp(ANSWER, 0, source=SERVER, destination=CLIENT))
    return pcap([ethernet(packet) for packet in packets])


def _mirrored(raw: list[bytes]) -> bytes:
    return pcap([ethernet(udp(version3((CLIENT, SERVER), one))) for one in raw])


def _log(raw: list[bytes]) -> bytes:
    head = "[2026-11-23 09:10:56.858] VERBOSE[33] res_pjsip_logger.c: <--- Received SIP request ({} bytes) from"
    head += " UDP:203.0.113.13:5060 --->\n"
    return b"".join(head.format(len(one)).encode() + one + b"\n" for one in raw)


CARRIERS: dict[str, Callable[[list[bytes]], bytes]] = {
    "udp.pcap": _datagrams,
    "tcp.pcap": _segments,
    "ws.pcap": _frames,
    "hep.pcap": _mirrored,
    "full.log": _log,
}


def outputs(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code in (0, 1), result.output
    return result.output


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_secret_of_a_message_is_in_any_output(carrier: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    capture = folder / carrier

    @settings(
        max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(messages, min_size=4, max_size=8), st.sampled_from(FORMATS))
    def check(raw: list[bytes], name: str) -> None:
        capture.write_bytes(CARRIERS[carrier](raw))
        shutil.rmtree(folder / "out", ignore_errors=True)
        shown = outputs("redact", capture, "-c", ETC, "-o", folder / "out")
        assert not leaks(shown)
        assert not leaks((folder / "out/capture.pcap").read_bytes())
        assert not leaks(outputs("diagnose", capture, "-c", ETC, "--redact", "-vv", "--format", name))

    check()


@pytest.mark.parametrize("template", templates("leaked"))
def test_what_once_leaked_stays(template: str, tmp_path: Path) -> None:
    line, *lines = template.split("\\n")
    capture = tmp_path / "capture.pcap"
    capture.write_bytes(_datagrams([whole(line, lines, "")]))
    for name in FORMATS:
        assert not leaks(outputs("diagnose", capture, "-c", ETC, "--redact", "-vv", "--format", name))


PEER = Address("81.2.69.177", 5060)
_METHOD = ":".join(DEVICE[at : at + 2] for at in range(0, 12, 2))
_REQUEST = (f'From: "{WORD}" <sip:{NUMBER}@{WORD}.example>;tag={WORD}', f"Call-ID: {WORD}", "CSeq: 1 {}")
_ANSWER = (*_REQUEST, f"Server: {WORD}/{DEVICE}", f'Reason: SIP;cause=1;text="{WORD}"', f'Warning: 399 {WORD} "{WORD}"')


def _spoken(first: str, method: str, lines: tuple[str, ...]) -> bytes:
    return whole(first, [line.format(method) for line in lines], "")


def _heard(method: str, status: int, sender: Address, receiver: Address) -> list[bytes]:
    asked = _spoken(f"{method} sip:{NUMBER}@{WORD}.example SIP/2.0", method, _REQUEST)
    told = _spoken(f"SIP/2.0 {status} {WORD}", method, _ANSWER)
    return [udp(asked, sender, receiver), udp(told, receiver, sender)]


_LOST = udp(_spoken(f"INVITE sip:{NUMBER}@{WORD}.example SIP/2.0", "INVITE", _REQUEST), PEER, SERVER)
SAID = f"""[2026-11-23 09:10:56.858] NOTICE[33] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '"{WORD}" <sip:{NUMBER}@81.2.69.177>' failed for '81.2.69.177:5060' (callid: {WORD}) - No matching endpoint found
[2026-11-23 09:10:57] NOTICE[33] res_pjsip/pjsip_distributor.c: Request 'REGISTER' from '<sip:{WORD}@{WORD}.example>' failed for '81.2.69.177:5060' (callid: {WORD}@81.2.69.177) - Failed to authenticate
[2026-11-23 09:10:58] SECURITY[33] res_security_log.c: SecurityEvent="InvalidAccountID",EventTV="2026",Severity="Error",Service="PJSIP",EventVersion="1",AccountID="{WORD}",SessionID="{WORD}",LocalAddress="IPV4/UDP/192.0.2.1/5060",RemoteAddress="IPV4/UDP/81.2.69.177/5060"
"""  # noqa: E501  (lines as Asterisk writes them)
QUOTING = {
    "icmp": pcap(
        [*map(ethernet, (_LOST, unreachable(_LOST), unreachable(_LOST.replace(b"INVITE sip", b"ZKHIDDENQ sip"))))]
    ),
    "another": pcap([*map(ethernet, _heard("INVITE", 200, PEER, SERVER))]),
    "own": pcap([*map(ethernet, (*_heard("REGISTER", 403, SERVER, PEER), *_heard("INVITE", 503, SERVER, PEER)))]),
    "method": pcap([*map(ethernet, (*_heard("INVITE", 401, PEER, SERVER), *_heard(_METHOD, 403, SERVER, PEER)))]),
    "log": SAID.encode(),
}
"""Captures whose findings quote words of others."""


@pytest.mark.parametrize("name", QUOTING)
def test_what_findings_quote_of_others_has_stand_ins(name: str, tmp_path: Path) -> None:
    capture = tmp_path / "capture"
    capture.write_bytes(QUOTING[name])
    assert leaks(outputs("diagnose", capture, "-c", ETC, "-vv"))
    for form in ("text", "json"):
        assert not leaks(outputs("diagnose", capture, "-c", ETC, "--redact", "-vv", "--format", form))


VALUES = (
    WORD, f"yes,{WORD}", f"{NUMBER}#", f"sip:{WORD}:{WORD}@{WORD}.example;x={WORD}", f'"{WORD} X" <{NUMBER}>',
    f"81.2.69.177/{WORD}", f"X-{WORD}: /{WORD}/", f"{WORD}:{WORD}", f"/var/{WORD}/{DEVICE}.pem", f"{WORD}={WORD}",
)  # fmt: skip
LINES = (
    f"#exec /usr/bin/{WORD} --password={WORD}", f"# call {NUMBER} first", f"#{WORD}", f"[{WORD}](!,{WORD})",
    f"[x](+type={WORD}&{WORD}={WORD})", f"type={WORD}", f"{WORD}/{WORD}={WORD}", f"@{WORD}={WORD}", f"; {WORD}",
    f";-- {WORD} --;{WORD}=1", WORD, f"password {WORD}", f"[{WORD}", f"password={WORD}" + "x" * 9000,
)  # fmt: skip


def configured() -> str:
    """Every option of every type with a secret in its value, each in a section of its own."""
    asked = [(kind, name, value) for kind in OBJECT_TYPES for name in names(kind, "22.10.1") for value in VALUES]
    asked += [(kind, name, VALUES[0]) for kind in OBJECT_TYPES for name in (f"x{WORD}", f"{WORD}/y", "pasword")]
    sections = (f"[s{number}]\ntype={kind}\n{name}={value}\n" for number, (kind, name, value) in enumerate(asked))
    return "".join(sections)


def test_no_secret_of_a_configuration_is_in_any_output(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    for text in (configured(), *(f"[a]\ntype=endpoint\n{line}\n" for line in LINES)):
        (etc / "pjsip.conf").write_text(text)
        for name in ("text", "json") if len(text) > 20_000 else FORMATS:
            assert not leaks(outputs("check", "-c", etc, "--redact", "-vv", "--format", name))
        assert not leaks(outputs("redact", ETC.parent / "capture.pcap", "-c", etc, "-o", tmp_path / "out", "--force"))
        assert not leaks((tmp_path / "out/etc/pjsip.conf").read_bytes())


def test_our_own_words_stay(tmp_path: Path) -> None:
    """A section called `[a]` or `[to]` takes no word out of our sentences, nor a module's name out of a command."""
    (tmp_path / "pjsip.conf").write_text(
        "[a]\ntype=endpoint\nfoo=1\n[to]\ntype=identify\nendpoint=the\nmatch=192.0.2.9\n"
    )
    shown = " ".join(outputs("check", "-c", tmp_path, "--redact").split())
    assert "Correct the line, then `module reload res_pjsip.so`; a running Asterisk keeps what it had." in shown
    assert "a call that it matches is not matched by any other identify" in shown
    assert "endpoint 'the'" not in shown
