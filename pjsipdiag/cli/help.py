"""How a command explains itself: options in groups, then an example."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click

from pjsipdiag.cli.bundles import open_bundles

OTHER_GROUP = "Further"
GROUPS: dict[str, tuple[str, ...]] = {
    "What to judge by": ("config", "configs", "asterisk", "versions", "hosts", "resolve", "resolved", "databases",
                         "include_from", "live", "save_live", "expect"),
    "Where": ("host", "sudo", "config_there", "root", "plain", "port"),
    "What to bring": ("interface", "duration", "rotated", "newest"),
    "The request": ("from_", "uri", "headers", "transport"),
    "Which calls": ("pbx", "since", "until", "sources", "call_ids", "methods"),
    "How to read": ("jobs", "dask", "resume", "mirrors", "reader", "keylog", "any_ratio", "follow", "seconds"),
    "What if": ("try_lines", "try_section", "try_order", "try_file"),
    "Which lines": ("aggregate", "unconfirmed", "diff"),
    "What to watch": ("interface", "host", "expression", "state"),
    "Whom to tell": ("until_failure", "command", "webhook", "metrics"),
    "Which addresses": ("also", "family"),
    "What counts": ("fail_on", "ignored", "baseline"),
    "Output": ("format_", "output", "html", "parquet", "extract", "force", "redact", "verbose", "quiet", "color"),
}  # fmt: skip
"""The parameters of each group, in the order in which groups are shown."""


class Command(click.Command):
    """Shows its options in the groups of GROUPS; what is in none of them stands below OTHER_GROUP. A bundle in place of
    captures or configuration is unpacked before the command sees it."""

    def invoke(self, ctx: click.Context) -> Any:
        open_bundles(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {group: [] for group in (*GROUPS, OTHER_GROUP)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                rows["Output" if parameter.is_eager else group_of(parameter.name or "")].append(record)
        for group, records in rows.items():
            if records:
                with formatter.section(group):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """The epilog is a line for the shell: it is never wrapped."""
        if self.epilog:
            with formatter.section("Example"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def refuse_given(why: str, *, groups: Collection[str] = tuple(GROUPS), but: Collection[str] = ()) -> None:
    """Refuses options of these groups that stand on the command line, and would do nothing.

    :raises click.UsageError: there is one, `but` for those parameters.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name not in but and group_of(name) in groups:
            raise click.UsageError(f"{parameter.opts[-1]} {why}")


def group_of(parameter: str) -> str:
    """The group in which the help shows a parameter."""
    return next((group for group, names in GROUPS.items() if parameter in names), OTHER_GROUP)
