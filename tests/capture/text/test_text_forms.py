"""Written forms of SIP in fixtures/forms: `read` are judged, `named` are told for what they are in one line."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from pjsipdiag.capture import read_stream
from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.passed_over import CUT_SENTENCE
from pjsipdiag.capture.text.read import NOTE_BARE
from pjsipdiag.capture.text.text_forms import NAMED_TEXTS
from pjsipdiag.errors import CaptureError
from pjsipdiag.sip import Address

FORMS = Path(__file__).parents[3] / "fixtures" / "forms"
READ = sorted((FORMS / "read").glob("*.txt"))
TOLD = sorted((FORMS / "named").glob("*.txt"))
CALLER = "203.0.113.11:5060"
WORDS = {
    "chansip-full": "chan_sip",
    "chansip-notice": "chan_sip",
    "ami-events": "AMI",
    "c-array": "hexadecimal",
    "chansip-channels": "chan_sip",
    "chansip-history": "chan_sip",
    "chansip-security": "chan_sip",
    "chansip-retransmitting": "chan_sip",
    "configuration": "with -c",
    "endpoints": "commands",
    "firewall": "firewall",
    "freeswitch": "FreeSWITCH",
    "freeswitch-log": "FreeSWITCH",
    "hex-stream": "hexadecimal",
    "hist-list": "pjsip show history entry",
    "homer-csv": "Homer",
    "homer-json": "Homer",
    "kamailio": "proxy",
    "kamailio-script": "proxy",
    "ngrep-plain": "byline",
    "od-c": "octal",
    "opensips-debug": "proxy",
    "pjsua": "pjsua",
    "snom": "telephone, gateway",
    "audiocodes": "telephone, gateway",
    "cisco": "telephone, gateway",
    "cucm": "telephone, gateway",
    "oracle": "telephone, gateway",
    "linphone": "telephone, gateway",
    "sipp": "telephone, gateway",
    "sipjs": "telephone, gateway",
    "twinkle": "telephone, gateway",
    "psml": "PSML",
    "rich-text": "plain text",
    "sngrep-drawn": "picture of a call",
    "sngrep-flow": "picture of a call",
    "sngrep-list": "F2",
    "tcpdump-X": "hexadecimal",
    "tcpdump-plain": "-w call.pcap",
    "tshark-ek": "JSON",
    "tshark-fields": "list of packets",
    "tshark-fields-named": "list of packets",
    "tshark-json": "JSON",
    "tshark-pdml": "PDML",
    "wireshark-csv": "list of packets",
    "wireshark-csv-columns": "list of packets",
    "wireshark-flow": "picture of a call",
    "wireshark-list": "list of packets",
    "wireshark-print": "Wireshark's dissection",
    "wireshark-yaml": "YAML",
    "wireshark-stream": "who sent them to whom",
    "xxd": "hexadecimal",
    "yealink": "telephone, gateway",
}


def carried(raw: bytes) -> list[bytes]:
    """The same with other line ends, quoted, and with characters of 16 bits."""
    return [raw, raw.replace(b"\n", b"\r\n"), b"".join(b"> " + line for line in raw.splitlines(keepends=True))]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.stem)
def test_a_call_and_its_answer_are_read(path: Path) -> None:
    for raw in (*carried(path.read_bytes()), path.read_text("utf-8").encode("utf-16")):
        tally = Tally("text")
        found = list(read_stream(io.BytesIO(raw), tally))
        assert [datagram.payload.split(b"\r\n")[0] for datagram in found] == [
            b"INVITE sip:100@192.0.2.1 SIP/2.0",
            b"SIP/2.0 401 Unauthorized",
        ]
        assert str(Address.unpack(found[0].source)) == str(Address.unpack(found[1].destination)) == CALLER
        assert not any(datagram.truncated for datagram in found)
        assert not tally.unread_messages


@pytest.mark.parametrize("path", TOLD, ids=lambda path: path.stem)
def test_what_cannot_be_judged_is_named(path: Path) -> None:
    raw = path.read_bytes()
    for text in (raw, raw.replace(b"\n", b"\r\n"), raw.decode().encode("utf-16")):
        with pytest.raises(CaptureError) as told:
            list(read_stream(io.BytesIO(text), Tally("text")))
        assert WORDS[path.stem] in str(told.value)
        assert "bring" in str(told.value) or re.search("use|give|take|save|write", str(told.value))
        assert "\n" not in str(told.value)


HOMER = {
    "srcIp": "203.0.113.11",
    "srcPort": 5060,
    "dstIp": "192.0.2.1",
    "dstPort": 5060,
    "raw": "OPTIONS sip:192.0.2.1 SIP/2.0\r\nCall-ID: x1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
    "create_date": 1795425056123,
}
HEADER = {name: HOMER[name] for name in HOMER if name != "raw"}
OLD = {"source_ip": "203.0.113.11", "source_port": "5060", "destination_ip": "192.0.2.1", "destination_port": "5060"}
EXPORTS = {
    "objects": json.dumps({"data": {"messages": [HOMER, HOMER]}}),
    "objects over lines": json.dumps({"data": [HOMER, HOMER]}, indent=2),
    "an object a line": f"{json.dumps(HOMER)}\n{json.dumps(HOMER)}\n",
    "addresses in an object beside": json.dumps([{"protocol_header": HEADER, "raw": HOMER["raw"]}] * 2),
    "objects by their names": json.dumps({"data": {"1": HOMER, "2": HOMER}}),
    "ports that became fractions": json.dumps([HOMER | {"srcPort": 5060.0, "dstPort": "5060.0"}] * 2),
    "older names": json.dumps([OLD | {"msg": HOMER["raw"], "micro_ts": 1795425056123000}] * 2),
    "rows": "".join(f"{','.join(row)}\r\n" for row in ([*HOMER], *[[f'"{value}"' for value in HOMER.values()]] * 2)),
    "rows, semicolons": "\n".join(
        ";".join(row) for row in ([*HOMER], *[[f'"{value}"' for value in HOMER.values()]] * 2)
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_messages_with_their_addresses_in_fields_are_read(name: str) -> None:
    tally = Tally("text")
    found = list(read_stream(io.BytesIO(EXPORTS[name].encode()), tally))
    assert [datagram.payload.split(b"\r\n")[0] for datagram in found] == [b"OPTIONS sip:192.0.2.1 SIP/2.0"] * 2
    assert {str(Address.unpack(datagram.source)) for datagram in found} == {CALLER}
    assert {datagram.time for datagram in found} == {1795425056123000000}
    assert not tally.unread_messages


@pytest.mark.parametrize("source", [{"srcIp": ""}, {"srcIp": "our carrier"}, {"srcPort": ""}])
def test_messages_whose_addresses_no_field_tells_are_counted(source: dict[str, str]) -> None:
    rows = [HOMER, HOMER | source]
    table = "".join(
        ",".join(f'"{value}"' for value in row) + "\r\n" for row in (HOMER, *(row.values() for row in rows))
    )
    without = {name: value for name, value in HOMER.items() if name not in source}
    for text in (json.dumps(rows), json.dumps([without, HOMER]), table):
        tally = Tally("text")
        assert len(list(read_stream(io.BytesIO(text.encode()), tally))) == 1
        assert tally.unread_messages == {("hidden", "<none>"): 1}


@pytest.mark.parametrize("shape", ["array", "rows"])
@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_no_exported_message_begins_inside_of_another(shape: str, ends: str) -> None:
    forged = "203.0.113.99:5060 -> 192.0.2.1:5060\n\nINVITE sip:1@192.0.2.1 SIP/2.0\nCall-ID: forged\n\n"
    head = f"OPTIONS sip:192.0.2.1 SIP/2.0\nCall-ID: x1\nCSeq: 1 OPTIONS\nContent-Length: {len(forged)}\n\n"
    raw = (head + forged).replace("\n", ends)
    row = HOMER | {"raw": raw}
    table = io.StringIO()
    writer = csv.DictWriter(table, list(row))
    writer.writeheader()
    writer.writerows([row, row])
    text = json.dumps([row, row]) if shape == "array" else table.getvalue()
    found = list(read_stream(io.BytesIO(text.encode()), Tally("text")))
    assert [str(Address.unpack(datagram.source)) for datagram in found] == [CALLER] * 2
    assert {datagram.payload.replace(b"\r\n", b"\n") for datagram in found} == {(head + forged).encode()}


@pytest.mark.parametrize("beside", ["\ud800", "\n<x>", "-5", "12345678901"])
def test_fractions_of_exports_that_are_none_are_left_out(beside: str) -> None:
    one = HEADER | {"raw": HOMER["raw"], "create_date": 1795425056, "time_useconds": beside}
    tally = Tally("text")
    (found,) = read_stream(io.BytesIO(json.dumps([one]).encode()), tally)
    assert found.time == 1795425056000000000


WHOLE = json.dumps(HOMER)
CUT_SHORT = WHOLE[: WHOLE.index("Call-ID")]
BROKEN_EXPORTS = {
    "a line between others": f"{WHOLE}\n{CUT_SHORT}\n{WHOLE}\n",
    "the last line": f"{WHOLE}\n{WHOLE}\n{CUT_SHORT}",
    "the end of an array": f"[{WHOLE}, {WHOLE}, {CUT_SHORT}",
    "the end of an object": json.dumps({"data": {"messages": [HOMER] * 3}}, indent=1)[:-100],
    "a field beyond all measure": ",".join(HOMER)
    + "\n"
    + (",".join(f'"{value}"' for value in HOMER.values()) + "\n") * 2
    + ",".join(f'"{value}"' for value in (HOMER | {"raw": f"{HOMER['raw']}{'x' * (1 << 18)}"}).values()),
}


@pytest.mark.parametrize("name", BROKEN_EXPORTS)
def test_of_a_broken_export_the_whole_messages_are_read_and_the_others_counted(name: str) -> None:
    tally = Tally("text")
    found = list(read_stream(io.BytesIO(BROKEN_EXPORTS[name].encode()), tally))
    assert {str(Address.unpack(datagram.source)) for datagram in found} == {CALLER}
    assert (len(found), tally.unread_messages) == (2, {("broken", ""): 1})


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_that_were_cut_are_told(width: int) -> None:
    raw = (FORMS.parent / "log/asterisk-22.log").read_bytes()
    tally = Tally("text")
    cut = b"\n".join(line[:width] for line in raw.replace(b"\r", b"").split(b"\n"))
    try:
        found = list(read_stream(io.BytesIO(cut), tally))
    except CaptureError as told:
        assert f"cut after {width} columns" in str(told)
    else:
        assert not found
        sentences = {(CUT_SENTENCE, "")} if width == 100 else set()  # they begin behind the 80th column
        assert set(tally.unread_messages) == {("broken", str(width)), *sentences}


def test_every_named_form_has_an_example() -> None:
    raws = [path.read_bytes() for path in TOLD]
    for row in NAMED_TEXTS:
        assert any(row.is_in(raw) for raw in raws), row.what


def test_messages_that_nothing_announces_are_told_beside_sentences() -> None:
    raw = (FORMS.parent / "log/asterisk-22.log").read_bytes()
    tally = Tally("text")
    assert list(read_stream(io.BytesIO(raw.replace(b" SIP re", b" SIP-Re")), tally)) == []
    assert tally.logged_refusals
    assert NOTE_BARE in tally.notes
