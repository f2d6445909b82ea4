"""Files of one capture are read as one: TCP streams and fragments go on, whoever reads them."""

from __future__ import annotations

import gzip
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pjsipdiag.capture.joining import parts
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.diagnose import conclude, diagnose
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.work import gather, tasks
from pjsipdiag.diagnosis.work.executor import PlacedFold, merge_here
from pjsipdiag.diagnosis.work.reading import FileReader
from pjsipdiag.report import render
from pjsipdiag.sip import Address
from tests.bench.captures import write
from tests.capture.build import SYN, ethernet, media, pcap, sip, tcp, udp
from tests.capture.files import FRAMES, cut, later, records, stream, write_all
from tests.capture.packets.test_fragments import pieces
from tests.capture.streams.test_tcp import invite

pytestmark = pytest.mark.usefixtures("extensions")

CONFIG = Path(__file__).parents[3] / "fixtures/demo/etc"


def reported(path: Path, jobs: int = 1) -> Any:
    return json.loads(render(diagnose([path], CONFIG, jobs=jobs), "json"))


def calls(report: Any) -> list[Any]:
    """The calls without the places where they stand."""
    return [{name: call[name] for name in call if name not in ("capture", "frame")} for call in report["calls"]]


def counted(report: Any) -> tuple[Counter[str], Counter[str]]:
    """Messages and what was passed over, in all files."""
    numbers, undecoded = Counter[str](), Counter[str]()
    for capture in report["captures"]:
        numbers.update({name: capture[name] for name in ("records", "sip_messages", "invites")})
        undecoded.update(capture["undecoded"])
    return numbers, undecoded


