"""Words that the shell completes beside files and choices: rules, releases, sections; looked up when Tab is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.errors import PjsipdiagError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class _Place(click.Path):
    """A file, a folder or a URL."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """No empty word: it comes from a variable without a value, and would stand for the folder at hand."""
        if value == "":
            self.fail("an empty word names no file", param, ctx)
        return super().convert(value, param, ctx)


FILE = _Place(readable=False)
"""A word for which shells complete files and directories; who uses it looks whether it is there and readable."""


def complete_rules(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of rules, each with its summary."""
    from click.shell_completion import CompletionItem

    from pjsipdiag.diagnosis.rules import RULES

    return [CompletionItem(rule.name, help=rule.summary) for rule in RULES if rule.name.startswith(incomplete)]


def complete_releases(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The releases that are known: lines as 22, and their releases once a line is typed."""
    from click.shell_completion import CompletionItem

    from pjsipdiag.asterisk.releases import complete

    return [CompletionItem(name) for name in complete(incomplete)]


def complete_sections(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The identifies and the section [global] of the configuration that the words before name."""
    from click.shell_completion import CompletionItem

    from pjsipdiag.asterisk.loading.objects import load_config
    from pjsipdiag.cli.output import DEFAULT_CONFIG

    try:
        loaded = load_config(context.params.get("config") or str(DEFAULT_CONFIG))
    except (PjsipdiagError, OSError):
        return []
    names = dict.fromkeys(section.name for section in loaded.sections)
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and name.isprintable()]
