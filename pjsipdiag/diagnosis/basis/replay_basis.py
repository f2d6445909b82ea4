"""The basis of a replay: the PBX, and its configuration as a release of Asterisk loads it, once or again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.object_options import loaded_alike
from pjsipdiag.asterisk.releases import age, instead, is_newer, nearest
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.pbx.inference import PbxAddresses, infer
from pjsipdiag.diagnosis.calls.pbx.passed_on import hosts_beyond
from pjsipdiag.diagnosis.calls.pbx.releases_shown import name_of, release_sent, releases_seen
from pjsipdiag.diagnosis.calls.pbx.translated import Translated, find_translated, with_other_side
from pjsipdiag.diagnosis.rules.cause import listed
from pjsipdiag.diagnosis.work.gather import GatheredCaptures

Reload = Callable[[Mapping[str, str], str], Config]
"""(changed files, release) -> the configuration with them as that release loads it."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The basis of a replay: the PBX, and its configuration as a release of Asterisk loads it, with the reason for that
    release. `capture_version` is the version that the capture shows, or empty; `names` are the names that somebody
    gave, which the reason quotes."""

    config: Config
    pbx: PbxAddresses
    is_assumed: bool
    reason: str
    capture_version: str
    names: tuple[str, ...] = ()
    translated: Translated = Translated()


def of_running(basis: Basis, config: Config, version: str) -> Basis:
    """The basis where a running Asterisk names its release."""
    why = f"the running Asterisk is {version}"
    return replace(basis, config=config, is_assumed=False, reason=why, names=(version,))


def settle(
    gathered: GatheredCaptures,
    config: Config,
    told: PbxAddresses,
    asked: str | None,
    reload: Reload,
) -> Basis:
    merged = gathered.merged
    translated = find_translated(gathered.tallies, merged)
    pbx = told if told.addresses else infer(merged, config, partial(hosts_beyond, gathered.tallies))
    pbx = with_other_side(pbx, translated)
    basis = _settle(gathered, config, pbx, asked, reload)
    return replace(basis, translated=translated)


def _settle(gathered: GatheredCaptures, config: Config, pbx: PbxAddresses, asked: str | None, reload: Reload) -> Basis:
    merged = gathered.merged
    own = frozenset(pbx.addresses)
    names = releases_seen(merged, own)
    # Several names: anybody can send under the PBX's address. What leaves it, in the capture's own direction, is its
    # own; to read that costs a second reading, so it is asked only where it decides.
    sent = release_sent(gathered.tallies, own) if len(names) > 1 else ""
    seen = next(filter(None, (sent, *names)), "")
    if asked:
        why = f": {words}" if (words := instead(asked)) else ""
        return Basis(config, pbx, False, f"given with --asterisk{why}", seen, (asked,))
    known = nearest(seen) if seen else None
    if known is None:
        name = name_of(merged, own)
        named = f"the capture calls it {name!r}, which is no release" if name else "the capture names none"
        return Basis(config, pbx, True, f"{named}: the newest is assumed", seen, (name,) if name else ())
    others = [name for name in names if name != seen]
    reason = f"the capture names Asterisk {seen}{f', and {listed(others)} as well' if others else ''}"
    if known.version not in (seen, seen.replace("/", "-")):
        reason += f"{age(seen)}; {known.version} is the nearest that is known"
    if is_newer(seen):
        loaded = reload({}, seen)
    elif config.version == known.version:
        loaded = config
    else:
        loaded = loaded_alike(config, known.version) or reload({}, known.version)
    return Basis(loaded, pbx, False, reason, seen, (seen, *others))


def load_changed(reload: Reload, version: str, overlay: Mapping[str, str], release: str) -> Config:
    """The configuration with changed files as `release` loads it, without one as `version` does."""
    return reload(overlay, release or version)
