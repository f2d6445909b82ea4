"""Words of others that findings quote: of messages, of Asterisk's log, of ICMP errors.

A report that is redacted needs them, for a sentence does not tell which of its words are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from pjsipdiag.diagnosis.evidence.owners import samples
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.sip import SipMessage

LINE, FIRST, METHOD, WORD, CALL_ID, FROM = "line", "first", "method", "word", "Call-ID", "From"
"""Kinds of quotations that are no header: a line of a log, the first line of a message, a method, any word; and
headers that a log or an ICMP error names."""
_PARAMETER = re.compile(r'\b(username|realm)\s*=\s*"?([^",]+)', re.IGNORECASE)
_WORDS = re.compile(r"[^\s\"'<>;,=@:()/?&\[\]]{3,}")
_CUT = (None, 200, 80)
"""Characters after which rules cut what they quote."""


def quotations(situation: Situation, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """(header, or what it is; the text as it is written there) of all that occurs in the sentences of findings."""
    told = chain.from_iterable((f.message, *f.evidence, *f.consequences, f.advice) for f in findings)
    said = "\n".join(told)
    for kind, text in dict.fromkeys(_texts(situation)):
        for form in dict.fromkeys(form for cut in _CUT for form in (text[:cut], repr(text[:cut])[1:-1])):
            if form and form in said:
                yield kind, form


def _texts(situation: Situation) -> Iterator[tuple[str, str]]:
    yield from ((METHOD, method) for method in dict.fromkeys(_methods(situation)))
    for sign, times in situation.signs.items():
        yield METHOD, sign.about
        yield from ((CALL_ID, call_id) for call_id in times.call_ids)
    for refused in situation.logged_refusals:
        yield from ((LINE, text) for text in (refused.text, refused.reason, refused.endpoint))
        yield FROM, refused.sender
        yield from ((CALL_ID, call_id) for call_id in refused.call_ids)
    for lines in situation.log_lines.values():
        yield from ((LINE, line) for line in lines)
    for message in _messages(situation):
        yield FIRST, message.first_line
        yield from ((WORD, word) for word in _WORDS.findall(message.head.decode("utf-8", "surrogateescape")))
        for name, value in message.headers:
            yield from ((name, whole) for whole in (value, value.partition(";tag")[0]))
            yield from ((found[1].lower(), found[2]) for found in _PARAMETER.finditer(value))


def _methods(situation: Situation) -> Iterator[str]:
    """The methods of requests outside of calls: a sender may write any word there."""
    yield from (one.method for one in (*situation.exchanges, *situation.own_exchanges))
    yield from (method for _, method, _ in situation.unknown_calls)
    yield from chain.from_iterable(situation.other_methods.values())


def _messages(situation: Situation) -> Iterator[SipMessage]:
    yield from situation.greetings.values()
    for group in situation.groups:
        yield from (*samples(group), *group.read_proofs())
    for one in (*situation.exchanges, *situation.own_exchanges):
        yield from (*one.samples, *chain.from_iterable(one.answers.values()))
