"""Where a file of the configuration is for who shows findings at their lines: seen from the root of the repository."""

from __future__ import annotations

from posixpath import join, normpath


def path_of(file: str, folder: str) -> str:
    """`file`, as the configuration names it, below `folder`; an absolute one stays."""
    return normpath(join(folder, file)) if folder else file
