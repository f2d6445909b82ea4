"""--live and --save-live: a running Asterisk beside the files, or in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.cli.output import inputs, is_forced
from pjsipdiag.outputs import PRIVATE, write_file

if TYPE_CHECKING:
    from pjsipdiag.asterisk.live.state import Live, Wanted
    from pjsipdiag.diagnosis.options import Asking


def asking(given: dict[str, Any]) -> Asking | None:
    """Takes both options out of what was given; what asks, or None where nobody is to be asked."""
    text, path = given.pop("live", None), given.pop("save_live", None)
    if text is None and path is not None:
        raise click.UsageError("--save-live saves what --live asks for: give that, too")
    if text is None:
        return None

    def ask(wanted: Wanted) -> Live:
        from pjsipdiag.asterisk.live import saved, source

        live = source.ask_live(text, wanted)
        if path:
            with write_file(path, inputs=inputs(), force=is_forced(), mode=PRIVATE) as stream:
                stream.write(saved.to_text(live))
            live = replace(live, file=saved.file_name(path))
        return live

    return ask
