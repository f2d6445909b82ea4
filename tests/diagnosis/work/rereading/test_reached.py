"""Which address the PBX found for a name in its files: it sent requests for it there, and was answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import Observation, observe
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

PBX, CARRIER, MINE = "192.0.2.1:5060", "198.51.100.20:5060", "198.51.100.66:5060"
CONFIG = """
[udp]
type=transport
protocol=udp
bind=192.0.2.1
[carrier]
type=endpoint
context=from-carrier
aors=carrier
outbound_proxy=sip:proxy.carrier.example\\;lr
[carrier]
type=aor
contact=sip:sip.carrier.example
[carrier]
type=registration
server_uri=sip:sip.carrier.example
client_uri=sip:acc@sip.carrier.example
endpoint=carrier
[other]
type=endpoint
context=from-other
aors=other
[other]
type=aor
contact=sip:sip.other.example
[carrier]
type=identify
endpoint=carrier
match=203.0.113.10
[other]
type=identify
endpoint=other
match=203.0.113.200
"""
INVITE = "INVITE sip:100@192.0.2.1 SIP/2.0\nFrom: <sip:+49123@{0}>;tag=c\nCall-ID: in-{1}\n"


def request(  # noqa: PLR0917  (what varies)
    uri: str = "sip.carrier.example",
    method: str = "OPTIONS",
    more: str = "",
    to: str = CARRIER,
    way: str = "out",
    tag: str = "",
) -> str:
    ends = f"From: <sip:acc@192.0.2.1>;tag=f\nTo: <sip:x@y.example>{tag}\nCall-ID: own\nCSeq: 7 {method}"
    return f"@ 1 {PBX} > {to} {way}\n{method} sip:{uri} SIP/2.0\n{ends}\n{more}"


def answer(  # noqa: PLR0917  (as above)
    method: str = "OPTIONS",
    source: str = CARRIER,
    way: str = "in",
    call: str = "own",
    number: int = 7,
    status: str = "200 OK",
) -> str:
    ends = f"From: <sip:acc@192.0.2.1>;tag=f\nTo: <sip:x@y.example>;tag=t\nCall-ID: {call}\nCSeq: {number} {method}"
    return f"@ 2 {source} > {PBX} {way}\nSIP/2.0 {status}\n{ends}\n"


def observed(text: str, caller: str, folder: Path, link: str = "sll") -> Observation:
    """What is said of the text and of two calls from `caller` that are refused."""
    calls = ""
    for number in (1, 2):
        refusal = f"SIP/2.0 401 Unauthorized\nCall-ID: in-{number}\nCSeq: 1 INVITE\nServer: Asterisk PBX 22.10.1\n"
        calls += f"@ {3 + number} {caller} > {PBX} in\n{INVITE.format(caller, number)}"
        calls += f"@ {3 + number}.1 {PBX} > {caller} out\n{refusal}To: <sip:100@192.0.2.1>;tag=p{number}\n"
    (folder / "pjsip.conf").write_text(CONFIG)
    capture = write_capture(text + calls, folder / "c.pcap", link)
    return observe([capture], folder, pbx=("192.0.2.1",))


def lines(seen: Observation) -> list[str]:
    return [line for suggestion in seen.report.suggestions for line in suggestion.add]


@pytest.mark.parametrize("link", ["sll", "ethernet"])
@pytest.mark.parametrize(
    "text",
    [
        request() + answer(),
        request(method="REGISTER") + answer("REGISTER", status="401 Unauthorized"),
        request("100@sip.carrier.example", "INVITE") + answer("INVITE", status="100 Trying"),
        request("100@sip.carrier.example:5060;transport=udp") + answer(status="486 Busy Here"),
        request("PROXY.carrier.example", more="") + answer(),
        request(more="Route: <sip:proxy.carrier.example;lr>\n") + answer(),
        request("x@203.0.113.10", more='Route: "p" <sip:proxy.carrier.example;lr>, <sip:sip.carrier.example>\n')
        + answer(),
        request("x@192.0.2.77;maddr=sip.carrier.example") + answer(),
        answer(way="in", call="forged") + request() + answer(),
        request() + answer(source=MINE) + answer(),
    ],
)
def test_the_address_of_a_name_is_where_the_pbx_goes_for_it(text: str, link: str, tmp_path: Path) -> None:
    assert lines(observed(text, CARRIER, tmp_path, link)) == ["match=198.51.100.20"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        request(),
        answer(),
        answer().replace("@ 2 ", "@ 0 ") + request(),
        request() + answer(call="guessed"),
        request() + answer(number=8),
        request() + answer(source=MINE),
        request() + answer(way="out"),
        request(way="in") + answer(),
        request("x@sip.elsewhere.example") + answer(),
        request("x@198.51.100.20") + answer(),
        request(tag=";tag=t") + answer(),
        request(method="NOTIFY") + answer("NOTIFY"),
        request(method="MESSAGE") + answer("MESSAGE"),
        request("x@sip.carrier.example;maddr=198.51.100.20") + answer(),
        request("x@sip.carrier.example;M%61DDR=198.51.100.20") + answer(),
        request("x@sip.carrier.example;maddr=sip.carrier.example;maddr=198.51.100.20") + answer(),
        request("x@sip.carrier.example", more="Route: <sip:198.51.100.20;lr>\n") + answer(),
        request("x@sip.carrier.example", more="Route: <sip:gw.elsewhere.example;lr>\n") + answer(),
        request("x@sip.carrier.example", more="Route: <sip:sip.carrier.example;lr;maddr=198.51.100.20>\n") + answer(),
        request("x@gw.elsewhere.example", more="Route: <sip:sip.carrier.example;lr>\n") + answer(),
        request("x@sip.carrier.example", more="Route: nonsense\n") + answer(),
        request("x@sip.other.example", more="Route: <sip:sip.carrier.example;lr>\n") + answer(),
    ],
)
def test_nothing_else_makes_an_address_likely(text: str, tmp_path: Path) -> None:
    assert lines(observed(text, CARRIER, tmp_path)) == []


@pytest.mark.parametrize("text", [request(to="198.51.100.21:5060") + answer(source="198.51.100.21:5060")])
def test_its_neighbours_are_not_the_names(text: str, tmp_path: Path) -> None:
    assert lines(observed(text, CARRIER, tmp_path)) == []


@pytest.mark.parametrize(("text", "scans"), [("", True), (request("1@198.51.100.20") + answer(), False)])
def test_who_answers_the_pbx_is_no_scanner(text: str, scans: bool, tmp_path: Path) -> None:
    """One whom the PBX asks by his address is a stranger, and still nobody to be blocked."""
    (tmp_path / "etc").mkdir()
    calls = "".join(
        f"@ {9 + number} {CARRIER} > {PBX} in\n"
        f"INVITE sip:{'0' * number}0972595301234@192.0.2.1 SIP/2.0\nUser-Agent: friendly-scanner\nCall-ID: s{number}\n"
        for number in range(5)
    )
    findings = observed(text + calls, CARRIER, tmp_path).report.findings
    assert any(finding.rule == "scanner" for finding in findings) is scans