class Here:
    """An executor that does in this process what forked ones would do."""

    forks = True

    def submit(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Here.StartedWork:
        return self.StartedWork(work, items)

    def merge(self, places: Sequence[PlacedFold]) -> MergedFolds:
        return merge_here(places)

    def another(self) -> None: ...

    def close(self) -> None: ...

    class StartedWork(NamedTuple):
        work: Callable[[Any], Any]
        items: Sequence[Any]

        def __exit__(self, *_: object) -> None: ...

        def results(self, _look: Callable[[], None] = lambda: None) -> Iterator[Any]:
            return map(self.work, self.items)


def shared(path: Path) -> str:
    """What three that share the work say."""
    options: Options = {"jobs": 3}
    with gather.begin([path], options, Here()) as begun:
        return render(conclude(begun, CONFIG, options).report, "json")


def the_same(expected: Any, folder: Path, *, forked: bool = True) -> None:
    """The files in `folder` say what is expected of the whole capture, whoever reads them."""
    one = render(diagnose([folder], CONFIG, jobs=1), "json")
    assert one == (render(diagnose([folder], CONFIG, jobs=3), "json") if forked else shared(folder))
    report = json.loads(one)
    assert calls(report) == calls(expected)
    assert counted(report) == counted(expected)


@pytest.mark.parametrize("kind", ["tcp", "frag", "varied"])
@pytest.mark.parametrize("ending", ["pcap", "pcapng", "pcap.gz"])
def test_a_capture_cut_at_random(kind: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"whole.{ending.removesuffix('.gz')}"
    write(path, kind, 400)
    raw, rnd, expected = path.read_bytes(), random.Random(7), reported(path)
    for cuts in (2, 9):
        places = sorted(rnd.sample(range(1, len(records(raw)[1])), cuts))
        the_same(expected, cut(raw, places, tmp_path / str(cuts), ending.endswith("gz")), forked=cuts == 9)


def test_a_capture_cut_at_every_record(tmp_path: Path) -> None:
    raw = pcap(FRAMES)
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(raw)
    expected = reported(whole)
    assert [call["call_id"] for call in expected["calls"]] == ["1", "2", "3", "4", "5"]
    for place in range(1, len(FRAMES)):
        the_same(expected, cut(raw, [place], tmp_path / str(place)), forked=False)
    the_same(expected, cut(raw, range(1, len(FRAMES)), tmp_path / "each"))


def test_big_files_are_cut_and_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of several parts stands between others."""
    monkeypatch.setattr(parts, "SMALLEST", 20_000)
    frames = [frame for number in range(12) for frame in (*stream(invite(number, b"x" * 900), 97, 40_000 + number),
                                                          *[media()] * 20)]  # fmt: skip
    raw = pcap(frames)
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(raw)
    the_same(reported(whole), cut(raw, [5, len(frames) - 30], tmp_path / "files"))


@pytest.mark.parametrize("place", [0.5, 0.9])
def test_what_cannot_be_joined_is_read_once_more_from_there_on(
    place: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage in one part: what others found before it stays."""
    monkeypatch.setattr(parts, "SMALLEST", 20_000)
    path = tmp_path / "whole.pcap"
    write(path, "tcp", 400)
    raw = bytearray(path.read_bytes())
    found = records(bytes(raw))[1]
    at = sum(map(len, found[: int(place * len(found))]))
    raw[at : at + 40] = b"\xff" * 40
    path.write_bytes(raw)
    expected = reported(path)
    assert expected["captures"][0]["undecoded"]["damaged records"]
    monkeypatch.setattr(FileReader, "read", None)
    assert reported(path, 3) == expected


def test_a_message_that_is_told_late_is_where_it_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that ends inside of a message is told at the end; the PBX got the message later, over another way."""
    monkeypatch.setattr(parts, "SMALLEST", 6000)
    late = Address("203.0.113.99", 5060)
    frames = [*stream(invite(1, b"x" * 900)[:-20], 300), *[media()] * 60, ethernet(udp(invite(1), late)), media()]
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(pcap(frames))
    found = [[(call["source"], call["frame"]) for call in reported(whole, jobs)["calls"]] for jobs in (1, 2, 3)]
    assert found == [[("203.0.113.99:5060", len(frames) - 1)]] * 3


def test_requests_of_one_text_are_two_in_either_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one is read first: it stands whole in one packet, the first one over two parts of the capture."""
    monkeypatch.setattr(parts, "SMALLEST", 6000)
    other = invite(1).replace(b"INVITE ", b"MESSAGE ", 1)
    spread = [frame for segment in stream(other, 20) for frame in (segment, *[media()] * 20)]
    frames = [*spread, ethernet(udp(other)), media()]
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(pcap(frames))
    found = [reported(whole, jobs)["sources"][0]["other_methods"] for jobs in (1, 2, 3)]
    assert found == [{"MESSAGE": 2}] * 3


@pytest.mark.parametrize("kind", ["tcp", "frag", "varied"])
def test_a_file_that_cannot_be_cut_is_read_by_another_process(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a damaged one that ends inside of messages and of a packet in fragments."""
    monkeypatch.setattr(tasks, "LEAST_PACKED", 1000)
    path, zipped = tmp_path / "whole.pcap", tmp_path / "whole.pcap.gz"
    write(path, kind, 400)
    raw = path.read_bytes()
    for end in (len(raw), len(raw) * 2 // 3, len(raw) // 3):
        data = gzip.compress(raw[:end])
        for cut_off in (0, 500):
            zipped.write_bytes(data[: len(data) - cut_off])
            one, two = (render(diagnose([zipped], CONFIG, jobs=jobs), "json") for jobs in (1, 2))
            assert one == two
            assert json.loads(one)["captures"][0]["records"] > 20


def test_another_day_is_another_connection(tmp_path: Path) -> None:
    """Same addresses, same ports, even the same sequence numbers: what the first day left does not reach the second."""
    monday = stream(invite(1) + invite(2, b"x" * 500)[:300], 97)
    tuesday = stream(invite(3, b"y" * 500) + invite(4), 97)
    folder = write_all(tmp_path / "days", pcap(monday), later(pcap(tuesday), 86_400))
    one, two = (render(diagnose([folder], CONFIG, jobs=jobs), "json") for jobs in (1, 2))
    assert one == two
    report = json.loads(one)
    assert [call["call_id"] for call in report["calls"]] == ["1", "2", "3", "4"]
    places = {call["call_id"]: (Path(call["capture"]).name, call["frame"]) for call in report["calls"]}
    assert places["2"] == ("0.pcap", len(monday))
    assert [capture["invites"] for capture in report["captures"]] == [2, 2]


def test_the_same_opening_again_after_the_time_of_repetitions(tmp_path: Path) -> None:
    """Tools that make up TCP begin every stream with the same number."""
    folder = write_all(
        tmp_path / "made-up", pcap(stream(invite(1), 97)), later(pcap(stream(invite(2), 97)), 200)
    )  # fmt: skip
    assert [call["call_id"] for call in reported(folder)["calls"]] == ["1", "2"]


def test_fragments_do_not_wait_for_another_day(tmp_path: Path) -> None:
    fragments = [bytes(12) + b"\x08\0" + piece for piece in pieces(udp(sip(1, padding=1000)), [496])]
    folder = write_all(tmp_path / "days", pcap(fragments[:1]), later(pcap([*fragments[1:], media()]), 86_400))
    one, two = (render(diagnose([folder], CONFIG, jobs=jobs), "json") for jobs in (1, 2))
    assert one == two
    report = json.loads(one)
    assert [(Path(call["capture"]).name, call["frame"]) for call in report["calls"]] == [("0.pcap", 1)]
    assert [capture["undecoded"] for capture in report["captures"]] == [{"IP fragments without the rest": 1}] * 2


def test_two_captures_at_the_same_time(tmp_path: Path) -> None:
    """Rotated files of two machines: each connection goes on in the file that has its rest."""
    one, two = stream(invite(1, b"x" * 500), 97), stream(invite(2, b"y" * 500), 97, 40001)
    folder = write_all(
        tmp_path / "two",
        pcap(one[:4]),
        later(pcap(two[:4]), 1),
        later(pcap(one[4:]), 60),
        later(pcap(two[4:]), 61),
    )
    report = reported(folder)
    assert [call["call_id"] for call in report["calls"]] == ["1", "2"]
    assert counted(report)[1] == {}


def test_what_never_ends_is_told_where_it_was_seen_last(tmp_path: Path) -> None:
    frames = stream(invite(1) + invite(2, b"x" * 500)[:300], 97)
    raw = pcap([*frames, *[media()] * 5])
    folder = cut(raw, [2, len(frames), len(frames) + 2], tmp_path / "files")
    one, two = (render(diagnose([folder], CONFIG, jobs=jobs), "json") for jobs in (1, 2))
    assert one == two
    places = {call["call_id"]: (Path(call["capture"]).name[-1], call["frame"]) for call in json.loads(one)["calls"]}
    assert places["2"] == ("1", len(frames) - 2)


@pytest.mark.parametrize("ending", ["pcap", "pcapng"])
def test_first_fragments_alone_in_files_cut_anywhere(ending: str, tmp_path: Path) -> None:
    """What `tcpdump udp port 5060` keeps of a capture with fragments: the calls are all there."""
    path = tmp_path / f"whole.{ending}"
    truth = write(path, "frag", 300)
    head, found = records(path.read_bytes())
    kept = [record for record in found if not (b"\x08\0E" in record and fragment_of(record) & 0x1FFF)]
    assert len(kept) < len(found)
    whole = tmp_path / f"firsts.{ending}"
    whole.write_bytes(head + b"".join(kept))
    expected = reported(whole)
    assert {call["call_id"] for call in expected["calls"]} <= {invite.call_id for invite in truth}
    assert sum(capture["invites"] for capture in expected["captures"]) == len(truth)
    the_same(expected, cut(whole.read_bytes(), [len(kept) // 3, len(kept) // 2], tmp_path / "files"))


def fragment_of(record: bytes) -> int:
    at = record.index(b"\x08\0E") + 2
    return int.from_bytes(record[at + 6 : at + 8], "big")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_can_be_read_only_once_is_read_once(jobs: int, tmp_path: Path) -> None:
    """A pipe beside a file, with a stream that goes on in binary from one to the other."""
    folder = cut(pcap(FRAMES), [7], tmp_path / "files")
    one, two = sorted(folder.iterdir(), key=lambda path: path.name[-1])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(one.read_bytes()), daemon=True).start()
    report = json.loads(render(diagnose([pipe, two], CONFIG, jobs=jobs), "json"))
    assert [call["call_id"] for call in report["calls"]] == ["1", "2", "3", "4", "5"]


def test_tls_connections_are_listed_in_one_order(tmp_path: Path) -> None:
    """One of them is opened in the second file, and found by the process that reads it."""
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(200)
    clients = [Address("203.0.113.9", 4000), Address("203.0.113.7", 4000)]
    older = ethernet(tcp(hello, source=clients[0]))
    opened = [ethernet(tcp(b"", -1, SYN, clients[1])), ethernet(tcp(hello, source=clients[1]))]
    folder = cut(pcap([media(), older, *opened]), [1], tmp_path / "files")
    one, two = (render(diagnose([folder], CONFIG, jobs=jobs), "json") for jobs in (1, 2))
    assert one == two
    assert "203.0.113.7 to 192.0.2.1:5060" in one


def test_the_pbx_is_where_most_calls_go_whoever_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More pairs of addresses than are kept, and the first ones are not those of the PBX."""
    monkeypatch.setattr(parts, "SMALLEST", 20_000)
    monkeypatch.setattr("pjsipdiag.diagnosis.calls.fold.MOST_PAIRS", 50)
    monkeypatch.setattr("pjsipdiag.diagnosis.calls.pbx.inference.MOST_PAIRS", 50)
    servers = [Address("192.0.2.77", 5060)] * 100 + [Address("192.0.2.78", 5060)] * 300
    sources = [Address(f"198.51.{number // 200}.{number % 200 + 1}", 5060) for number in range(len(servers))]
    frames = [ethernet(udp(sip(at), *ends)) for at, ends in enumerate(zip(sources, servers, strict=True))]
    path = tmp_path / "scan.pcap"
    path.write_bytes(pcap(frames))
    found = [diagnose([path], CONFIG, jobs=jobs) for jobs in (1, 2, 3)]
    assert [report.pbx for report in found] == [("192.0.2.78",)] * 3
    assert [len(report.calls) for report in found] == [300] * 3
