"""Numbers of any length: more digits than Python converts, and signs that only Unicode calls digits."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.configuration import configuration_report
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.digits import LARGEST_NUMBER, is_number, read_number, wrapped
from pjsipdiag.errors import ConfigError
from pjsipdiag.report import render
from tests.command import ETC
from tests.sip_text import write_capture

LONG = "9" * 5000
"""More digits than Python converts, in a line that Asterisk still takes."""
FILES = {
    "pjsip.conf": """[udp]
type=transport
protocol=udp
bind=0.0.0.0:5060
local_net=10.0.0.0/8
tos=24
[tls]
type=transport
protocol=tls
bind=[::]:5061
cipher=53
[global]
type=global
max_forwards=70
[provider]
type=endpoint
context=in
[provider-identify]
type=identify
endpoint=provider
match=203.0.113.10/24
match=203.0.113.10:5060
match=[2001:db8::5]:5060
match=fe80::1%2
match=provider.example:5060
srv_lookups=0
[registration]
type=registration
server_uri=sip:203.0.113.10:5060
client_uri=sip:1@203.0.113.10:5060
expiration=3600
[acl]
type=acl
permit=203.0.113.0/24
""",
    "pjsip_wizard.conf": "[w]\ntype=wizard\nremote_hosts=203.0.113.20:5060\ninbound_auth/username=1\n",
    "sip.conf": "[general]\nbindport=5060\nudpbindaddr=0.0.0.0:5060\n",
    "extensions.conf": "[in]\nexten => _1XX,1,NoOp()\nexten => 7,n+2,NoOp()\nexten => 8/9,3(a),NoOp()\n",
    "sorcery.conf": "[res_pjsip]\nendpoint/cache=memory_cache,maximum_objects=5\nauth=config,p.conf,buckets=3\n",
    "extconfig.conf": "[settings]\nps_contacts => odbc,asterisk,ps_contacts,1\n",
    "acl.conf": "[one]\npermit=203.0.113.0/255.255.255.0\n",
}
HEAD = """@ 0 203.0.113.{} raw
INVITE sip:100@192.0.2.1:5060;transport=udp SIP/2.0
Via: SIP/2.0/UDP 203.0.113.13:5060;rport=5060;ttl=7;branch=z9hG4bK1
Max-Forwards: 70
From: <sip:1@provider.example:5060>;tag=f1
To: <sip:100@192.0.2.1>
Contact: <sip:1@203.0.113.13:5060>;expires=60;q=0.5
Call-ID: a@b
CSeq: 1 INVITE
Session-Expires: 1800;refresher=uac
Min-SE: 90
Expires: 60
Retry-After: 5
RSeq: 6
RAck: 1 2 INVITE
Server: Asterisk PBX 22.10.1
Content-Length: 0

"""


def with_others(text: str, start: int = 0) -> Iterator[str]:
    """The text with each of its numbers in turn too long, and not of ASCII."""
    for found in re.finditer("[0-9]+", text[start:]):
        for other in (LONG, "0" * 5000 + found[0], "-" + LONG, "²", "٣"):
            yield text[: start + found.start()] + other + text[start + found.end() :]


def test_read_number() -> None:
    assert [read_number(text) for text in ("0", "-7", "+7", "0" * 5000 + "12", b"34")] == [0, -7, 7, 12, 34]
    assert read_number(LONG) == LARGEST_NUMBER > 2**64
    assert read_number("-" + LONG) == -LARGEST_NUMBER
    assert read_number("-" + "0" * 5000) == 0


def test_only_digits_of_ascii_are_a_number() -> None:
    assert is_number("007")
    assert not any(map(is_number, ("", "²", "٣", "-1", " 1")))


def test_wrapped_is_exact_however_long() -> None:
    assert [wrapped(str(2**32 + 5)), wrapped(str(2**32 * 10**60 + 9)), wrapped("7")] == [5, 9, 7]


@pytest.mark.parametrize("name", FILES)
def test_no_number_of_a_configuration_ends_a_run(name: str, tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    for text in with_others(FILES[name]):
        (tmp_path / name).write_text(text)
        assert render(configuration_report(load(tmp_path), asked=None), "json")


def load(folder: Path) -> Config:
    try:
        return load_config(folder)
    except ConfigError as error:
        pytest.fail(f"a number makes a configuration unreadable: {error}")


def test_no_number_of_a_message_ends_a_run(tmp_path: Path) -> None:
    head = HEAD.format("13:5060 > 192.0.2.1:5060")
    text = "".join(with_others(head, head.index("\n") + 1))
    answers = text.replace("INVITE sip:100@192.0.2.1:5060;transport=udp SIP/2.0", "SIP/2.0 200 OK")
    capture = write_capture(text + answers, tmp_path / "numbers.pcap")
    report = diagnose([capture], ETC)
    assert report.captures[0].records == text.count("@ 0 ") * 2
    assert render(report, "html")


@pytest.mark.parametrize("asked", [LONG, f"22.{LONG}.1", f"certified-20.7-cert{LONG}"])
def test_a_release_of_any_number_is_compared(asked: str) -> None:
    assert load_config(ETC, asterisk=asked).version
