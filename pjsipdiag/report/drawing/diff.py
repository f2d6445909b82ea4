"""A suggestion as the lines of a unified diff without context, for reading and for `patch`."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.diagnosis.model import Suggestion


def diff(suggestion: Suggestion) -> tuple[str, ...]:
    """The lines; empty when the suggestion changes no file."""
    return tuple(_lines(suggestion))


def _lines(suggestion: Suggestion) -> Iterator[str]:
    for file in dict.fromkeys(edit.file for edit in suggestion.edits):
        yield f"--- a/{file}"
        yield f"+++ b/{file}"
        moved = 0
        for edit in sorted((edit for edit in suggestion.edits if edit.file == file), key=lambda edit: edit.line):
            # A range without lines names the line before it (POSIX diff, unified format).
            old = edit.line if edit.old else edit.line - 1
            new = edit.line + moved if edit.new else edit.line + moved - 1
            yield f"@@ -{old},{len(edit.old)} +{new},{len(edit.new)} @@"
            yield from (f"-{line}" for line in edit.old)
            yield from (f"+{line}" for line in edit.new)
            moved += len(edit.new) - len(edit.old)
