"""The identifiers that compare text of the request as PJSIP prints it: `header` and `request_uri`.

Law: the first identify whose pattern fits decides; a header fits when any of the headers of that name does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.config import Identify
from pjsipdiag.asterisk.ere import UndecidedError
from pjsipdiag.asterisk.pjsip.header import Header
from pjsipdiag.asterisk.pjsip.uri import UriContext
from pjsipdiag.asterisk.reasons.reason import quote_words
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.replay.prepared import (
    ArrivedRequest,
    PreparedConfig,
    TextRule,
    match_check,
    native,
    uncertain_order,
)
from pjsipdiag.asterisk.verdict import Check, Match

URI_LENGTH, HEADER_LENGTH = 509, 4092
"""Bytes: longer request URIs and headers do not fit into Asterisk's buffers, and match nothing."""


def header(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: header_identify()."""
    for rule in known.headers:
        headers = arrived.request.headers_named(rule.header)
        values = _values(rule, arrived)
        wanted = f"match_header={rule.identify.match_header}"
        try:
            matched = next((value for value in values if rule.matches(value)), None)
        except UndecidedError as undecided:
            yield _undecided_check("header", rule, undecided)
            continue
        if matched is not None:
            rivals = _rivals(known.headers, rule, known, lambda one: any(map(one.matches, _values(one, arrived))))
            yield from uncertain_order("header", rule.identify, rivals, known.config)
            shown = WalkReason.NAME if arrived.is_terse else WalkReason.HEADER
            what = shown(header=rule.header, value=native(matched))
            yield match_check("header", known, rule.identify, WalkReason.FITS(what=what, pattern=wanted), rule.where)
            return
        if not headers:
            reason = WalkReason.NO_HEADER(header=rule.header, pattern=wanted)
        else:
            shown = WalkReason.NAME if arrived.is_terse or not values else WalkReason.HEADER
            what = shown(header=rule.header, value=native(values[-1]) if values else "")
            reason = WalkReason.DOES_NOT_FIT(what=what, pattern=wanted)
        yield Check("header", Match.NO_MATCH, reason, rule.where, rule.identify.name, rule.identify.endpoint)


def request_uri(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: request_identify()."""
    printed = arrived.request.uri.as_text(UriContext.REQUEST) if known.uris else ""
    shown = "the request URI" if arrived.is_terse else f"request URI {native(printed)}"
    for rule in known.uris:
        wanted = f"match_request_uri={rule.identify.match_request_uri}"
        try:
            fits = len(printed) <= URI_LENGTH and rule.matches(printed)
        except UndecidedError as undecided:
            yield _undecided_check("request_uri", rule, undecided)
            continue
        if fits:
            rivals = _rivals(known.uris, rule, known, lambda one: one.matches(printed))
            yield from uncertain_order("request_uri", rule.identify, rivals, known.config)
            yield match_check(
                "request_uri", known, rule.identify, WalkReason.FITS(what=shown, pattern=wanted), rule.where
            )
            return
        reason = WalkReason.DOES_NOT_FIT(what=shown, pattern=wanted)
        yield Check("request_uri", Match.NO_MATCH, reason, rule.where, rule.identify.name, rule.identify.endpoint)


def _rivals(
    rules: Sequence[TextRule], rule: TextRule, known: PreparedConfig, fits: Callable[[TextRule], bool]
) -> Iterator[Identify]:
    """The identifies that fit too and may be asked before that of the rule: where one of the two has no name, or where
    nobody told the order."""
    for other in rules:
        ordered = other.identify.name and rule.identify.name and "order" not in known.config.not_shown
        if other is not rule and not ordered:
            with suppress(UndecidedError):
                if not fits(other):
                    continue
            yield other.identify


def _values(rule: TextRule, arrived: ArrivedRequest) -> list[str]:
    """The values of the request's headers of that name, as they are compared."""
    return [h.as_text().strip(BLANKS) for h in arrived.request.headers_named(rule.header) if _fits(h)]


def _fits(header: Header) -> bool:
    """header_identify_match_check(): PJSIP wants a byte more for a header that it prints as it came
    (pjsip_generic_string_hdr_print)."""
    most = HEADER_LENGTH - 1 if type(header) is Header else HEADER_LENGTH
    return len(header.as_text()) + len(header.name) < most


def _undecided_check(step: str, rule: TextRule, undecided: UndecidedError) -> Check:
    return Check(
        step, Match.UNKNOWN, quote_words(str(undecided)), rule.where, rule.identify.name, rule.identify.endpoint
    )
