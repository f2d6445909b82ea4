"""A report about a configuration that no capture goes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.releases import instead
from pjsipdiag.diagnosis.basis.live_questions import open_questions
from pjsipdiag.diagnosis.model import Finding, Report
from pjsipdiag.diagnosis.rules import RULES
from pjsipdiag.diagnosis.rules.doors.strangers import blind_spots
from pjsipdiag.diagnosis.rules.unloaded.ignored import conditions
from pjsipdiag.diagnosis.space.doors import doors
from pjsipdiag.diagnosis.space.expect import Expectation, check_expectations
from pjsipdiag.diagnosis.space.expect import findings as expectation_findings

if TYPE_CHECKING:
    from pjsipdiag.asterisk.live.snapshot import LiveAnswers


def check(config: Config) -> tuple[Finding, ...]:
    """Asks every rule about the configuration alone: errors first, then in the order of files and lines."""
    found = [finding for rule in RULES if rule.on_config for finding in rule.named(rule.on_config(config))]
    return tuple(sorted(found, key=_place))


def _place(finding: Finding) -> tuple[int, str, int, str]:
    where = finding.where
    return (finding.severity.rank, where.file if where else "", where.line if where else 0, finding.message)


def why_replayed(asked: str | None, live: LiveAnswers | None = None) -> str:
    """How the release was chosen where no capture names one."""
    if asked is None and live is not None:
        return f"the running Asterisk is {live.version}"
    if asked is None:
        return "the newest release known; --asterisk names another"
    why = instead(asked) if asked else ""
    return f"as asked for: {why}" if why else "as asked for"


def configuration_report(
    config: Config, *, asked: str | None, live: LiveAnswers | None = None, expectations: tuple[Expectation, ...] = ()
) -> Report:
    """The report of `check`; `asked` is the release that was asked for, `live` the running Asterisk that was.
    `expectations` are held against it, too."""
    held = check_expectations(config, expectations) if expectations else ()
    broken = expectation_findings(held)
    return Report(
        asterisk_version=config.version,
        asterisk_assumed=asked is None and live is None,
        asterisk_reason=why_replayed(asked, live),
        asterisk_names=(asked,) if asked else (live.version,) if live else (),
        captures=(),
        sources=(),
        calls=(),
        unmatched=(),
        findings=(*broken, *check(config)),
        suggestions=(),
        config=config,
        notes=(*blind_spots(config), *conditions(config), *open_questions(config, live)),
        doors=doors(config),
        checked_rules=tuple(rule.name for rule in RULES if rule.on_config),
        held_expectations=tuple(one.expectation.text for one in held if not one.failure),
    )
