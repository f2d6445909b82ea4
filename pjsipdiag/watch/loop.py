"""The watch, turn by turn: what the source has read is taken, whole calls are judged, what is new is told.

Calls are judged once a second at most, and less often where that takes long; the source is read meanwhile. `now` is
the time of the latest packet, and goes on by the clock while none comes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.passed_over import READ_NO_SIP
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.gate import Gate, apply
from pjsipdiag.diagnosis.model import Severity
from pjsipdiag.errors import CaptureError, PjsipdiagError
from pjsipdiag.report.wording import plural
from pjsipdiag.watch import systemd
from pjsipdiag.watch.feed import Feed
from pjsipdiag.watch.metrics import Value
from pjsipdiag.watch.new_causes import CauseChange, Causes
from pjsipdiag.watch.pending import SECOND, PendingTalks
from pjsipdiag.watch.reloading import Configuration
from pjsipdiag.watch.sources.source import FilePosition, Source
from pjsipdiag.watch.state import State, write_state
from pjsipdiag.watch.telling import Teller
from pjsipdiag.watch.windows import Windows, free

TURN = 0.25
"""Seconds that a turn waits for messages."""
JUDGE, SHARE = 1.0, 5
"""Seconds between two windows, and how many times as long as the last one took."""
PENDING_BYTES = 4 << 20
"""Bytes of pending messages from which on the settled ones are judged at once."""
LONGEST_WINDOW = 300_000_000_000
"""Nanoseconds of the capture that one window may span: who catches up is told of changes as they came."""
LOOK_SECONDS, SAVE_SECONDS = 1.0, 5.0
"""Seconds between two looks at the configuration, and between two writings of the state."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where causes go: a line to `show`, the rest to `teller`; what a person has to know beside them to `say`."""

    show: Callable[[CauseChange], None]
    say: Callable[[str], None]
    teller: Teller


