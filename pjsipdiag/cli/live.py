"""--live and --save-live: a running Asterisk beside the files, or in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import click

from pjsipdiag.cli.output import directory, inputs, is_forced
from pjsipdiag.outputs import PRIVATE_MODE, write_file

if TYPE_CHECKING:
    from pjsipdiag.asterisk.config import Config
    from pjsipdiag.asterisk.live.snapshot import LiveAnswers, WantedNames
    from pjsipdiag.diagnosis.options import Asking, Options


def load_named(
    config: str | None, asterisk: str | None, names: dict[str, Any], *, quiet: bool, host: str = ""
) -> tuple[Config, LiveAnswers | None]:
    """The configuration of a command that reads no capture, and what a running Asterisk told; `host` is one that a
    caller names, `names` are the values of FILES_AND_LIVE."""
    from pjsipdiag.diagnosis.basis.live_questions import ask
    from pjsipdiag.diagnosis.basis.name_sources import load

    place = directory(config, quiet, live=names["live"] is not None)
    options: Options = {
        "live": take_asking(names),
        "asterisk": asterisk,
        "databases": names["databases"],
        "include_from": names["include_from"],
    }
    live = ask(place, options, [host] if host else (), calls=False)
    options |= cast("Options", names)
    return load(place, options, live), live


def take_asking(given: dict[str, Any]) -> Asking | None:
    """Takes both options out of what was given; what asks, or None where nobody is to be asked."""
    text, path = given.pop("live", None), given.pop("save_live", None)
    if text is None and path is not None:
        raise click.UsageError("--save-live saves what --live asks for: give that, too")
    if text is None:
        return None

    def ask(wanted: WantedNames) -> LiveAnswers:
        from pjsipdiag.asterisk.live import saved
        from pjsipdiag.asterisk.live.asking import ask_live

        live = ask_live(text, wanted)
        if path:
            with write_file(path, inputs=inputs(), force=is_forced(), mode=PRIVATE_MODE) as stream:
                stream.write(saved.to_text(live))
            live = replace(live, file=saved.file_name(path))
        return live

    return ask
