"""One release, and what identification asks of it."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pjsipdiag.asterisk.releases.features import FeatureName, has_feature
from pjsipdiag.asterisk.releases.release_lines import RELEASES, number_of
from pjsipdiag.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """One release. `line` is its key in `RELEASES`, `branch` the major version; `number` orders it in its line."""

    version: str
    line: str
    number: tuple[int, ...]

    def __str__(self) -> str:
        return self.version

    @property
    def branch(self) -> str:
        return self.line.removeprefix("certified-").split(".")[0]

    def has(self, feature: FeatureName) -> bool:
        """Whether it has a feature of the table."""
        return has_feature(self.version, feature)

    @property
    def identify_order(self) -> Literal["name", "hash"]:
        """The order in which the identify objects are asked."""
        return "name" if self.has("identifies_by_name") else "hash"

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The identifiers of the release in the order in which its modules register them on the recorded machines.

        `line` has no name, and is always asked first. `MODULES` says which of the others come from one module.
        """
        names = [name for module in MODULES for name in module]
        return ("line", *(name for name in names if name not in ("request_uri", "transport") or self.has(name)))


MODULES: tuple[
    tuple[Literal["username", "auth_username", "ip", "header", "request_uri", "transport", "anonymous"], ...], ...
] = (
    ("username", "auth_username"),
    ("ip", "header", "request_uri", "transport"),
    ("anonymous",),
)
"""Identifiers by the module that registers them (`..._user`, `..._ip`, `..._anonymous`). Modules are loaded in the
order of the file system's directory, so that only the order within one is certain everywhere."""


@cache
def releases() -> dict[str, Release]:
    """Every known release by its full name, in the order of `RELEASES`."""
    return {
        version: Release(version, line, number_of(version))
        for line, versions in RELEASES.items()
        for version in versions
    }
