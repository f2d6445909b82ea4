"""The command `pjsipdiag` itself: the group of its commands, and how errors reach the user."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag import __version__
from pjsipdiag.cli.help import Command
from pjsipdiag.cli.output import SETTLED
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.storage import SCHEME

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Failure(click.ClickException):
    """One line on stderr and exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"pjsipdiag: {visible(self.format_message())}", file=file, err=True)


def _no_room(error: OSError) -> str:
    """Advice for an error that means a full disk; empty for another error."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ""
    from tempfile import gettempdir

    return f"{error.strerror}, for the report or for temporary files in {gettempdir()}: TMPDIR names another directory"


def _no_folder(error: OSError) -> str:
    """Advice where the folder at hand was removed, and a name is seen from there; empty for another error."""
    gone = error.errno == errno.ENOENT and not error.filename
    return "the folder in which this runs was removed: go to another one, or give whole paths" if gone else ""


def _where_to(error: click.UsageError) -> str:
    """The end of a message about a word that belongs to -c; empty for another one."""
    command = error.ctx.command if error.ctx else None
    takes = command is not None and any(one.name in ("config", "configs") for one in command.params)
    is_extra = error.format_message().startswith("Got unexpected extra argument")
    return ": the configuration is given with -c" if takes and is_extra else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about a word that is not known: those that resemble it; empty where none does."""
    from difflib import get_close_matches

    names = list(known)
    close = [name for name in names if word and word.lower() in name] or get_close_matches(word, names, cutoff=0.5)
    return f" Did you mean {' or '.join(close[:3])}?" if close else ""


class Commands(click.Group):
    """Turns every error into one line, never a traceback; shows commands in the order they are defined."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        # From the narrow to the wide: click's own errors before ours, ours before what only the system or a fault of
        # this program can raise. A stream that was closed is told by `cli.run`, for which stderr may be that stream.
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # nobody reads on
            raise click.exceptions.Exit(128 + signal.SIGPIPE) from None
        except click.UsageError as error:
            said = error.format_message().replace("\n\t", " ")  # before each of click's choices
            raise click.UsageError(visible(said) + _where_to(error), error.ctx) from None
        except click.ClickException as error:
            raise Failure(error.message) from None
        except PjsipdiagError as error:
            raise Failure(str(error)) from None
        except OSError as error:
            if error.errno == errno.EBADF and not error.filename:  # a standard stream, which was closed
                raise
            why = _no_room(error) or _no_folder(error)
            raise Failure(why or f"{error.filename or 'input'}: {error.strerror or error}") from None
        except MemoryError:
            raise Failure(
                "the memory of this machine is not enough: --jobs 1 needs less, and so does a part (--since, --until)"
            ) from None
        except Exception as error:
            if sys.flags.dev_mode:
                raise
            what = f"{type(error).__name__}: {error}".split("\n")[0]
            raise Failure(
                f"{what}: a fault of pjsipdiag, please report it with what 'python -X dev -m pjsipdiag ...' shows"
            ) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A capture or a directory instead of a command is diagnosed."""
        name = args[0] if args and args[0] not in self.commands else ""
        if name and (name == "-" or SCHEME.match(name) or Path(name).exists()):
            return "diagnose", self.commands["diagnose"], args
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = did_you_mean(args[0], (*self.commands, "--help", "--version"))
            raise click.UsageError(error.message + hint, ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and files, which are diagnosed: these first, for bash forgets what stands before them."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file"), *super().shell_complete(ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Why did Asterisk's PJSIP not match an inbound call to an endpoint, and which lines fix it?

    Exit status: 0 every request was identified and nothing worse than a note was found (--fail-on), 1 findings, 2
    unusable input or usage.
    """
    from pjsipdiag.cli.settings import settings

    file, found = settings()
    context.meta[SETTLED] = file
    context.default_map = dict.fromkeys(main.commands, found)
