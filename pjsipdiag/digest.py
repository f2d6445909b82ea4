"""Numbers that stand for bytes: the same in every interpreter and on every machine.

Python's own `hash` is salted anew in each process, so folds that are keyed by it could not be merged elsewhere. A weak
sum would let a sender choose Call-IDs that fall together, so it is BLAKE2b (RFC 7693), of 64 bits.
"""

from __future__ import annotations

from struct import Struct

try:
    from _blake2 import blake2b  # as hashlib's, which loads OpenSSL as well: 7 ms
except ImportError:  # a Python that was built with OpenSSL's digests alone
    from hashlib import blake2b

DIGEST_SIZE = 8
_NUMBER = Struct("<q")
_LENGTHS = tuple(Struct(f"<{count}I") for count in range(5))


def digest(*parts: bytes) -> int:
    """A signed number of 64 bits for up to four parts, whose lengths count: what ends where makes a difference."""
    return _NUMBER.unpack(_blake(parts, DIGEST_SIZE))[0]  # type: ignore[no-any-return]


def wide_digest(*parts: bytes) -> bytes:
    """A digest of 128 bits, for what evidence rests on: nobody finds two texts of his own that fall together."""
    return _blake(parts, 2 * DIGEST_SIZE)


def _blake(parts: tuple[bytes, ...], size: int) -> bytes:
    text = b"".join((_LENGTHS[len(parts)].pack(*map(len, parts)), *parts))
    return blake2b(text, digest_size=size, usedforsecurity=False).digest()
