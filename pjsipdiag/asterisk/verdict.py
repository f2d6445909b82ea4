"""The answer of a replay: the checks that were made, in order, and what follows from them.

There is one walk. Everything that a `Verdict` says is derived from its trace, so that the explanation cannot drift
from the decision.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

from pjsipdiag.asterisk.reasons.reason import Reason, ReasonKind, WithReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass

CALLER_IDENTIFIERS = ("username", "auth_username")
"""Identifiers that believe what the caller says."""
RULE_IDENTIFIERS = ("ip", "header", "request_uri")
"""Identifiers that go by a rule of an identify."""
IDENTIFIER_NAMES = ("line", "ip", "username", "anonymous", "auth_username", "header", "request_uri", "transport")
"""The names Asterisk registers its identifiers with (`line` has none there)."""


class Match(StrEnum):
    """The outcome of one check; UNKNOWN is what files and captures cannot tell."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How a request ends."""

    ACCEPTED = "accepted"
    CHALLENGED = "challenged"
    ACL_DENIED = "acl_denied"
    NO_MATCH = "no_match"
    NOT_IDENTIFIED = "not_identified"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check(WithReason):
    """One question that Asterisk asks of a request.

    `step` is "arrival" (before identification), an identifier's name ("ip", "username", ...) or "admission" (after
    it). `identify` is the identify object that was asked, `endpoint` the one it names or found. `where` is the line
    that decided. `result` ends the walk: an arrival or admission check that refuses or challenges. A MATCH of an
    identifier always names an existing endpoint; an identify whose endpoint is missing is a NO_MATCH that says so.
    `status` is the SIP status code of the answer, 0 where there is none. `count` is how many checks of the same kind
    this one stands for (identifies without any rule for an address).
    """

    step: str
    match: Match
    why: Reason
    where: Where | None = None
    identify: str = ""
    endpoint: str = ""
    result: Outcome | None = None
    status: int = 0
    count: int = 1


@dataclass(frozen=True)
class Verdict:
    """The ordered checks of one request and what they come to.

    A MATCH of an identifier with an existing `endpoint` identifies the request. An UNKNOWN before it makes the
    outcome UNKNOWN (what the rest says is then only what would follow if the unknown check did not match).
    """

    trace: tuple[Check, ...]

    @cached_property
    def _identified(self) -> Check | None:
        return next(
            (check for check in self.trace if check.match is Match.MATCH and check.step in IDENTIFIER_NAMES), None
        )

    @cached_property
    def unknown(self) -> tuple[Check, ...]:
        """The checks that files and captures cannot tell."""
        return tuple(check for check in self.trace if check.match is Match.UNKNOWN)

    @cached_property
    def first_reasons(self) -> frozenset[ReasonKind]:
        """The kinds of the reasons that its checks have at first."""
        return frozenset(check.why.first.kind for check in self.trace)

    @property
    def endpoint(self) -> str:
        return self._identified.endpoint if self._identified else ""

    @property
    def identifier(self) -> str:
        return self._identified.step if self._identified else ""

    @property
    def identify(self) -> str:
        return self._identified.identify if self._identified else ""

    @cached_property
    def outcome(self) -> Outcome:
        for check in self.trace:
            if check.match is Match.UNKNOWN:
                return Outcome.UNKNOWN
            if check.result is not None:
                return check.result
        return Outcome.ACCEPTED if self._identified else Outcome.NO_MATCH

    @property
    def status(self) -> int:
        """The status code that Asterisk answers because of this verdict (401, 403, ...); 0 where the call goes on."""
        decided = next((c for c in self.trace if c.result is not None), None)
        if decided is not None:
            return decided.status
        return 0 if self._identified else 401
