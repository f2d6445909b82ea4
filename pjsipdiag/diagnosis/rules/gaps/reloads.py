"""Objects that the running Asterisk holds otherwise than the files have them."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.diagnosis.model import Finding, Severity


def loaded_otherwise(config: Config) -> Iterator[Finding]:
    """Objects that the running Asterisk holds otherwise than the files have them."""
    for problem in config.otherwise:
        yield Finding(
            Severity.WARNING,
            problem.reason,
            problem.where if problem.where.file else None,
            advice=f"{_loader(problem.why)} loads what stands in the files now.",
        )


def _loader(reason: Reason) -> str:
    """The command that loads an object which is loaded otherwise than written."""
    kind, option = str(reason.get("type") or reason.get("what") or ""), reason.get("option")
    if reason.kind is LoadReason.OTHER_ACL:
        return "`module reload acl`"
    if (
        reason.kind is LoadReason.OTHER_ORDER
        or option == "endpoint_identifier_order"
        or (kind.startswith("transport") and reason.kind is not LoadReason.NOT_RELOADED)
    ):
        return "A restart of Asterisk"
    return "`module reload res_pjsip.so`"
