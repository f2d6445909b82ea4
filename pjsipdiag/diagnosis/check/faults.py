"""Known faults of the release whose condition the files meet; what calls show of them is `rules.faults`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from pjsipdiag.asterisk.config import Config, Where
from pjsipdiag.asterisk.releases.faults import FAULTS, FaultName, has_fault
from pjsipdiag.diagnosis.model import Finding, Severity


def brewing(config: Config) -> Iterator[Finding]:
    """Faults whose condition the files meet."""
    for name, brews in BREWS.items():
        if has_fault(config.version, name):
            for where, what in brews(config):
                yield finding(config, name, Severity.WARNING, what, where, (), 0, ())


def finding(  # noqa: PLR0917  (as the fields of a finding)
    config: Config,
    name: FaultName,
    severity: Severity,
    what: str,
    where: Where | None,
    concerned: tuple[str, ...],
    count: int,
    evidence: tuple[str, ...],
) -> Finding:
    fault = FAULTS[name]
    fixed = fault.fixed_in(config.version)
    mended = f"fixed in {fixed}" if fixed else "no fixed release is known"
    return Finding(
        "known-bug",
        severity,
        f"Asterisk {config.version} has a known fault ({name}): {fault.what}; {mended}. It concerns {what}",
        where,
        concerned,
        count,
        (*evidence, f"see {fault.reference}"),
        advice=f"upgrade Asterisk ({mended}); until then: {fault.meanwhile}",
    )


def _after_failed_transport(config: Config) -> Iterator[tuple[Where, str]]:
    """The transport that loads behind one that does not."""
    failed = [one for one in config.dropped if one.type == "transport"]
    loaded = sorted(config.transports.values(), key=lambda one: one.where.line)
    for drop in failed:
        behind = [one for one in loaded if one.where.file == drop.where.file and one.where.line > drop.where.line]
        if behind:
            yield (
                behind[0].where,
                f"transport [{behind[0].name}] ({behind[0].where}), which loads behind [{drop.name}] ({drop.where})",
            )


BREWS: Mapping[FaultName, Callable[[Config], Iterable[tuple[Where, str]]]] = {
    "transport-state": _after_failed_transport,
}
"""Fault -> the lines whose condition the files meet, and what it concerns."""
