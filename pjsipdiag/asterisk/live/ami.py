"""The manager interface (main/manager.c): lines `Key: value`, an empty line ends a message.

The login sends a digest, not the secret. Every question has an ActionID, and messages without it are passed over.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator

from pjsipdiag.asterisk.live.interface import ANSWER_SECONDS, LONGEST_ANSWER, LiveInterface, connect
from pjsipdiag.asterisk.live.snapshot import LiveError
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import LONGEST_REASON

BANNER = "Asterisk Call Manager/"
MOST_LINE = 1 << 20
"""Bytes of a line; Asterisk's own buffers are smaller."""
_OLD_END = "--END COMMAND--"
"""The last line of the output of `Command` up to release 13."""


@dataclass(frozen=True, slots=True)
class Message:
    """One response or event."""

    lines: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        return next((value for key, value in self.lines if key == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.lines if key == name)


class Ami:
    """A connection that is logged in.

    :raises LiveError: from every method: nobody answers, in time, as Asterisk does.
    """

    def __init__(self, place: LiveInterface) -> None:
        self.place = place
        self._socket = connect(place)
        self._lines, self._rest = deque[bytes](), b""
        self._count, self._left, self._lock = 0, LONGEST_ANSWER, threading.Lock()
        try:
            self._login()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def _login(self) -> None:
        end = time.monotonic() + ANSWER_SECONDS
        if not self._line(end, "the greeting").startswith(BANNER):
            raise LiveError(f"{self.place} is no manager interface of Asterisk")
        challenge = self.ask("Challenge", AuthType="MD5")[0].first("Challenge")
        key = hashlib.md5((challenge + self.place.secret).encode(), usedforsecurity=False).hexdigest()
        answer = self.ask("Login", AuthType="MD5", Username=self.place.user, Key=key, Events="off")[0]
        if answer.first("Response") != "Success":
            said = answer.first("Message")[:LONGEST_REASON] or "refused"
            raise LiveError(
                f"{self.place}: login of {self.place.user}: {said}: the user, secret and permit= are in manager.conf"
            )

    def granted_actions(self) -> frozenset[str]:
        """The actions that this user may ask for."""
        return frozenset(name for name, _ in self.ask("ListCommands")[0].lines)

    def command(self, text: str) -> str:
        """The output of a command, as `asterisk -rx` prints it."""
        return "\n".join(self.ask("Command", Command=text)[0].all("Output"))

    def ask(self, action: str, **fields: str) -> tuple[Message, ...]:
        """The response, and the events of a list behind it."""
        what = " ".join((action, *(value for name, value in fields.items() if name not in ("Key", "Username"))))
        if any("\n" in value or "\r" in value for value in fields.values()):
            raise LiveError(f"{self.place}: a name with a line end cannot be asked for")
        with self._lock:
            self._count, self._left = self._count + 1, LONGEST_ANSWER
            number = f"pjsipdiag-{self._count}"
            lines = (f"Action: {action}", f"ActionID: {number}", *(f"{k}: {v}" for k, v in fields.items()))
            end = time.monotonic() + ANSWER_SECONDS
            try:
                self._socket.settimeout(ANSWER_SECONDS)
                self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))
            except OSError as error:
                raise LiveError(f"{self.place}, {what}: {error.strerror or 'no answer'}") from error
            return tuple(self._answer(number, end, what))

    def _answer(self, number: str, end: float, what: str) -> Iterator[Message]:
        listed = False
        while True:
            message = self._message(end, what)
            if message.first("ActionID") != number:
                continue
            yield message
            state = message.first("EventList")
            listed = listed or state == "start"
            if not listed or state in ("Complete", "cancelled"):
                return

    def _message(self, end: float, what: str) -> Message:
        lines: list[tuple[str, str]] = []
        while True:
            line = self._line(end, what)
            if not line:
                if lines:
                    return Message(tuple(lines))
                continue
            name, colon, value = line.partition(":")
            if colon:
                lines.append((name, value.removeprefix(" ")))
            # Up to release 13 the output of Command follows its header lines without names, up to a line of its own.
            if line.startswith("ActionID:") and ("Response", "Follows") in lines:
                return Message((*lines, *(("Output", text) for text in self._old_output(end, what))))

    def _old_output(self, end: float, what: str) -> Iterator[str]:
        while not (line := self._line(end, what)).endswith(_OLD_END):
            yield line
        if line != _OLD_END:
            yield line.removesuffix(_OLD_END)

    def _line(self, end: float, what: str) -> str:
        while not self._lines:
            try:
                self._socket.settimeout(max(end - time.monotonic(), 0.001))
                data = self._socket.recv(1 << 16)
            except TimeoutError as error:
                raise LiveError(f"{self.place}, {what}: no answer within {ANSWER_SECONDS:.0f} s") from error
            except OSError as error:
                raise LiveError(f"{self.place}, {what}: {error.strerror}") from error
            if not data:
                raise LiveError(f"{self.place}, {what}: the connection was closed")
            self._left -= len(data)
            if self._left < 0 or len(self._rest) > MOST_LINE:
                raise LiveError(f"{self.place}, {what}: the answer is longer than any of Asterisk")
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._lines.extend(lines)
        return self._lines.popleft().rstrip(b"\r").decode("utf-8", "surrogateescape")
