"""How far a call gets once it is let in: credentials, what the endpoint demands, dialplan, media, as Asterisk asks.

Replays the way from authenticate() of res_pjsip/pjsip_distributor.c to new_invite() of res_pjsip_session.c. What the
files do not tell stops nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.dialplan.find import Presence
from pjsipdiag.asterisk.replay.session import (
    SIP_EXTENSIONS,
    find_missing_transport,
    find_short_interval,
    find_unsupported,
)
from pjsipdiag.asterisk.verdict import RULE_IDENTIFIERS, Outcome, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.called_numbers import contexts_with, find_destination, number
from pjsipdiag.diagnosis.model import Stop
from pjsipdiag.diagnosis.rules.refusals.refused import clashes
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

STATUSES = {Presence.MISSING: 404, Presence.INCOMPLETE: 484}
MOST_WITH_MEDIA = 20
"""Groups up to which their media are looked at: a capture is read again for each."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of a call behind its identification, under one configuration."""

    situation: Situation
    config: Config

    def stop(self, group: CallGroup, verdict: Verdict, message: SipMessage) -> Stop | None:
        """The refusal that the calls of a group meet next, None where they reach the dialplan's actions or nothing is
        known."""
        endpoint = self.config.endpoints.get(verdict.endpoint)
        if endpoint is None or group.method != "INVITE":
            return None
        return (
            _challenge(group, verdict, endpoint)
            or self._session(endpoint, message)
            or self._dialplan(group, endpoint, message)
            or _interval(endpoint, message)
            or self._media(group, endpoint)
        )

    def doubt(self, group: CallGroup, verdict: Verdict, message: SipMessage) -> str:
        """Why nobody can tell whether the dialplan takes the calls of a group; empty where the files do, or where calls
        of that endpoint are seen to get through."""
        endpoint, dialplan = self.config.endpoints.get(verdict.endpoint), self.situation.config.dialplan()
        if endpoint is None or dialplan is None or group.method != "INVITE" or self._passes(endpoint.name):
            return ""
        users = group.numbers or (number(self.config, message.request_uri),)
        found = ((user, find_destination(dialplan, endpoint, user, message)) for user in users)
        user, open_ = next(((user, one) for user, one in found if one.presence is Presence.UNKNOWN), ("", None))
        place = f" ({open_.where})" if open_ and open_.where else ""
        return f"whether context {endpoint.context} takes {user} is not known: {open_.reason}{place}" if open_ else ""

    def _passes(self, endpoint: str) -> bool:
        groups = (group for group in self.situation.groups if group.verdict.endpoint == endpoint)
        return any(200 <= status < 300 and count for group in groups for status, count in group.statuses.items())

    def _takes(self, endpoint: Endpoint, users: Sequence[str]) -> bool:
        """Whether calls of that endpoint to these very numbers are seen to get through, whatever the files say of its
        context; nothing is seen of a context that it is to have."""
        as_seen = self.situation.config.endpoints.get(endpoint.name)
        if as_seen is None or as_seen.context != endpoint.context:
            return False
        groups = (group for group in self.situation.groups if group.verdict.endpoint == endpoint.name)
        taken = {user for group in groups if _all_succeed(group) for user in group.numbers}
        return taken.issuperset(users)

    def _session(self, endpoint: Endpoint, message: SipMessage) -> Stop | None:
        required = find_unsupported(endpoint, message)
        if required:
            word = SIP_EXTENSIONS[required.name.lower()]
            reason = f"{required.name}={required.value}, and the calls do not have {word} in Supported"
            return Stop(421, endpoint.name, reason, required.where)
        missing = find_missing_transport(endpoint, self.config)
        if missing and not self._passes(endpoint.name):
            reason = f"transport={missing.value} names no transport that loads"
            return Stop(500, endpoint.name, reason, missing.where)
        return None

    def _dialplan(self, group: CallGroup, endpoint: Endpoint, message: SipMessage) -> Stop | None:
        dialplan = self.situation.config.dialplan()
        if dialplan is None:
            return None
        users = group.numbers or (number(self.config, message.request_uri),)
        if self._takes(endpoint, users):
            return None
        found = [find_destination(dialplan, endpoint, user, message) for user in users]
        if any(one.presence not in STATUSES for one in found):
            return None
        first = found[0]
        others = ", ".join(contexts_with(self.situation.config, endpoint, users, message, self.config))
        hint = f" (context={others} takes the number)" if others else ""
        return Stop(
            STATUSES[first.presence], endpoint.name, first.reason + hint, first.where or endpoint.line_of("context")
        )

    def _media(self, group: CallGroup, endpoint: Endpoint) -> Stop | None:
        if len(self.situation.groups) > MOST_WITH_MEDIA or not endpoint.codecs:
            return None
        offer = self.situation.offer(group, tuple(group.statuses))
        if offer.codecs and not offer.shares(endpoint.codecs):
            reason = f"it allows {', '.join(endpoint.codecs)}, the calls offer {', '.join(offer.codecs)}"
            return Stop(488, endpoint.name, reason, endpoint.line_of("allow"))
        for clash in clashes(endpoint, offer):
            reason = f"{clash.line}, and the calls offer {clash.offered}"
            return Stop(488, endpoint.name, reason, endpoint.line_of(clash.option))
        return None


def _interval(endpoint: Endpoint, message: SipMessage) -> Stop | None:
    short = find_short_interval(endpoint, message)
    if short is None:
        return None
    reason = f"the calls offer Session-Expires: {short[0]}, and {short[1]} is the least that it takes"
    return Stop(422, endpoint.name, reason, endpoint.line_of("timers_min_se"))


def _all_succeed(group: CallGroup) -> bool:
    return all(200 <= status < 300 for status, count in group.statuses.items() if count)


def _challenge(group: CallGroup, verdict: Verdict, endpoint: Endpoint) -> Stop | None:
    if verdict.outcome is not Outcome.CHALLENGED:
        return None
    where, names = endpoint.line_of("auth"), ",".join(endpoint.auth)
    if verdict.status == 500:
        return Stop(500, endpoint.name, f"auth={names} names no type=auth object", where)
    ignored = group.challenged and not group.credentialed
    if verdict.identifier in RULE_IDENTIFIERS and ignored:
        reason = f"auth={names} asks for credentials, and these callers answered no challenge"
        return Stop(verdict.status, endpoint.name, reason, where)
    return None
