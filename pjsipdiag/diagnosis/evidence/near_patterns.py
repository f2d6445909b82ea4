"""Patterns of identifies that a message nearly has: but for case, as a part, or as the expression that was meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from pjsipdiag.asterisk.config import Config, Identify
from pjsipdiag.asterisk.loading.identify import bare_expression, expression_in, replaced_patterns
from pjsipdiag.asterisk.section import Variable
from pjsipdiag.diagnosis.evidence.lookup import SameConfig
from pjsipdiag.sip import SipMessage

SHORTEST_TEXT, MOST_TEXTS = 3, 200
"""Characters of a text that is looked for as a part of a header, and how many texts are."""


def nearly_fitting(config: Config, message: SipMessage) -> Iterator[tuple[str, str]]:
    """(endpoint, words) of the identifies whose header or request URI nearly fits that of the message."""
    yield from _replaced(config, message)
    for header, literals in _literals(SameConfig(config)).items():
        values = message.values(header) if header else (message.request_uri,)
        what, option = header or "request URI", "match_header" if header else "match_request_uri"
        for value in values:
            same = literals.get(value.casefold(), ())
            for identify, wanted in same:
                if value != wanted:
                    line = _line(identify, option, header, wanted)
                    yield identify.endpoint, f"its {what} is that of {line} but for case: write it as it is sent"
            for identify, wanted in islice((one for ones in literals.values() for one in ones), MOST_TEXTS):
                line, expression = _line(identify, option, header, wanted), bare_expression(wanted)
                head = f"{option}={f'{header}: ' if header else ''}"
                if expression and _fits(expression, value):
                    words = f"its {what} fits {line} as a regular expression, and these stand between slashes"
                    yield identify.endpoint, f"{words}: write {head}/{expression}/"
                elif value != wanted and len(wanted) >= SHORTEST_TEXT and wanted in value:
                    words = f"its {what} only contains {line}, which is compared with the whole"
                    yield identify.endpoint, f"{words}: {head}/{wanted}/ would look for it anywhere"


def _replaced(config: Config, message: SipMessage) -> Iterator[tuple[str, str]]:
    """(endpoint, words) of the lines that fit the message, and whose place a later line takes."""
    for identify, line, later in _replacements(SameConfig(config))[:MOST_TEXTS]:
        header, _, wanted = line.value.partition(":") if line.name.lower() == "match_header" else ("", "", line.value)
        values = message.values(header.strip()) if header else (message.request_uri,)
        wanted, expression = wanted.strip(), expression_in(wanted.strip())
        if any(_fits(expression, value) if expression else value == wanted for value in values):
            shown = f"{line.name}={line.value} ({line.where})"
            yield (
                identify.endpoint,
                f"it fits {shown}, whose place the later {later.name}= ({later.where}) takes: an identify has one",
            )


@lru_cache(maxsize=2)
def _replacements(same: SameConfig) -> list[tuple[Identify, Variable, Variable]]:
    return [(one, *lines) for one in same.config.identifies for lines in replaced_patterns(one.options)]


def _line(identify: Identify, option: str, header: str, wanted: str) -> str:
    return f"{option}={f'{header}: ' if header else ''}{wanted} ({identify.line_of(option)})"


@lru_cache(maxsize=1024)
def _fits(expression: str, value: str) -> bool:
    from pjsipdiag.asterisk.ere.automaton import EreError, compile_ere  # large, and few configurations have a pattern

    try:
        return compile_ere(expression, False).search(value)
    except EreError:
        return False


@lru_cache(maxsize=2)
def _literals(same: SameConfig) -> dict[str, dict[str, list[tuple[Identify, str]]]]:
    """Header (none for the request URI) -> text without its case -> each identify that compares it as it stands, and
    the text as it has it: files may have a thousand, and callers are as many."""
    found: dict[str, dict[str, list[tuple[Identify, str]]]] = defaultdict(lambda: defaultdict(list))
    for identify in same.config.identifies:
        header, _, value = map(str.strip, identify.match_header.partition(":"))
        for name, text in ((header, value), ("", identify.match_request_uri)):
            if text and not expression_in(text):
                found[name][text.casefold()].append((identify, text))
    return found
