"""The manual page says what the help says."""

from __future__ import annotations

import re

from pjsipdiag.cli import main
from pjsipdiag.report.man import page


def plain(roff: str) -> str:
    """What a reader sees: macros and escapes are gone."""
    lines = [re.sub(r"^\.(SH|SS|TP|PP|BR|B|br|nf|fi|RS|RE|TH)\b ?", "", line) for line in roff.splitlines()]
    text = " ".join(lines).replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "").replace("\\e", "\\")
    return " ".join(text.split())


def test_every_command_and_option_is_there_with_its_help() -> None:
    shown = plain(page(main))
    context = main.make_context("pjsipdiag", [], resilient_parsing=True)
    for name, command in main.commands.items():
        assert f"pjsipdiag {name}" in shown
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record and record[1]:
                assert " ".join(record[0].split()) in shown
                assert " ".join(record[1].split()) in shown


def test_only_known_macros_begin_a_line() -> None:
    macros = {line.split()[0] for line in page(main).splitlines() if line.startswith((".", "'"))}
    assert macros <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".br", ".nf", ".fi", ".RS", ".RE"}
