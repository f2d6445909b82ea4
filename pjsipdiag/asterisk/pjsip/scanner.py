"""The scanner that PJSIP parses with: a position in the bytes of a message that moves by character classes.

Law: after every token blanks are skipped, and a line end that a blank follows counts as a blank (a folded header);
where the next character does not fit, the scanner raises `SipSyntaxError` at that place.
Replays pjlib-util/scanner.c. Text is Latin-1: one character is one byte.
"""

from __future__ import annotations

import re

DIGIT = "0-9"
ALNUM = "a-zA-Z0-9"
_MARK = r"\-_.!~*'()"
_TOKEN = ALNUM + r"\-.!%*_`'~+"
_PARAM = ALNUM + r"\[\]/:&+$%" + _MARK
_USER = ALNUM + r"&=+$,;?/%" + _MARK
_HEADER = ALNUM + r"\[\]/?:+$%" + _MARK

Spec = re.Pattern[str]
"""A character class of one or more characters (`pj_cis_t`)."""


def spec(characters: str) -> Spec:
    """The class of `characters`, written as inside a bracket expression."""
    return re.compile(f"[{characters}]+")


DIGITS = spec(DIGIT)
ALPHA = spec("a-zA-Z")
TOKEN = spec(_TOKEN)
VIA_PARAM = spec(_TOKEN + r"\[:\]")
HOST = spec(ALNUM + "_.-")
PARAM_CHAR = spec(_PARAM)
HEADER_CHAR = spec(_HEADER)
USER = spec(_USER)
USER_LENIENT = spec(_USER + "#")
PASSWORD = spec(ALNUM + r"&=+$,%" + _MARK)
OTHER_URI = spec(ALNUM + r"#?;:@&=+\-_.!~*'()%$,/")
NOT_NEWLINE = spec(r"^\r\n\0")
NOT_COMMA_OR_NEWLINE = spec(r"^,\r\n\0")
PROBE_USER_HOST = spec(r"^@ \n>\0")
DISPLAY = spec(r"^:\r\n<\0")

_BLANKS = re.compile("[ \t]*")


class SipSyntaxError(Exception):
    """PJSIP throws an exception here; `value` says that a number is out of its range (PJSIP_EINVAL_ERR_EXCEPTION)."""

    def __init__(self, value: bool = False) -> None:
        super().__init__("Invalid value" if value else "Syntax error")
        self.value = value


class Scanner:
    """`text` ends with a NUL that stands for the end of the packet, as in PJSIP's buffer."""

    __slots__ = ("end", "line", "line_start", "position", "skip_blanks", "text")

    def __init__(self, text: str) -> None:
        self.text = text + "\0"
        self.end = len(text)
        self.position = 0
        self.line = 1
        self.line_start = 0
        self.skip_blanks = True
        self.skip_whitespace()

    @property
    def column(self) -> int:
        """The column PJSIP logs, counted from 1."""
        return self.position - self.line_start + 1

    @property
    def at_end(self) -> bool:
        return self.position >= self.end

    @property
    def next(self) -> str:
        """The next character; NUL at the end."""
        return self.text[self.position]

    @property
    def at_newline(self) -> bool:
        return self.text[self.position] in "\r\n"

    def skip_whitespace(self) -> None:
        text, at = self.text, self.position
        if text[at] in " \t":
            at = self._after_blanks(at)
        self.position = at
        if self.skip_blanks and text[at] in "\r\n" and at < self.end:
            if text[at] == "\r":
                at += 1
            if text[at] == "\n":
                at += 1
            # The line begins behind the line end even where no folded line follows (scanner->start_line): PJSIP logs
            # wrong columns for what it refuses at the end of a line.
            self.line_start = at
            if text[at] in " \t":
                self.position = self._after_blanks(at)
                self.line += 1

    def peek(self, characters: Spec) -> tuple[str, str]:
        """The characters of the class from here on, and the one after them."""
        if self.position >= self.end:
            raise SipSyntaxError
        found = characters.match(self.text, self.position)
        after = found.end() if found else self.position
        return self.text[self.position : after], self.text[after]

    def get(self, characters: Spec) -> str:
        """One or more characters of the class."""
        found = characters.match(self.text, self.position)
        if found is None:
            raise SipSyntaxError
        self.position = found.end()
        self._skip()
        return found.group()

    def get_char(self) -> str:
        character = self.text[self.position]
        if self.position >= self.end or character == "\0":
            raise SipSyntaxError
        self.position += 1
        self._skip()
        return character

    def get_count(self, count: int) -> str:
        if self.position + count > self.end:
            raise SipSyntaxError
        start = self.position
        self.position += count
        self._skip()
        return self.text[start : start + count]

    def get_until(self, character: str) -> str:
        """Everything before `character`, or to the end of the packet: line ends too."""
        if self.position >= self.end:
            raise SipSyntaxError
        start = self.position
        at = self.text.find(character, start, self.end)
        at = at if at >= 0 else self.end
        self.position = at
        self._skip()
        return self.text[start:at]

    def get_quoted(self, opening: str = '"', closing: str = '"') -> str:
        """A quoted string with its quotes; a backslash guards the closing quote."""
        text, start = self.text, self.position
        if text[start] != opening:
            raise SipSyntaxError
        at = start + 1
        while True:
            while at != self.end and text[at] != "\n" and text[at] != closing:
                at += 1
            if text[at] != closing or not self._is_guarded(at):
                break
            at += 1
        if text[at] != closing:
            raise SipSyntaxError
        self.position = at + 1
        self._skip()
        return text[start : at + 1]

    def get_newline(self) -> None:
        # Blanks after the line end stay: where they were skipped, the empty line at the end of the headers could be
        # taken for a folded header (PROTOS test #2480, as pj_scan_get_newline() says).
        if self.position >= self.end or not self.at_newline:
            raise SipSyntaxError
        if self.text[self.position] == "\r":
            self.position += 1
        if self.text[self.position] == "\n":
            self.position += 1
        self.line += 1
        self.line_start = self.position

    def _is_guarded(self, at: int) -> bool:
        """Whether an odd number of backslashes stands before `at`, counted as pj_scan_get_quotes counts them."""
        if self.text[at - 1] != "\\":
            return False
        first = last = at - 2
        while last > 0 and self.text[last] == "\\":
            last -= 1
        return (first - last) & 1 == 0

    def _skip(self) -> None:
        if self.skip_blanks and self.text[self.position] <= " ":
            self.skip_whitespace()

    def _after_blanks(self, at: int) -> int:
        found = _BLANKS.match(self.text, at, self.end)
        return found.end() if found else at