class Watch:
    """Watches `source`. With `state` what was done is kept in that file, `known` is what it said at the start."""

    def __init__(  # noqa: PLR0917  (what is watched, how it is judged, where it goes)
        self,
        source: Source,
        configuration: Configuration,
        gate: Gate,
        outputs: Outputs,
        state: Path | None = None,
        known: State = State(),  # noqa: B008  (frozen)
    ) -> None:
        self._source, self._configuration, self._gate, self._outputs = source, configuration, gate, outputs
        self._state, self._known = state, known
        self._feed = Feed(source)
        self._pending = PendingTalks()
        self._windows = Windows(source.name, configuration.path, configuration.options)
        self._causes = Causes(gate.fail_on or Severity.NOTE, known.told_causes)
        self.failed = False
        """Whether a cause was told that is no all-clear."""
        self._stop, self._until_failure = Event(), False
        self._messages, self._calls, self._told = 0, Counter[str](), Counter[str]()
        self._now = self._heard = self._since = 0
        self._clock = self._judged = self._looked = self._saved = time.monotonic()
        self._took = 0.0
        self._left = 0
        """Bytes of messages that the last window left waiting."""
        self._encrypted = False
        """Whether connections that cannot be read were judged; once is enough."""
        self._place: FilePosition | None = None
        self._written: FilePosition | None = None

    def stop(self) -> None:
        """Ends the watch after its turn."""
        self._stop.set()

    def run(self, *, until_failure: bool = False) -> None:
        """Watches until the source ends, `stop` is called or, if that is asked for, a cause with a source was told."""
        self._until_failure = until_failure
        beat = systemd.watchdog()
        beaten = time.monotonic()
        self._feed.start()
        systemd.notify(READY=1, STATUS=f"watching {self._source.name}")
        failure: CaptureError | None = None
        try:
            while not self._feed.has_ended and not self._stop.is_set():
                try:
                    self._turn()
                except CaptureError as error:  # what was read before counts all the same
                    failure = error
                if beat and time.monotonic() - beaten > beat:
                    beaten = time.monotonic()
                    systemd.notify(WATCHDOG=1, STATUS=self.summary())
            self._finish()
        finally:
            systemd.notify(STOPPING=1)
            self._feed.close()
            self._outputs.teller.close()
        if failure is not None:
            raise failure

    def summary(self) -> str:
        """The counts so far, in a line."""
        lost = self._source.count_lost()
        calls, causes = plural(self._calls.total(), "call"), plural(self._told.total(), "cause")
        said = [f"{plural(self._messages, 'SIP message')}, {calls}, {causes} told"]
        if self._causes.left_out:
            said.append(f"{self._causes.left_out.total():,} more were too many in their minute")
        if self._pending.overrun:
            said.append(f"{plural(self._pending.overrun, 'call')} not judged for want of memory")
        said.append(
            "what the kernel dropped is not known" if lost is None else f"the kernel dropped {plural(lost, 'packet')}"
        )
        unread = self._unread()
        if unread:
            said.append(f"passed over: {', '.join(f'{count:,} x {reason}' for reason, count in unread.items())}")
        return "; ".join(said)

    def values(self) -> Mapping[str, Value]:
        """The counts for Prometheus."""
        return {
            "messages": self._messages,
            "calls": dict(self._calls),
            "causes": dict(self._told),
            "causes_left_out": dict(self._causes.left_out),
            "packets_lost": self._source.count_lost() or 0,
            "passed_over": sum(self._unread().values()),
            "calls_given_up": self._pending.overrun,
            "told": dict(self._outputs.teller.counts),
            "configuration_reads": dict(self._configuration.counts),
            "last_message_seconds": self._heard / SECOND,
            "judging_seconds": self._took,
        }

    def _turn(self) -> None:
        # Within one turn a whole file may come, hours of a capture: the memory that waiting calls take, and the span of
        # a window, are looked at with each message, so that neither hangs on how fast the source gives.
        for datagram, place in self._feed.take(TURN):
            self._add(datagram, place)
            if self._pending.size - self._left > PENDING_BYTES or self._now - self._since >= LONGEST_WINDOW:
                self._judge(self._pending.take_settled(self._now), self._now)
                self._pending.trim()
                self._left = self._pending.size
        clock = time.monotonic()
        if clock - self._judged >= max(JUDGE, SHARE * self._took):
            now = self._now + int((clock - self._clock) * SECOND)
            self._judge(self._pending.take_settled(now), now)
        if clock - self._looked >= LOOK_SECONDS:
            self._looked = clock
            if self._configuration.look():
                self._windows.forget()
        if clock - self._saved >= SAVE_SECONDS:
            self._save()

    def _add(self, datagram: Datagram, place: FilePosition | None) -> None:
        self._messages += 1
        self._heard = self._now = datagram.time
        self._clock = time.monotonic()
        self._place = place
        self._pending.add(datagram, place)

    def _judge(self, fresh: list[Datagram], now: int) -> None:
        self._judged = begun = time.monotonic()
        self._since = self._now
        encrypted, self._source.tally.encrypted_connections = self._source.tally.encrypted_connections, Counter()
        if self._encrypted:
            encrypted = Counter()
        if not fresh and not encrypted:
            return
        self._encrypted = self._encrypted or bool(encrypted)
        report, calls = self._windows.judge(fresh, now, self._configuration, encrypted)
        self._calls.update(calls)
        report, _ = apply(report, self._gate)
        for cause in self._causes.new(report, now):
            self._tell(cause)
        del report
        free()
        self._took = time.monotonic() - begun

    def _tell(self, cause: CauseChange) -> None:
        if self._until_failure and self._stop.is_set():
            return
        self._outputs.show(cause)
        self._outputs.teller.tell(cause.json())
        self._told[cause.rule] += 1
        if cause.change != "cleared":
            self.failed = True
            if self._until_failure and cause.sources:
                self._stop.set()

    def _finish(self) -> None:
        """Takes what is still to come of the source, and judges all that waits."""
        if not (self._until_failure and self.failed):
            self._feed.stop()
            while not self._feed.has_ended:
                for datagram, place in self._feed.take(TURN):
                    self._add(datagram, place)
            self._feed.take(0)  # raises the error of a source that failed
            # Calls that are not settled are judged now and read again by a later run, which then has the rest of them.
            resume = self._pending.place
            self._judge(self._pending.take_all(), self._now)
            self._place = resume or self._place
        self._save()

    def _save(self) -> None:
        self._saved = time.monotonic()
        place = self._pending.place or self._place or self._known.place
        if self._state is None or place == self._written:
            return
        try:
            write_state(self._state, place, self._causes.told_causes())
            self._written = place
        except (OSError, PjsipdiagError) as error:
            self._outputs.say(f"the state cannot be kept: {error}")

    def _unread(self) -> dict[str, int]:
        return {reason: count for reason, count in [*self._source.tally.undecoded.items()] if reason not in READ_NO_SIP}
