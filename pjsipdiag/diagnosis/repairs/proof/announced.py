"""Whether changed files hold the announced change and nothing else, whatever the calls of a capture show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pjsipdiag.asterisk.config import AddressRule, Config
from pjsipdiag.asterisk.files.comments import Comments
from pjsipdiag.asterisk.files.lines import BLANK_BYTES, split
from pjsipdiag.diagnosis.edits.text_changes import lines_of, option_of
from pjsipdiag.diagnosis.model import Edit

ADDS_ADDRESSES = frozenset({"match"})
"""A wizard puts together what several of its lines say: there the lines alone are compared."""

ASKED = frozenset({"auth", "outbound_auth", "deny", "permit", "acl", "identify_by"})
"""Options of an endpoint that matter once a call was found to be its; `identify_by` as long as it only shrinks."""


def lines_are_announced(config: Config, texts: Mapping[str, str], edits: Sequence[Edit]) -> bool:
    """Whether the lines that count, as Asterisk reads them, differ in the edits only: no comment wakes, none grows."""
    for file, text in texts.items():
        wanted = _counting("".join(lines_of(config, file)))
        taken: set[int] = set()
        for edit in sorted((edit for edit in dict.fromkeys(edits) if edit.file == file), key=lambda edit: -edit.line):
            at = edit.line - 1
            places = set(range(at, at + len(edit.old)))
            if not taken & places:
                taken |= places
                wanted[at : at + len(edit.old)] = [line for new in edit.new for line in _counting(new)]
        if list(filter(None, wanted)) != list(filter(None, _counting(text))):
            return False
    return True


def rules_are_announced(before: Config, after: Config, texts: Mapping[str, str], edits: Sequence[Edit]) -> bool:
    """Whether, where only addresses are added, no rule is gone and each new one stands on an added line."""
    if not adds_addresses_alone(edits):
        return True
    added = {line for edit in edits for line in edit.new}
    old, new = _rules(before), _rules(after)
    gained = new.keys() - old.keys()
    return not old.keys() - new.keys() and all(_line(texts, new[key]) in added for key in gained)


def adds_addresses_alone(edits: Sequence[Edit]) -> bool:
    """Whether the edits do nothing but add addresses."""
    added = {line for edit in edits for line in edit.new}
    return not any(edit.old for edit in edits) and all(option_of(line) in ADDS_ADDRESSES for line in added)


def asks_otherwise(edits: Sequence[Edit]) -> bool:
    """Whether the edits change nothing but what an endpoint asks of its calls."""
    lines = (line for edit in edits for line in (*edit.old, *edit.new))
    return all(option_of(line.lstrip(";")).rpartition("/")[2] in ASKED for line in lines)


def _rules(config: Config) -> dict[object, AddressRule]:
    """Every rule of every identify, without the line that it stands on, and the rule itself."""
    return {
        (known.name, known.endpoint, rule.version, rule.network, rule.mask, rule.port, rule.deny): rule
        for known in config.identifies
        for rule in known.rules
    }


def _line(texts: Mapping[str, str], rule: AddressRule) -> str:
    lines = texts.get(rule.where.file, "").split("\n")
    return lines[rule.where.line - 1].rstrip("\r") if rule.where.line <= len(lines) else ""


def _counting(text: str) -> list[bytes]:
    """The part of each line that Asterisk reads: without comment and blanks."""
    comments, found = Comments(), []
    for number, line in enumerate(split(text.encode("utf-8", "surrogateescape")), 1):
        try:
            found.append((comments.strip(line, number) or b"").strip(BLANK_BYTES))
        except ValueError:  # the file ends there for Asterisk
            break
    return found
