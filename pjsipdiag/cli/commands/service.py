"""The commands that go on until somebody ends them, and answer: agents, a browser."""

from __future__ import annotations

from pathlib import Path

import click

from pjsipdiag.cli.completion import FILE
from pjsipdiag.cli.group import main
from pjsipdiag.errors import PjsipdiagError


@main.command(epilog="pjsipdiag mcp --root /srv/tickets")
@click.option("--root", required=True, metavar="DIR", type=FILE, help="Only what lies in this folder is read.")
@click.option("--plain", is_flag=True, help="Show names, numbers and addresses as they are, not stand-ins.")
def mcp(*, root: str, plain: bool) -> None:
    """Answer agents (MCP, on standard input and output): diagnose, explain, check, suggest, compare, rules.

    Everything is read-only. Needs pip install '.[mcp]' in a checkout.
    """
    try:
        from pjsipdiag.agents.server import run
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mcp"):
            raise
        raise PjsipdiagError("mcp is not installed: pip install '.[mcp]' in a checkout") from None
    run(root, plain=plain)


@main.command(epilog="pjsipdiag serve build/page")
@click.argument("folder", default=str(Path(__file__).parents[3] / "build/page"), metavar="[FOLDER]", type=FILE)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8060, show_default=True, metavar="N", help="0: a free one."
)
def serve(*, folder: str, port: int) -> None:
    """Show the page on which captures and configuration are dropped, at this machine only.

    'make page' builds its folder; every other web server can give it, too.
    """
    from pjsipdiag.page.serve import server

    with server(Path(folder), port) as listening:
        click.echo(f"http://127.0.0.1:{listening.server_port}/")
        listening.serve_forever()
