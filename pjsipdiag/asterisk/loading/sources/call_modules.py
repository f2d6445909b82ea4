"""The modules that an identified call needs, and what becomes of it without one of them.

As real Asterisk 16.28.0 and 22.10.1 answered with each of them left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.dataclass import NamedTuple

if TYPE_CHECKING:
    from pjsipdiag.asterisk.loading.sources.modules import Modules

_TRYING = 100
"""The status of calls that got nothing else."""


class CallModule(NamedTuple):
    """The effect on calls that lack a module, the statuses that show it, and the modules that it needs itself."""

    effect: str
    statuses: tuple[int, ...]
    needs: tuple[str, ...] = ()


CALL_MODULES = {
    "res_pjsip_session": CallModule("every call of an endpoint is answered 501", (501,)),
    "chan_pjsip": CallModule(
        "no channel is made, so calls get a 100 and then nothing", (_TRYING,), ("res_pjsip_pubsub",)
    ),
    "res_pjsip_sdp_rtp": CallModule("calls that offer media are answered 488", (488,)),
    "res_rtp_asterisk": CallModule("calls that offer media are answered 488, those without SDP 500", (488, 500)),
}
"""In the order in which a call comes to them: without the first that is missing it comes to none behind."""


def absent_call_modules(modules: Modules, config: Config) -> Iterator[AbsentModule]:
    """The first of them that modules.conf leaves out, or that lacks a module that it needs."""
    for name, (effect, _, needs) in CALL_MODULES.items():
        for needed in (name, *needs):
            where = modules.excluded_by(needed)
            if where is not None:
                lacks = f", which {name} needs" if needed != name else ""
                reason = f"{needed} is not loaded{lacks}: {effect}"
                used = bool(config.endpoints) or "endpoint" in config.elsewhere
                yield AbsentModule(name, reason, where, is_used=used, remedy=modules.remedy(needed))
                return
