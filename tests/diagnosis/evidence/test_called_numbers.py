"""Numbers that calls ask for, held against the dialplan of the files."""

from __future__ import annotations

from pathlib import Path
from time import process_time

from pjsipdiag import diagnose
from tests.diagnosis.scene import write_scene

FILES = {
    "pjsip.conf": "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[carrier]\ntype=endpoint\ncontext=in\n[id]\n"
    "type=identify\nendpoint=carrier\nmatch=203.0.113.10\n",
    "extensions.conf": "[in]\nexten => 5,1,Answer()\n",
}


def test_a_number_as_long_as_a_packet_costs_no_more_than_another(tmp_path: Path) -> None:
    """Each of its ends was looked up as another way to write it: 60,000 digits took 1.8 GB."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    scene = f"@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in -> 404\nINVITE sip:{'1' * 20_000}@192.0.2.1 SIP/2.0\n"
    capture, began = write_scene(scene, tmp_path / "c.pcap"), process_time()
    found = diagnose([capture], tmp_path)
    assert [one.rule for one in found.findings if one.severity == "error"] == ["dialplan-rejected"]
    assert process_time() - began < 5
