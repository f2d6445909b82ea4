"""Stand-ins for the names of identify sections (and transports) that keep the order in which Asterisk asks them.

Releases ask identify objects by name or by hash bucket (`pjsipdiag.asterisk.loading.walk_order`). A stand-in begins
with the rank of the name among all of them, and ends with what puts it into the bucket of the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, product

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.walk_order import MEMORY_BUCKETS, bucket_count, is_identify, str_hash

OF_WIZARD = "-identify"
"""The ending that a wizard section adds to its name for the identify that it makes."""
LETTERS = "abcdefghijkmnopqrstuvwxyz"
FEW_BUCKETS = 500
_OF_LETTER = 0x7F
"""The bits of a hash that its last letter decides on."""


def ordered_names(config: Config) -> Mapping[str, str]:
    """Section name -> stand-in, for every section whose place in an order of Asterisk's depends on its name."""
    return {**_transports(config), **_identifies(config)}


def _identifies(config: Config) -> Mapping[str, str]:
    """Every section that is, or makes, an identify."""
    sections = [section for section in config.sections if is_identify(section)]
    made = {identify.wizard: identify.name for identify in config.identifies if identify.wizard}
    named = {section.name: section.name for section in sections if "@" not in section.name} | made
    width = len(str(len(named)))
    buckets = bucket_count(len(sections))
    ordered = sorted(named.items(), key=lambda item: item[1].encode("utf-8", "surrogateescape"))
    stands: dict[str, str] = {}
    for rank, (section, identify) in enumerate(ordered, 1):
        suffix, hashed = (OF_WIZARD, MEMORY_BUCKETS) if section in made else ("", buckets)
        wanted = str_hash(identify) % hashed
        stem = f"identify{rank:0{width}d}"
        if hashed > FEW_BUCKETS:
            stands[section] = _in_bucket(stem, wanted, hashed)
            continue
        names = (stem + ending for ending in _endings())
        stands[section] = next(name for name in names if str_hash(name + suffix) % hashed == wanted)
    return stands


def _in_bucket(stem: str, wanted: int, buckets: int) -> str:
    """The first name that begins so and lies in the bucket `wanted`. Of many buckets: the last letter is computed, as
    it decides on the lower bits of the hash only."""
    if str_hash(stem) % buckets == wanted:
        return stem
    for ending in _endings():
        hashed = str_hash(stem + ending + "\0")
        upper = hashed & ~_OF_LETTER
        lower = (wanted - upper) % buckets
        letter = chr(lower ^ hashed & _OF_LETTER) if lower <= _OF_LETTER else ""
        if letter and letter in LETTERS:
            return stem + ending + letter
    raise AssertionError("there is always one more ending")


def _transports(config: Config) -> Mapping[str, str]:
    """Transports, in the same hash bucket: that is the order in which a transport's domain is looked for."""
    stands = {}
    for rank, name in enumerate(config.transports, 1):
        names = (f"transport{rank}{ending}" for ending in _endings())
        wanted = str_hash(name) % MEMORY_BUCKETS
        stands[name] = next(stand for stand in names if str_hash(stand) % MEMORY_BUCKETS == wanted)
    return stands


def _endings() -> Iterator[str]:
    for length in count():
        yield from map("".join, product(LETTERS, repeat=length))
