"""Where a restart goes on, and what was told before: JSON, readable by its owner only.

The place is before the oldest call that was not settled, so that nothing is lost; what is read twice for it is not told
twice, as what was told is known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.inputs import read_whole
from pjsipdiag.outputs import PRIVATE_MODE, write_file
from pjsipdiag.watch.new_causes import CauseKey
from pjsipdiag.watch.sources.source import FilePosition


@dataclass(frozen=True, slots=True)
class State:
    """`place` in a directory's files, and what was told."""

    place: FilePosition = (0, 0)
    told_causes: tuple[tuple[CauseKey, str], ...] = ()


def default_file(source: str) -> Path:
    """The file of a source: in the service manager's directory for the service, else in the user's for state."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    folder = Path(given) if given else Path(home) / "pjsipdiag"
    return folder / f"watch-{sha256(os.fsencode(os.path.realpath(source))).hexdigest()[:16]}.json"


def read_state(path: Path) -> State:
    """The state of an earlier run; that of none where there is no file.

    :raises PjsipdiagError: it cannot be read, or is none.
    """
    try:
        found = json.loads(read_whole(path))
        start, record = found["place"]
        told = tuple(((str(rule), str(source)), str(digest)) for rule, source, digest in found["told"])
        return State((int(start), int(record)), told)
    except FileNotFoundError:
        return State()
    except OSError as error:
        raise PjsipdiagError(f"{visible(str(path))}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise PjsipdiagError(f"{visible(str(path))}: no state of a watch: remove it to begin anew") from None


def write_state(path: Path, place: FilePosition, told: Iterable[tuple[CauseKey, str]]) -> None:
    """Writes it in one step. Raises PjsipdiagError or OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listed = [[rule, source, digest] for (rule, source), digest in told]
    with write_file(str(path), force=True, mode=PRIVATE_MODE) as stream:
        json.dump({"schema": 1, "place": place, "told": listed}, stream)
