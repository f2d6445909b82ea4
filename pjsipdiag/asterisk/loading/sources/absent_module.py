"""A module that Asterisk does not load, whichever file is the reason."""

from __future__ import annotations

from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class AbsentModule:
    """A module that is not loaded, and what is then not there; `module` is empty where Asterisk itself does not start.

    `is_used` tells whether the configuration needs it, `is_fatal` whether nothing listens without it.
    """

    module: str
    reason: str
    where: Where
    log: str = ""
    is_used: bool = True
    is_fatal: bool = False
    remedy: str = ""
    """The change of modules.conf that has it loaded, where that is all it takes."""
