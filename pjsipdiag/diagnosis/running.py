"""What a capture has to ask a running Asterisk, and what it tells in return."""

from __future__ import annotations

from pjsipdiag.diagnosis.calls.merge import Merged
from pjsipdiag.diagnosis.situation import Situation


def callers_hosts(merged: Merged) -> set[str]:
    """The hosts that callers name in From, and the realms of their credentials."""
    fields = (sender for part in merged.senders for sender in part)
    return {text.decode("ascii", "replace") for _, host, _, realm in fields for text in (host, realm) if text}


def lets_in(situation: Situation) -> bool:
    """Whether Asterisk's answers show that no type=acl refused: it answers that with 403 before anything else."""
    seen = {status for group in situation.groups for status, count in group.statuses.items() if count}
    return bool(seen) and not seen & {0, 403}
