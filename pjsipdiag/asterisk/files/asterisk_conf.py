"""The options of asterisk.conf, which say where the other files are and whether programs may write parts of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pjsipdiag.asterisk.files.comments import Comments
from pjsipdiag.asterisk.files.lines import split

_LINE = re.compile(r"\s*(?:\[(?P<section>[^\]]*)\](?:\((?P<kind>[^)]*)\))?|(?P<name>\w+)\s*=>?\s*(?P<value>\S+))")


def read_options(data: bytes) -> dict[tuple[str, str], str]:
    """The options by section and name in small letters.

    Of the sections of a name the first that is no template counts, of lines the last (main/options.c). A template
    [directories], as the sample has it, shows the directories that were built in: it counts where no other does.
    """
    section, found, seen = "", dict[tuple[str, str], str](), set[str]()
    for line in filter(None, map(_LINE.match, _without_comments(data))):
        if line["name"] is None:
            name, kind = line["section"].lower(), line["kind"] or ""
            is_template = "!" in kind
            passed = (is_template and name != "directories") or (name in seen and "+" not in kind)
            section = "" if passed else name
            if not is_template:
                seen.add(name)
        else:
            found[section, line["name"].lower()] = line["value"]
    return found


def _without_comments(data: bytes) -> Iterator[str]:
    comments = Comments()
    for number, line in enumerate(split(data), 1):
        try:
            yield (comments.strip(line, number) or b"").decode("utf-8", "replace")
        except ValueError:  # Asterisk never comes out of that line
            return
