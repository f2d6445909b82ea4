"""Refusals that Asterisk's log tells: as evidence beside the SIP of a request, and alone where its SIP is not there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence, Set

from pjsipdiag.capture.datagram import Datagram, LoggedRefusal, Tally
from pjsipdiag.capture.passed_over import CUT_SENTENCE, HIDDEN_ADDRESS
from pjsipdiag.capture.text.hidden import stand_in
from pjsipdiag.capture.text.sentences import (
    Sentence,
    is_part,
    is_unparsed,
    lines_with,
    method_in,
    sentence,
    tried_identify,
)
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.sip import Address

MOST_SENTENCES = 8
MOST_KEYS = 100_000
MOST_REFUSED = 20_000
NOTE_FORGED = "a message holds lines like those of the log: its sender wrote them, and they are not taken for the log's"
DOUBTFUL = "sentence of the log that can be read in several ways, for the request holds one like it"
BEYOND = "sentence of the log about a refusal, beyond those that are kept"
_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class Unread(NamedTuple):
    """A sentence that names no source: the Call-ID in it, whether it is an event, and why, as Tally.unread_messages
    has it."""

    call_id: str = ""
    is_event: bool = False
    reason: str = CUT_SENTENCE
    detail: str = ""


class PartRefusals(NamedTuple):
    """The sentences in a part of a text: refusals that are alike, the Call-IDs and sources (packed) of its messages, in
    the order in which they came, the sentences by request, and those that cannot be judged."""

    refused: dict[tuple[object, ...], LoggedRefusal]
    call_ids: dict[bytes, None]
    sources: dict[bytes, None]
    lines: dict[str, list[str]]
    unread: dict[Unread, int]


class Refusals:
    """The refusals that one text tells. A request whose SIP is in it is judged by that, not by its sentence."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._found: dict[tuple[object, ...], LoggedRefusal] = {}
        self._call_ids: dict[bytes, None] = {}
        self._sources: dict[bytes, None] = {}
        self._unread: dict[Unread, int] = {}
        self.has_dumps = False
        """Whether the text shows a message that could not be read, behind the sentence that says so."""

    def note_message(self, datagram: Datagram) -> None:
        """Notes a message that the text itself holds."""
        found = _CALL_ID.search(datagram.payload)
        if found is not None and len(self._call_ids) < MOST_KEYS:
            self._call_ids[found[1].strip()] = None
        if len(self._sources) < MOST_KEYS:
            self._sources[datagram.source[:-2]] = None

    def read(self, text: bytes, end: int, time: Callable[[bytes], int], spoken: Sequence[tuple[int, int]] = ()) -> None:
        """Takes the sentences up to `end` but those inside of messages, which stand in `spoken` (from, to), in order:
        there the sender says them."""
        for start, line in lines_with(text, end):
            before = bisect_right(spoken, (start, len(text)))
            if before and start < spoken[before - 1][1]:
                self._tally.note(NOTE_FORGED)
                continue
            said = sentence(line)
            if said is None:
                if tried := tried_identify(line):
                    # Beside hundreds of identifies that do not match, the one that does is kept.
                    which = "tried" if "does not match" in tried[1] else "matched"
                    self._note_line(f"{which}:{tried[0]}", tried[1])
                elif is_part(line):
                    self._add_unread(Unread(), 1)
            elif said.doubtful:
                self._tally.undecoded[DOUBTFUL] += 1
            else:
                if is_unparsed(said.reason):
                    behind = start + len(line) + 1
                    said = said._replace(method=method_in(text[behind : text.find(b"\n", behind) + 1]))
                    self.has_dumps = self.has_dumps or bool(said.method)
                self._add(said, time(line[:400].partition(b"Request ")[0]))

    @staticmethod
    def count(text: bytes) -> int:
        """How many sentences can be read."""
        return sum(1 for _, line in lines_with(text, len(text)) if sentence(line) is not None)

    def hand_over(self) -> PartRefusals:
        """Gives away what was collected so far; nothing of it stays here."""
        told = PartRefusals(self._found, self._call_ids, self._sources, self._tally.log_lines, self._unread)
        self._found, self._call_ids, self._sources, self._tally.log_lines, self._unread = {}, {}, {}, {}, {}
        return told

    def take(self, more: PartRefusals) -> bool:
        """Adds the sentences of the next part. False where a limit is reached, so that the order in which one process
        would have met them decides what is kept."""
        tally = self._tally
        # The part may have left something out that this process, which knows more or fewer keys by now, would have
        # kept.
        if len(more.lines) >= MOST_KEYS or len(more.refused) >= MOST_REFUSED or len(more.unread) >= MOST_KEYS:
            return False
        for sentence_unread, count in more.unread.items():
            self._add_unread(sentence_unread, count)
        for mine, theirs in ((self._call_ids, more.call_ids), (self._sources, more.sources)):
            for name in theirs:
                if len(mine) < MOST_KEYS:
                    mine[name] = None
        for key, lines in more.lines.items():
            if key in tally.log_lines or len(tally.log_lines) < MOST_KEYS:
                known = tally.log_lines.setdefault(key, [])
                known += lines[: MOST_SENTENCES - len(known)]
        return all(self._take_alike(alike, other) for alike, other in more.refused.items())

    def _take_alike(self, alike: tuple[object, ...], other: LoggedRefusal) -> bool:
        one = self._found.get(alike)
        if one is None and len(self._found) >= MOST_REFUSED:
            self._tally.undecoded[BEYOND] += other.count
        elif one is None:
            self._found[alike] = other
        elif len(one.call_ids) + len(other.call_ids) >= MOST_KEYS:
            return False
        else:
            one.count += other.count
            one.first, one.last = min(one.first, other.first), max(one.last, other.last)
            for call_id, count in other.call_ids.items():
                one.call_ids[call_id] = one.call_ids.get(call_id, 0) + count
        return True

    def finish(self) -> None:
        """Leaves out what the text tells by the SIP itself."""
        sources = {Address.unpack(ip + bytes(2)).ip for ip in self._sources}
        known = {name.decode("utf-8", "surrogateescape") for name in self._call_ids}
        self._finish_unread(known)
        for refused in self._found.values():
            # Sentences of the registrar and of access lists name no Call-ID: the source alone tells whether the text
            # has such a request as SIP. What could not be read is no SIP in any log.
            if not refused.call_ids:
                if refused.source not in sources or is_unparsed(refused.reason):
                    self._tally.logged_refusals.append(refused)
                continue
            refused.call_ids = {name: count for name, count in refused.call_ids.items() if name not in known}
            refused.count = sum(refused.call_ids.values())
            if refused.count:
                self._tally.logged_refusals.append(refused)

    def _finish_unread(self, known: Set[str]) -> None:
        """Counts sentences that name no source, but those about requests that are told otherwise: by their SIP
        (`known`), by another sentence, and an event beside a sentence."""
        said = {name for refused in self._found.values() for name in refused.call_ids}
        beside = {one.call_id for one in self._unread if not one.is_event}
        for one, count in self._unread.items():
            if one.call_id and (
                one.call_id in known or one.call_id in said or (one.is_event and one.call_id in beside)
            ):
                continue
            self._tally.unread_messages[one.reason, one.detail] += count
            why = f"with an address that was replaced: {one.detail}" if one.detail else "that was cut short or changed"
            self._tally.undecoded[f"sentence of the log {why}"] += count

    def _add_unread(self, one: Unread, count: int) -> None:
        if one in self._unread or len(self._unread) < MOST_KEYS:
            self._unread[one] = self._unread.get(one, 0) + count
        else:
            self._tally.undecoded[BEYOND] += count

    def _note_line(self, key: str, text: str) -> None:
        """Keeps what Asterisk says of a request, or of a source."""
        known = self._tally.log_lines
        if key in known or len(known) < MOST_KEYS:
            lines = known.setdefault(key, [])
            if len(lines) < MOST_SENTENCES:
                lines.append(text)

    def _add(self, said: Sentence, time: int) -> None:
        tally = self._tally
        if said.source is None and (said.event or said.hidden):
            why = (HIDDEN_ADDRESS, stand_in(said.hidden)) if said.hidden else (CUT_SENTENCE, "")
            self._add_unread(Unread(said.call_id, said.event, *why), 1)
            return
        if not said.event:
            self._note_line(said.call_id or f"source:{said.source or ''}", said.text)
        ip, port = (said.source.ip, said.source.port) if said.source else ("", 0)  # older releases name none
        alike = (ip, said.transport, said.method, said.sender, said.endpoint, said.reason, said.event)
        refused = self._found.get(alike)
        if refused is None:
            if len(self._found) >= MOST_REFUSED:
                tally.undecoded[BEYOND] += 1
                return
            refused = self._found[alike] = LoggedRefusal(
                *(ip, port, said.transport, said.method, said.sender, said.endpoint),
                *(said.reason, said.text, said.event, time, time),
            )
        refused.count += 1
        refused.first, refused.last = min(refused.first, time), max(refused.last, time)
        if said.call_id and len(refused.call_ids) < MOST_KEYS:
            refused.call_ids[said.call_id] = refused.call_ids.get(said.call_id, 0) + 1
