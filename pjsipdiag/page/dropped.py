"""Files that were dropped on the page become a report: runs in the browser, where files stand in memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pjsipdiag.asterisk.live import saved
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.options import Options, Progress
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.handover.bundle import is_bundle, unpack_bundle
from pjsipdiag.report import render
from pjsipdiag.report.headline import headline

MAIN = "pjsip.conf"
CONFIGURATION = (".conf", ".include", ".inc")


def report(folder: str, names: Sequence[str], asterisk: str, progress: Progress) -> tuple[str, str]:
    """The headline and the page of the report on the files `names` below `folder`.

    :raises PjsipdiagError: there is no capture or no configuration among them, or one cannot be read.
    """
    root = Path(folder)
    with ExitStack() as stack:
        bundles = [
            stack.enter_context(unpack_bundle(str(root / name))) for name in names if is_bundle(str(root / name))
        ]
        config = _config(root, names)
        captures = [str(root / name) for name in names if _is_capture(root, name, config)]
        captures += [capture for bundle in bundles for capture in bundle.captures]
        options: Options = {"asterisk": asterisk or None, "progress": progress}
        if config is None and bundles:
            config = Path(bundles[0].config) if bundles[0].config else None
            live = bundles[0].live
            if live is not None:
                options["live"] = lambda _: saved.read(live)
        if not captures:
            raise PjsipdiagError("no capture or log among the files: drop one beside the configuration")
        if config is None and "live" not in options:
            raise PjsipdiagError(f"no {MAIN} among the files: drop Asterisk's configuration (/etc/asterisk), too")
        made = diagnose(captures, config, **options)
        return headline(made), render(made, "html")


def explain(error: Exception) -> str:
    """The reason in one line, for whoever dropped the files."""
    if isinstance(error, PjsipdiagError):
        return visible(str(error))
    return visible(f"{type(error).__name__}: {error}: a fault of pjsipdiag, please report it".split("\n")[0])


def _config(root: Path, names: Sequence[str]) -> Path | None:
    """The folder of the outermost pjsip.conf; None where there is none."""
    found = sorted((name for name in names if Path(name).name == MAIN), key=lambda name: (name.count("/"), name))
    return (root / found[0]).parent if found else None


def _is_capture(root: Path, name: str, config: Path | None) -> bool:
    """A file that is no bundle, has no ending of a configuration, and lies in no folder of one."""
    path = root / name
    beside = config is not None and config != root and path.is_relative_to(config)
    return not (beside or name.endswith(CONFIGURATION) or is_bundle(str(path)))
