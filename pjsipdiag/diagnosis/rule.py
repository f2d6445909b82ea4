"""What a rule is: a name, a severity, a line of summary, the function that finds it, and a page of documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.situation import Situation


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of RULES. `on_calls` needs a capture, `on_config` looks at the configuration alone (`check`)."""

    name: str
    severity: Severity
    summary: str
    on_calls: Callable[[Situation], Iterable[Finding]] | None = None
    on_config: Callable[[Config], Iterable[Finding]] | None = None

    @property
    def page(self) -> str:
        """Its documentation: what it means, how Asterisk comes to it, what to do, what not to do (Markdown)."""
        return (files("pjsipdiag.diagnosis") / "pages" / f"{self.name}.md").read_text(encoding="utf-8")
