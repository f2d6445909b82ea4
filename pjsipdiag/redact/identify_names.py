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
_HASH_BITS = 0x7FFFFFFF
_SHARED_BITS, _OF_LETTER = 0x60, 0x1F
"""The bits that all letters have, and those in which they differ."""


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
        if not suffix:
            stands[section] = _in_bucket(stem, wanted, hashed)
            continue
        names = (stem + ending for ending in _endings())
        stands[section] = next(name for name in names if str_hash(name + suffix) % hashed == wanted)
    return stands


def _in_bucket(stem: str, wanted: int, buckets: int) -> str:
    """The first name that begins so and lies in the bucket `wanted`: of the shortest, the first by its letters."""
    begun = str_hash(stem)
    endings = (_ending(begun, wanted, buckets, length) for length in count())
    return stem + next(ending for ending in endings if ending is not None)


def _ending(hashed: int, wanted: int, buckets: int, length: int) -> str | None:
    """The first ending of so many letters that takes a hash into a bucket, if there is one.

    A letter changes only the low bits of 33 times the hash. So all endings lie in a span, and where the bucket is not
    in it, none is tried.
    """
    if not length:
        return "" if (hashed & _HASH_BITS) % buckets == wanted else None
    factor = 33 ** (length - 1)
    slack = 0x7F * (factor - 1) // 32
    lowest = ((hashed * 33 ^ _SHARED_BITS) & ~_OF_LETTER) * factor - slack & _HASH_BITS
    span = _OF_LETTER * factor + 2 * slack
    if lowest + span <= _HASH_BITS and (wanted - lowest) % buckets > span:
        return None
    for letter in LETTERS:
        following = hashed * 33 ^ ord(letter)
        ending = _ending(following, wanted, buckets, length - 1)
        if ending is not None:
            return letter + ending
    return None


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
