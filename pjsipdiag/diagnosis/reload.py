"""The configuration loaded again: as another release does, with a change, or with more known of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.live.state import Live
from pjsipdiag.diagnosis.names import load
from pjsipdiag.diagnosis.options import Options

Reload = Callable[[Mapping[str, str], str], Config]
"""(changed files, release) -> the configuration with them as that release loads it."""


def reloaded(
    path: str | Path | None,
    options: Options,
    live: Live | None,
    overlay: Mapping[str, str],
    release: str,
    *,
    disk: Disk,
    shown: Collection[str] = (),
    complete: bool = False,
    partial: bool = False,
) -> Config:
    return load(
        path,
        asterisk=release,
        hosts=options.get("hosts"),
        resolve=options.get("resolve", False),
        resolved=options.get("resolved"),
        databases=options.get("databases", ()),
        overlay=overlay or None,
        complete=complete,
        partial=partial,
        live=live,
        shown=shown,
        disk=disk,
    )


def again(reload: Reload, version: str, overlay: Mapping[str, str], release: str) -> Config:
    return reload(overlay, release or version)
