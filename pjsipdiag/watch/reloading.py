"""The configuration as its files were when they could last be loaded: read again when they change, kept when broken.

Asterisk itself has to be told to reload; what it does meanwhile its answers show.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import cast

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.files.files import Disk
from pjsipdiag.asterisk.loading.resolve import Dns
from pjsipdiag.diagnosis.basis.name_sources import load, parse_databases
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.report.wording import plural

RENEW = 300.0
"""Seconds after which names and tables are asked for again."""


class Configuration:
    """The files at `path` with these options; `say` takes what a person has to know.

    Raises PjsipdiagError where they cannot be loaded at first.
    """

    def __init__(self, path: str | None, options: Options, say: Callable[[str], None]) -> None:
        self.path, self.options, self._say = path, options, say
        self._asked = dict(options)
        self.counts: Counter[str] = Counter()
        """Changed configurations by what became of them: taken, refused."""
        self.disk = self._seen = Disk(options.get("include_from", ()))
        self._changing = False
        self._renew()
        self.config = self._load(self.disk)

    def look(self) -> bool:
        """Whether the files are others than before, and were taken: once they have stayed the same for two looks."""
        if time.monotonic() - self._renewed > RENEW:
            self._renew()
        if not self._seen.has_changed():
            return False
        if not self._changing:
            self._changing = True
            return False
        self._changing = False
        return self._take(Disk(self.options.get("include_from", ())))

    def _take(self, disk: Disk) -> bool:
        self._seen = disk
        try:
            config = self._load(disk)
        except PjsipdiagError as error:
            return self._refuse(str(error))
        if len(config.rejected_files) > len(self.config.rejected_files):
            problem = config.rejected_files[-1]
            return self._refuse(f"{problem.where}: {problem.reason}")
        self.disk, self.config = disk, config
        self.counts["taken"] += 1
        self._renew()
        self._say(f"configuration read again: {describe(config)}; Asterisk has to reload it, too")
        return True

    def _refuse(self, why: str) -> bool:
        self.counts["refused"] += 1
        self._say(f"the changed configuration is broken, the former one is kept: {visible(why)}")
        return False

    def _renew(self) -> None:
        """Has names and tables asked for anew when they are needed next."""
        self._renewed = time.monotonic()
        databases = parse_databases(self._asked.get("databases", ()))  # type: ignore[arg-type]  # as Options has it
        self.options = cast(Options, {**self._asked, "databases": databases})
        if self._asked.get("resolve"):
            self.options["resolve"] = Dns()

    def _load(self, disk: Disk) -> Config:
        return load(self.path, self.options, disk=disk)


def describe(config: Config) -> str:
    """A configuration in a few words."""
    identifies = plural(len(config.identifies), "identify", "identifies")
    return f"{plural(len(config.endpoints), 'endpoint')}, {identifies}, as Asterisk {config.version}"
