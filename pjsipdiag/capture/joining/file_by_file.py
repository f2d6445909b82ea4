"""Files of one capture, one after the other: what each holds, wherever its messages begin and end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.reader import read
from pjsipdiag.capture.packets.dissect import Dissector, UnfinishedState
from pjsipdiag.capture.rotated import Captures


def _every(_datagram: Datagram) -> bool:
    return True


def read_files(
    captures: Captures, tallies: list[Tally], wanted: Callable[[Datagram], bool] = _every
) -> list[list[Datagram]]:
    """The messages of each file that are `wanted`, in the order of its frames; what was passed over is added to
    `tallies`. Raises CaptureError as `read` does.
    """
    found: list[list[Datagram]] = []
    records: list[int] = []
    unfinished: UnfinishedState | None = None
    for number, path in enumerate(captures.files):
        tally = Tally(path)
        tallies.append(tally)
        dissector = Dissector(tally, unfinished)
        found.append(list(filter(wanted, read(path, tally, dissector))))
        found[-1] += filter(wanted, dissector.finish(next(iter(captures.starts[number + 1 :]), None)))
        records.append(tally.records)
        unfinished = dissector.take_unfinished()
        for of, datagram in by_owner(dissector.late, records):
            found[of] += filter(wanted, [datagram])
    return [sorted(messages, key=lambda datagram: datagram.frame) for messages in found]


def cut_short(tallies: Iterable[Tally]) -> tuple[str, ...]:
    """The files that could not be read to their end, and why."""
    return tuple(f"{tally.file}: {tally.truncated}" for tally in tallies if tally.truncated)


def by_owner(late: Iterable[Datagram], records: Sequence[int]) -> Iterator[tuple[int, Datagram]]:
    """The number of the file that each datagram of `Dissector.late` belongs to, and the datagram with its frame there.

    `records` are the numbers of frames of all files up to the one that was read last.
    """
    for datagram in late:
        of, frame = len(records) - 1, datagram.frame
        # A message of an earlier file has its frame counted back from the beginning of the file at hand.
        while frame <= 0:
            of -= 1
            frame += records[of]
        yield of, datagram._replace(frame=frame)
