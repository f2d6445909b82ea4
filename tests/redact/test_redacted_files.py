"""A redacted incident says nothing of anybody, and is diagnosed like the plain one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.capture import Tally, read
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.redact import redact_files, redact_report
from pjsipdiag.report import FORMATS, render
from tests.capture.build import pcap
from tests.capture.files import FRAMES, cut
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

INCIDENTS = Path(__file__).parents[2] / "fixtures" / "incidents"
CONFIG = """\
; the trunk of Acme Ltd, call Jane Doe
[transport-acme]
type=transport
protocol=udp
bind=0.0.0.0

[acme-trunk]
type=endpoint
context=from-acme
disallow=all
allow=ulaw
aors=acme-trunk
outbound_auth=acme-auth
callerid="Jane Doe" <+442079460958>
moh_suggest=acme-music
set_var=CUSTOMER=acme
dtls_cert_file=/etc/letsencrypt/live/sip.acme-telecom.com/cert.pem
tone_zone=uk

[acme-trunk]
type=aor
contact=sip:sbc7.acme-telecom.com

[acme-auth]
type=auth
auth_type=userpass
username=jane.doe
password=hunter2

[acme-phones]
type=phoneprov
profile=acme
server=10.0.0.1 acme

[acme-identify]
type=identify
endpoint=acme-trunk
match=81.2.69.0/29
match_header=X-Customer: acme-4711
"""
MESSAGES = """\
@ 0.0 81.2.69.9:5060 > 192.0.2.1:5060 in
INVITE sip:+442079460123@pbx.janes-shop.co.uk SIP/2.0
From: "Jane Doe" <sip:jane.doe@sbc7.acme-telecom.com>;tag=secrettag
To: <sip:+442079460123@pbx.janes-shop.co.uk>
Call-ID: 8f3a-jane@81.2.69.9
X-Secret: for-nobody
"""
NEVER = (
    "acme", "jane", "hunter2", "442079460", "81.2.69", "shop", "8f3a", "secret", "4711", "for-nobody",
)  # fmt: skip


def written(directory: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A small configuration and capture, full of names."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "pjsip.conf").write_text(CONFIG)
    write_capture(MESSAGES, tmp_path / "capture.pcap")
    return tmp_path


def test_no_name_number_or_address_is_left(case: Path) -> None:
    result = redact_files([case / "capture.pcap"], case / "etc", case / "out")
    for name, data in written(case / "out").items():
        leaked = [word for word in NEVER if word.encode() in data.lower()]
        assert not leaked, f"{name}: {leaked}"
    assert result.left_out == {"of another name": 1}
    assert (result.requests, result.same) == (1, 1)


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_number_or_address_is_left_in_a_report(case: Path, name: str) -> None:
    report = redact_report(diagnose([case / "capture.pcap"], case / "etc"))
    shown = render(report, name, verbose=2).lower()
    if name == "html":
        shown = re.sub(r"(?s)<(style|script)>.*?</\1>", "", shown)
    assert [word for word in NEVER if word in shown] == []


@pytest.mark.parametrize("line", ["[x](acme shop)", "[jane doe](+)", "[x](jane)", "[x](endpoint)"])
@pytest.mark.parametrize("name", ["pjsip.conf", "acl.conf"])
def test_sections_that_a_file_lacks_are_not_named(case: Path, name: str, line: str) -> None:
    with (case / "etc" / name).open("a") as file:
        file.write(f"{line}\ntype=endpoint\n")
    report = diagnose([case / "capture.pcap"], case / "etc")
    assert any("does not exist before" in finding.message for finding in report.findings)
    shown = render(redact_report(report), "json").lower()
    assert [word for word in NEVER if word in shown] == []
    assert f"asterisk rejects the whole of {name}" in shown


@pytest.mark.parametrize(
    "server", ["Jane Doe", "Acme PBX 1.2", "Asterisk PBX 18.9.0-acme", "Asterisk PBX 442079460123"]
)
def test_what_a_pbx_calls_itself_is_not_told(case: Path, server: str) -> None:
    answer = (
        "@ 0.1 192.0.2.1:5060 > 81.2.69.9:5060 out\nSIP/2.0 401 Unauthorized\nCall-ID: 8f3a-jane@81.2.69.9\n"
        f"CSeq: 1 INVITE\nServer: {server}\n"
    )
    write_capture(f"{MESSAGES}{answer}", case / "capture.pcap")
    report = diagnose([case / "capture.pcap"], case / "etc", pbx=("192.0.2.1",))
    shown = render(redact_report(report), "json").lower()
    assert [word for word in NEVER if word in shown] == []


@pytest.mark.parametrize("incident", sorted(path.name for path in INCIDENTS.iterdir() if path.is_dir()))
def test_incidents_are_diagnosed_alike(incident: str, tmp_path: Path) -> None:
    where = INCIDENTS / incident
    hosts = where / "hosts" if (where / "hosts").exists() else None
    result = redact_files([where / "capture.pcap"], where / "etc", tmp_path / "out", hosts=hosts)
    assert result.requests and result.same == result.requests
    plain = diagnose([where / "capture.pcap"], where / "etc", hosts=hosts)
    out = tmp_path / "out"
    redacted = diagnose([out / "capture.pcap"], out / "etc", hosts=out / "hosts" if hosts else None)
    assert [finding.rule for finding in redacted.findings] == [finding.rule for finding in plain.findings]
    assert len(redacted.unmatched) == len(plain.unmatched)
    assert [s.fixes for s in redacted.suggestions] == [s.fixes for s in plain.suggestions]


def test_a_redacted_report_has_the_same_verdicts(case: Path) -> None:
    plain = diagnose([case / "capture.pcap"], case / "etc")
    redacted = redact_report(plain)
    assert [call.verdict.outcome for call in redacted.calls] == [call.verdict.outcome for call in plain.calls]
    assert len(redacted.unmatched) == len(plain.unmatched) == 1
    assert redacted.unmatched[0].endswith(".9")


def test_the_same_input_gives_the_same_bytes(case: Path) -> None:
    for name in ("one", "two"):
        redact_files([case / "capture.pcap"], case / "etc", case / name)
    assert written(case / "one") == written(case / "two")


def test_nothing_is_overwritten(case: Path) -> None:
    with pytest.raises(PjsipdiagError, match="is an input"):
        redact_files([case / "capture.pcap"], case / "etc", case / "etc")


def test_rotated_files_are_one_capture(tmp_path: Path) -> None:
    """A message of which two files hold the halves is not left out."""
    folder = cut(pcap(FRAMES), [3], tmp_path / "files")
    redact_files([folder], None, tmp_path / "out")
    copies = [tmp_path / "out" / name for name in ("capture.pcap", "capture-2.pcap")]
    found = [datagram for copy in copies for datagram in read(copy, Tally(str(copy)))]
    assert len(found) == 5
    assert not any(datagram.truncated for datagram in found)


@pytest.mark.parametrize(
    ("source", "lost"),
    [("203.0.113.11", "1 x line about a refused request whose SIP is not there"), ("x.x.x.x", "1 x unread message")],
)
def test_what_a_log_tells_without_sip_is_called_left_out(source: str, lost: str, tmp_path: Path) -> None:
    log = tmp_path / "full"
    log.write_text(
        "[2026-03-02 10:11:12] NOTICE[9] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '<sip:a@b>' failed for"
        f" '{source}:5060' (callid: x) - No matching endpoint found\n"
    )
    assert redact_files([log], None, tmp_path / "out").cut == (f"{log}: left out: {lost}",)


MAPPED = {
    "modules.conf": "[modules]\nautoload=yes\nnoload => chan_sip.so\npassword hunter2 at acme\n#exec /bin/acme x\n",
    "extconfig.conf": (
        "[settings]\nps_endpoints => curl,http://jane:hunter2@acme-telecom.com/x?token=secret\nps_auths => ldap,"
        '"dc=acme,dc=com",ps_auths,2\nps_aors => odbc,acme_db\n#exec /bin/x --password=hunter2\nps_ids => acme shop\n'
    ),
    "sorcery.conf": (
        "[res_pjsip]\nendpoint=config,pjsip.conf,criteria=type=endpoint,criteria=from_user=jane\n"
        "endpoint=realtime,ps_endpoints\nglobal=config,pjsip.conf,explicit_name=acme-trunk\njane doe, acme\n"
        "aor=realtime,ps_aors\n[res_pjsip_endpoint_identifier_ip]\nidentify=config,pjsip.conf,criteria=type=identify\n"
    ),
}


def test_what_maps_to_databases_names_nobody_and_maps_on(case: Path) -> None:
    for name, text in MAPPED.items():
        (case / "etc" / name).write_text(text)
    result = redact_files([case / "capture.pcap"], case / "etc", case / "out")
    assert (result.requests, result.same) == (1, 1)
    for name, text in MAPPED.items():
        shown = (case / "out/etc" / name).read_text().lower()
        assert [word for word in NEVER if word in shown] == []
        assert shown.count("\n") == text.count("\n")
    plain, redacted = (load_config(case / folder, None, None) for folder in ("etc", "out/etc"))
    assert plain.elsewhere == redacted.elsewhere >= {"endpoint", "aor"}
    shown = (case / "out/etc/modules.conf").read_text()
    assert shown.startswith("[modules]\nautoload=yes\nnoload => chan_sip.so\n") and "acme" not in shown
    assert list(redacted.endpoints) == [name for name in redacted.endpoints if "acme" not in name]
    for form in FORMATS:
        shown = render(redact_report(diagnose([case / "capture.pcap"], case / "etc")), form, verbose=2)
        assert not [word for word in ("hunter2", "jane", "acme", "dc=com") if word in shown.lower()]


@pytest.mark.parametrize("driver", ["curl", "ldap", "odbc"])
def test_a_table_whose_name_has_blanks_is_not_named(case: Path, driver: str) -> None:
    (case / "etc/extconfig.conf").write_text(f"[settings]\nps_endpoints => {driver},jane (acme) doe,acme shop\n")
    (case / "etc/sorcery.conf").write_text("[res_pjsip]\nendpoint=realtime,ps_endpoints\n")
    report = diagnose([case / "capture.pcap"], case / "etc")
    assert "acme shop" in render(report, "json")
    shown = render(redact_report(report), "json").lower()
    assert [word for word in ("jane", "acme", "shop") if word in shown] == []
