"""What was given as a configuration: a directory, a single file, or something that is none."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.loading.sorcery import MAIN_FILE
from pjsipdiag.errors import ConfigError


def opened(path: str | Path | None, overlay: Mapping[str, str] | None) -> tuple[str, Files, bool]:
    """The name of the main file, the files, and whether the main file is all that is known."""
    if path is None:
        files = Files(None, overlay)
    else:
        path = Path(path)
        try:
            kind = path.stat().st_mode
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"no configuration at {path} ({reason}): give Asterisk's configuration directory or a pjsip.conf"
            ) from error
        if stat.S_ISREG(kind):
            return path.name, Files(path.parent, overlay), True
        if not stat.S_ISDIR(kind):
            raise ConfigError(f"{path} is neither a directory nor a file")
        files = Files(path, overlay)
    if not files.exists(MAIN_FILE):
        raise ConfigError(f"no {MAIN_FILE} in {path or 'the given files'}: is it Asterisk's configuration directory?")
    return MAIN_FILE, files, False
