"""POSIX extended regular expressions as the C library reads them, in time that grows with the text only.

In come a pattern of the configuration (`match_header=/.../`, a filter of a table) and the bytes of a header; out comes
whether it matches, a refusal in glibc's own words, or that it cannot be decided.

    grammar       pattern -> parts, as glibc's regcomp() reads it
    automaton     parts -> an automaton that is run over the text
    references    patterns with back-references or large intervals, which no automaton holds

Imports: `errors` and `dataclass` only. The tests ask glibc itself by ctypes: an addition is proven there.
"""

from __future__ import annotations

from pjsipdiag.errors import PjsipdiagError


class UndecidedError(PjsipdiagError):
    """The pattern has too many ways through this text."""
