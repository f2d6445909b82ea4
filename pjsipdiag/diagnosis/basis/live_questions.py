"""Asks a running Asterisk what a capture needs to know, and says which of it stays open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.verdict import Check, Outcome
from pjsipdiag.diagnosis.basis.name_sources import load
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.rules.cause import counted, listed
from pjsipdiag.diagnosis.situation import CallGroup, Situation

if TYPE_CHECKING:
    from pjsipdiag.asterisk.live.snapshot import LiveAnswers

MOST_REASONS = 8
"""Reasons for unknown verdicts that a report has one by one."""


def ask(path: str | Path | None, options: Options, hosts: Collection[str], *, calls: bool) -> LiveAnswers | None:
    """Asks the running Asterisk, where one is to be asked: also about `hosts`, the objects that the files at `path`
    name, and the dialplan where there are `calls`."""
    asking = options.get("live")
    if asking is None:
        return None
    from pjsipdiag.asterisk.live.snapshot import WantedNames

    names: dict[str, tuple[str, ...]] = {}
    if path is not None:
        wanted: Options = {
            "asterisk": options.get("asterisk"),
            "databases": options.get("databases", ()),
            "include_from": options.get("include_from", ()),
        }
        files = load(path, wanted, partial=True)
        names = {
            "identify": tuple(one.name for one in files.identifies),
            "transport": tuple(files.transports),
            "registration": tuple(files.registrations),
            "global": (files.globals.name,) if files.globals.name else (),
        }
    return asking(WantedNames(tuple(sorted(hosts)), calls, names))


def callers_hosts(merged: MergedFolds) -> set[str]:
    """The hosts that callers name in From, and the realms of their credentials."""
    fields = (sender for part in merged.senders for sender in part)
    return {text.decode("ascii", "replace") for _, host, _, realm in fields for text in (host, realm) if text}


def open_questions(config: Config, live: LiveAnswers | None, groups: Sequence[CallGroup] = ()) -> tuple[str, ...]:
    """Sentences about what the running Asterisk did not tell, and the verdicts on `groups` that are unknown for it
    where it was asked alone."""
    if live is None:
        return ()
    open_: dict[str, list[str]] = {str(WalkReason.HIDDEN_ACLS()): []} if "acl" in config.not_shown else {}
    for group in groups:
        for check in group.verdict.unknown if group.verdict.outcome is Outcome.UNKNOWN else ():
            if check.why.kind is not WalkReason.NOT_LISTED:
                open_.setdefault(check.reason, []).append(group.source)
    unknown = [
        f"{reason}: unknown for {listed(tuple(dict.fromkeys(sources)))}" if sources else reason
        for reason, sources in open_.items()
    ]
    more = unknown[MOST_REASONS:]
    rest = (f"calls are unknown for {counted(len(more), 'further reason')}",) if more else ()
    return (*live.unknown, *unknown[:MOST_REASONS], *rest)


def open_names(situation: Situation, live: LiveAnswers | None) -> Iterator[str]:
    """A sentence about names in `match=` whose addresses are not at hand, where calls hang on them, and no running
    Asterisk was asked."""
    checks: dict[int, Check] = {}
    callers: dict[str, None] = {}
    for group in situation.groups if live is None else ():
        unknown = group.verdict.unknown if group.verdict.outcome is Outcome.UNKNOWN else ()
        open_ = {id(check): check for check in unknown if check.why.kind is WalkReason.NAME_NOT_RESOLVED}
        checks |= open_
        callers |= dict.fromkeys([group.source] if open_ else ())
    if not checks:
        return
    names = dict.fromkeys(f"match={one.why['hosts']} in [{one.identify}] ({one.where})" for one in checks.values())
    yield (
        f"the addresses behind {listed([*names])} are not at hand, so who {listed([*callers])} is, is unknown:"
        " --resolve asks DNS, --hosts FILE names them, --resolved FILE takes what 'pjsip show identifies' prints"
    )


def settled_questions(situation: Situation) -> frozenset[str]:
    """Which open questions Asterisk's own answers settle: that it started (`module`); that no type=acl refused (`acl`),
    which it answers with 403 before anything else; and what it does by the rows that it holds (`cache`), which shows
    where each call has an answer."""
    config = situation.config
    open_ = {"acl"} & config.not_shown | {"cache", "module"} & {unread.source for unread in config.unread_objects}
    if not open_:
        return frozenset()
    shown = [one.group for one in map(situation.find_shown, situation.groups) if one]
    seen = {status for group in shown for status, count in group.statuses.items() if count}
    told = {"module"} if seen - {0} else set()
    told |= {"cache"} if seen and 0 not in seen else set()
    told |= {"acl"} if seen and not seen & {0, 403} else set()
    return frozenset(open_ & told)
