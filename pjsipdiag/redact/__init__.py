"""Reports, captures and configurations that can be posted in a forum, and still be diagnosed.

The law: replaying the redacted requests against the redacted configuration gives the same verdicts; `redact_files`
checks it each time and counts. What is kept is listed, everything else has a stand-in.

    redacted_files, report                 a capture and a directory, or a report, written anew
    material                               everything that is redacted together, so that one thing has one stand-in
    disguise, address_map, identify_names  the stand-ins
    conf_lines, option_values, patterns    configuration lines, values, expressions
    mapping_lines                          lines that say where Asterisk's objects are
    saved_answers, texts                   answers of a running Asterisk; our own about a configuration
    messages, own                          SIP messages; our own sentences

Imports: `diagnosis`, `asterisk`, `capture`. A header or option whose value may stay is a word in a list here; the tests
put secrets in every place and find none after.
"""

from __future__ import annotations

from pjsipdiag.redact.redacted_files import RedactedFiles, redact_files
from pjsipdiag.redact.report import redact_report

__all__ = ["RedactedFiles", "redact_files", "redact_report"]
