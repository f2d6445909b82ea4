"""How captures are read and requests replayed: what a caller may say, each thing with a default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pjsipdiag.asterisk.live.snapshot import LiveAnswers, WantedNames
    from pjsipdiag.asterisk.loading.resolve import Resolver
    from pjsipdiag.asterisk.realtime.tables import Databases

Progress = Callable[[int, int, int | None], None]
"""Called now and then with (records read, bytes read, bytes in all or None where that is not known)."""


Asking = Callable[["WantedNames"], "LiveAnswers"]
"""Asks a running Asterisk for `WantedNames`, and gives what it answered."""


class Options(TypedDict, total=False):
    """How to read and replay; every one may be left out.

    `asterisk` names the release, `pbx` the addresses of the PBX; without them the capture tells. `hosts` is a file in
    the form of /etc/hosts, `resolve` asks DNS, `resolved` is output of `pjsip show identifies`, `databases` are
    NAME=URL, `live` asks a running Asterisk. Includes may read below the folders
    `include_from`, too. `reader` is native or wireshark, `keylog` a file of TLS secrets, `jobs`
    how many processes share the work, `dask` the scheduler whose workers read the captures,
    `kept` a folder where what was read of them is kept, so that it is not read again. `since` and `until` are
    times (2025-10-09T08:53:20 or 08:53:20), `sources` addresses or networks, `call_ids` Call-IDs: only those calls are
    judged. Requests of `methods` are listed, too. With `follow` a growing capture is read until interrupted, or for
    `seconds`. `aggregate` lets suggestions name networks. `mirrors` are addresses whose HEP and tunnels are taken at
    their word. With `any_ratio` compressed captures are read to their end, however much they grow.
    """

    asterisk: str | None
    pbx: Sequence[str]
    hosts: str | Path | Resolver | None
    resolve: bool | Resolver
    resolved: str | None
    databases: Sequence[str] | Databases
    include_from: Sequence[str]
    live: Asking | None
    reader: str
    keylog: str | None
    jobs: int
    dask: str | None
    kept: str | None
    since: str | None
    until: str | None
    sources: Sequence[str]
    call_ids: Sequence[str]
    methods: Sequence[str]
    follow: bool
    seconds: float | None
    mirrors: Sequence[str]
    any_ratio: bool
    aggregate: bool
    progress: Progress | None
