"""Settled calls -> Report: a window of messages is folded and judged as a capture of its own.

What one window alone cannot show is remembered: which host is the PBX and which release it runs, as the host tables of
`MergedFolds`, the busiest of each kept; the PBX's own registrations; and the calls of the last minute, so that who
tries many numbers is seen to. What else a report says of its capture it says of the window.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import _lru_cache_wrapper
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.fold_content import CapturePart, MergedFolds
from pjsipdiag.diagnosis.calls.merge import add_hosts, merge
from pjsipdiag.diagnosis.calls.selection import selection
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.diagnosis.diagnose import conclude
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.work.gather import AlreadyRead, GatheredCaptures
from pjsipdiag.diagnosis.work.reading import ReadingPlan

MOST_HOSTS_KEPT = 500
"""Entries of each host table that are remembered."""
REMEMBERED = 60 * 1_000_000_000
"""Nanoseconds for which settled calls go on to be judged together with later ones."""
MOST_REMEMBERED = 1 << 20
"""Bytes of them."""
_Key = TypeVar("_Key")


class WatchedFiles(Protocol):
    """The configuration as it is to be read now."""

    disk: Disk
    options: Options


class Windows:
    """Judges windows of what comes from the source `name` under the configuration at `config`."""

    def __init__(self, name: str, config: str | Path | None, options: Options) -> None:
        self._name, self._config = name, config
        self._reading = ReadingPlan(selection(options))
        self._hosts = MergedFolds()
        self._recent: deque[Datagram] = deque()
        self._size = 0

    def judge(
        self, fresh: Sequence[Datagram], now: int, files: WatchedFiles, encrypted: Mapping[tuple[bytes, bytes], int]
    ) -> tuple[Report, Counter[str]]:
        """Judges `fresh`, the messages of calls that are settled at `now` (nanoseconds since 1970), beside those of the
        last minute; the report on all, and how many of the fresh calls have each outcome."""
        # Numbered anew, as the records of a capture: the frame of a call then says whether it is fresh.
        known = len(self._recent)
        window = [one._replace(frame=number) for number, one in enumerate((*self._recent, *fresh), 1)]
        tally = Tally(self._name, records=len(window), encrypted_connections=Counter(encrypted), kept=window)
        fold = Fold(spool=Spool())
        fold.feed(window)
        tally.sip_messages, tally.invites = fold.counts
        merged = merge([CapturePart(fold, 0)])
        merged.end = max(merged.end, now)
        # The tables of earlier windows count for the judgement, and are then cut: what this window saw itself stays.
        own = set(merged.registrations)
        add_hosts(merged, self._hosts)
        self._hosts = _busiest(merged, own)
        self._remember(fresh, now)
        gathered = GatheredCaptures(merged, (tally,))
        report = conclude(AlreadyRead(self._reading, gathered), self._config, files.options, disk=files.disk).report
        calls = report.calls
        assert isinstance(calls, Calls)
        fresh_ones = (verdict for verdict, frame in zip(calls.verdict, calls.frame, strict=True) if frame > known)
        return report, Counter(str(calls.verdicts[verdict].outcome) for verdict in fresh_ones)

    def forget(self) -> None:
        """Earlier calls were answered under another configuration: they are not held against this one."""
        self._recent.clear()
        self._size = 0

    def _remember(self, fresh: Sequence[Datagram], now: int) -> None:
        self._recent.extend(fresh)
        self._size += sum(len(one.payload) for one in fresh)
        while self._recent and (self._size > MOST_REMEMBERED or now - self._recent[0].time > REMEMBERED):
            self._size -= len(self._recent.popleft().payload)


def free() -> None:
    """Lets go of what rules remember of windows that were judged: their memory is bounded by number, not by size."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("pjsipdiag."):
            for member in [*vars(module).values()]:
                if isinstance(member, _lru_cache_wrapper) and member.cache_parameters()["maxsize"]:
                    member.cache_clear()
    gc.collect()
    if not gc.get_freeze_count():
        gc.freeze()  # the program itself needs not be looked through again


def _busiest(merged: MergedFolds, own: Iterable[bytes]) -> MergedFolds:
    """The host tables of `merged`, MOST_HOSTS_KEPT entries each at most; `own` are the registrations of this window."""
    registrations = {name: merged.registrations[name] for name in own}
    registrations |= {name: one for name, one in merged.registrations.items() if name not in registrations}
    return MergedFolds(
        agents=_most(merged.agents, lambda pair: merged.agents[pair]),
        requesters=_most(merged.requesters, lambda pair: merged.requesters[pair]),
        answerers=_most(merged.answerers, lambda ip: merged.answerers[ip]),
        pairs=Counter(_most(merged.pairs, lambda pair: merged.pairs[pair])),
        received=Counter(_most(merged.received, lambda ip: merged.received[ip])),
        local=Counter(_most(merged.local, lambda ip: merged.local[ip])),
        answering=set(islice(sorted(merged.answering, key=lambda at: -merged.received[at[:-2]]), MOST_HOSTS_KEPT)),
        registrations=dict(islice(registrations.items(), MOST_HOSTS_KEPT)),
    )


def _most(table: Mapping[_Key, Any], rank: Callable[[_Key], int]) -> dict[_Key, Any]:
    if len(table) <= MOST_HOSTS_KEPT:
        return dict(table)
    return {key: table[key] for key in sorted(table, key=rank, reverse=True)[:MOST_HOSTS_KEPT]}
