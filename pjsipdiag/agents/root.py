"""Paths below one folder: wherever links lead, what is read lies in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pjsipdiag.asterisk.config import Config
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError, visible


@dataclass(frozen=True, slots=True)
class Root:
    """`folder` is absolute, and no link stands in it. Names are relative to it."""

    folder: Path

    def inside(self, name: str) -> str:
        """A file or folder by its own name, links followed.

        :raises PjsipdiagError: it is not there, or lies elsewhere; which of both is not said.
        """
        try:
            place = (self.folder / name).resolve(strict=True)
            return str(place.relative_to(self.folder))
        except (OSError, ValueError, RuntimeError):
            raise PjsipdiagError(f"there is no {visible(name)} below the root") from None

    def captures(self, names: Sequence[str]) -> tuple[str, ...]:
        """The files that these names mean, those in folders among them.

        :raises PjsipdiagError: one is not there or no file, or there is none.
        """
        found = tuple(dict.fromkeys(path for name in names for path in self._files(self.inside(name))))
        if not found:
            raise PjsipdiagError("no capture is named: give files or folders below the root")
        return found

    def _files(self, name: str) -> Iterator[str]:
        place = self.folder / name
        if place.is_file():
            yield name
            return
        if not place.is_dir():  # a pipe would hold every later question up
            raise PjsipdiagError(f"{visible(name)} is neither a file nor a folder")
        for path in sorted(place.iterdir()):
            if path.is_file() and path.resolve().is_relative_to(self.folder):
                yield str(path.resolve().relative_to(self.folder))

    def require_within(self, config: Config) -> None:
        """Demands that all files of a configuration lie here: Asterisk's own folder may include others.

        :raises PjsipdiagError: a file does not.
        """
        directory = self.folder / config.directory
        directory = directory.parent if directory.is_file() else directory
        for name in config.files:
            if not (directory / name).resolve().is_relative_to(self.folder):
                raise PjsipdiagError(f"the configuration includes {visible(name)}, which lies outside of the root")
