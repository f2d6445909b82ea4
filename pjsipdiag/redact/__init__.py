"""Reports, captures and configurations that can be posted in a forum, and still be diagnosed.

The law: replaying the redacted requests against the redacted configuration gives the same verdicts. `redact_files`
checks it each time and counts.
"""

from __future__ import annotations

from pjsipdiag.redact.files import RedactedFiles, redact_files
from pjsipdiag.redact.report import redact_report

__all__ = ["RedactedFiles", "redact_files", "redact_report"]
