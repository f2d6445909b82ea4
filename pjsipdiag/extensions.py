"""Whether a compiled part is used.

The result is the same with and without them: where one was not built, where its source was changed after it was built
(an editable checkout that moved on), or where `PJSIPDIAG_NO_EXTENSIONS=1` stands in the environment, Python alone does
the work.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

WANTED = not os.environ.get("PJSIPDIAG_NO_EXTENSIONS")

C_HEADERS = tuple(Path(__file__).parent / "capture" / "fast" / name for name in ("limited_api.h", "taker.h"))
"""Those that the compiled parts include: for Python's interface, and for what one of them gives the other."""


def is_used(extension: ModuleType) -> bool:
    """Whether an extension that was imported is wanted, and as new as its sources, as far as they are there."""
    if not WANTED:
        return False
    built = Path(extension.__file__ or "")
    sources = built.with_name(built.name.partition(".")[0] + ".c"), *C_HEADERS
    return all(source.stat().st_mtime <= built.stat().st_mtime for source in sources if source.exists())
