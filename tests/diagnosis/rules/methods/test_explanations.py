"""Why real Asterisk 16.28.0 and 22.10.1 refused requests outside of calls, once an endpoint was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag import diagnose
from tests.diagnosis.scene import write_scene

FILES = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[global]
type=global
endpoint_identifier_order=ip,username,auth_username
[old.example]
type=domain_alias
domain=new.example
[bob]
type=endpoint
aors=box@new.example,login
identify_by=ip,username,auth_username
[bob-ip]
type=identify
endpoint=bob
match=203.0.113.10
[box@new.example]
type=aor
max_contacts=1
remove_existing=yes
[login]
type=aor
"""
REQUEST = """@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in -> {status}
{method} sip:bob@192.0.2.1 SIP/2.0
From: <sip:bob@192.0.2.1>;tag=a
To: <sip:{to}>
CSeq: 1 {method}
Contact: <sip:203.0.113.10>
{headers}

"""
LOGIN = 'Authorization: Digest username="login", realm="asterisk", nonce="n", uri="sip:x", response="r"'


@pytest.mark.parametrize(
    ("request_", "to", "headers", "why"),
    [
        ("REGISTER 403", "nobody@192.0.2.1", LOGIN, "AOR login takes no registration: it has no max_contacts"),
        ("REGISTER 403", "box@old.example", "", "it has more contacts itself than AOR box@new.example takes"),
        ("REGISTER 400", "box@new.example", "", "its Contact headers are refused"),
        ("REGISTER 416", "box@new.example", "", "its To header is no sip: or sips: URI"),
        (
            "REGISTER 420",
            "box@new.example",
            "Path: <sip:192.0.2.9;lr>",
            "it has a Path header and no `Supported: path`",
        ),
        ("SUBSCRIBE 400", "bob@192.0.2.1", "Event: presence\nExpires: 0", "its Expires is 0"),
        ("PUBLISH 412", "bob@192.0.2.1", "Event: presence\nSIP-If-Match: 9", "its SIP-If-Match names no publication"),
        ("NOTIFY 404", "bob@192.0.2.1", "Event: message-summary", "an endpoint with incoming_mwi_mailbox=BOX@CONTEXT"),
        (
            "NOTIFY 501",
            "bob@192.0.2.1",
            "Event: keep-alive",
            "takes message counts (application/simple-message-summary)",
        ),
    ],
)
def test_the_module_of_the_method_says_why(request_: str, to: str, headers: str, why: str, tmp_path: Path) -> None:
    method, _, status = request_.partition(" ")
    (tmp_path / "pjsip.conf").write_text(FILES)
    scene = REQUEST.format(method=method, status=status, to=to, headers=headers)
    report = diagnose([write_scene(scene, tmp_path / "c.pcap")], tmp_path, pbx=["192.0.2.1"])
    told = [found.message for found in report.findings if found.rule == "request-refused"]
    assert len(told) == 1
    assert f"the {method} of 203.0.113.10" in told[0]
    assert why in told[0]
