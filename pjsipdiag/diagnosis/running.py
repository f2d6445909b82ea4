"""What a capture has to ask a running Asterisk, and what it tells in return."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pjsipdiag.asterisk.live.state import Live, Wanted
from pjsipdiag.diagnosis.calls.folded import Merged
from pjsipdiag.diagnosis.names import load
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.situation import Situation


def ask(path: str | Path | None, options: Options, hosts: Collection[str], *, calls: bool) -> Live | None:
    """What the running Asterisk tells, where one is to be asked: also of `hosts`, of the objects that the files at
    `path` name, and of the dialplan where there are `calls`."""
    asking = options.get("live")
    if asking is None:
        return None
    names: dict[str, tuple[str, ...]] = {}
    if path is not None:
        files = load(
            path,
            asterisk=options.get("asterisk"),
            databases=options.get("databases", ()),
            include_from=options.get("include_from", ()),
            partial=True,
        )
        names = {
            "identify": tuple(one.name for one in files.identifies),
            "transport": tuple(files.transports),
            "registration": tuple(files.registrations),
            "global": (files.globals.name,) if files.globals.name else (),
        }
    return asking(Wanted(tuple(sorted(hosts)), calls, names))


def callers_hosts(merged: Merged) -> set[str]:
    """The hosts that callers name in From, and the realms of their credentials."""
    fields = (sender for part in merged.senders for sender in part)
    return {text.decode("ascii", "replace") for _, host, _, realm in fields for text in (host, realm) if text}


def settled(situation: Situation) -> frozenset[str]:
    """Which open questions Asterisk's own answers settle: that it started (`module`); that no type=acl refused (`acl`),
    which it answers with 403 before anything else; and what it does by the rows that it holds (`cache`), which shows
    where each call has an answer."""
    config = situation.config
    open_ = {"acl"} & config.untold | {"cache", "module"} & {unread.source for unread in config.unread}
    if not open_:
        return frozenset()
    shown = [one.group for one in map(situation.shown, situation.groups) if one]
    seen = {status for group in shown for status, count in group.statuses.items() if count}
    told = {"module"} if seen - {0} else set()
    told |= {"cache"} if seen and 0 not in seen else set()
    told |= {"acl"} if seen and not seen & {0, 403} else set()
    return frozenset(open_ & told)
