"""What a running Asterisk told, with stand-ins: nothing of anybody is left, and it is replayed alike."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pjsipdiag.asterisk.live import interface, saved
from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.asterisk.live.snapshot import Item, LiveAnswers, WantedNames
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.redact import redact_files
from tests.asterisk.live import servers
from tests.asterisk.live.servers import command
from tests.asterisk.live.test_running import recorded
from tests.conformance import message

WANTED = WantedNames(
    ("alias.example", "203.0.113.10"), dialplan=True, names={"identify": ("dangling-id", "dropped-id")}
)
NAMES = re.compile(
    r"trunk-(id|header|permit|uri|acl)|phone|dangling|6001|provider|from-(?!user)|very-long|sbc|"
    r"secret|555987654"
)


def told(name: str, monkeypatch: pytest.MonkeyPatch) -> LiveAnswers:
    if name in ("22", "16"):
        live = ask_live(command(name), WANTED)
        more = Item("dialplan", "from-internal", (("exten", "555987654,1"), ("include", "from-shared,9:00-17:00")))
        return replace(live, items=(*live.items, more))
    monkeypatch.setenv(interface.SECRET, servers.SECRET)
    with servers.manager(servers.recorded(name)["ami"]) as address:
        return ask_live(address, WANTED)


@pytest.mark.parametrize("name", ["22", "16", "22-reporting", "22-system", "16-system"])
def test_saved_answers_are_redacted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = told(name, monkeypatch)
    path = tmp_path / "pbx.live"
    path.write_text(saved.to_text(live))
    requests = [message(request, {}) for request in recorded(name[:2])]
    with (tmp_path / "calls.pcap").open("wb") as stream:
        write_pcap(
            tuple(
                Datagram(at, at, one.transport, one.source.pack(), one.destination.pack(), one.raw)
                for at, one in enumerate(requests)
            ),
            stream,
        )
    result = redact_files([tmp_path / "calls.pcap"], None, tmp_path / "out", live=str(path))
    assert result.requests == result.same == len(requests)
    text = (tmp_path / "out" / "asterisk.live").read_text()
    assert NAMES.search(path.read_text())
    assert NAMES.search(text) is None, NAMES.search(text)
    after = saved.read(str(tmp_path / "out" / "asterisk.live"))
    assert (after.version, after.identifiers, after.untold) == (live.version, live.identifiers, live.untold)
    assert [(item.type, len(item.values)) for item in after.items] == [
        (item.type, len(item.values)) for item in live.items
    ]
