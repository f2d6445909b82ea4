"""Numbers for bytes do not depend on the interpreter, and lengths count."""

from __future__ import annotations

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.digest import digest, wide_digest

PARTS = st.lists(st.binary(max_size=200), min_size=3, max_size=3)


def test_it_is_the_beginning_of_blake2b_whatever_the_interpreter() -> None:
    """`b2sum -l 64` gives the eight bytes of the lengths and the parts."""
    lengths = b"\2\0\0\0\1\0\0\0"
    said = subprocess.run(["b2sum", "-l", "64"], input=lengths + b"abc", capture_output=True, check=True).stdout
    expected = int.from_bytes(bytes.fromhex(said.split()[0].decode()), "little", signed=True)
    program = "from pjsipdiag.digest import digest; print(digest(b'ab', b'c'))"
    for seed in ("0", "1", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment).stdout
        assert int(told) == expected == digest(b"ab", b"c")


def test_the_wide_one_is_that_of_128_bits() -> None:
    said = subprocess.run(["b2sum", "-l", "128"], input=b"\2\0\0\0\1\0\0\0abc", capture_output=True, check=True).stdout
    assert wide_digest(b"ab", b"c").hex() == said.split()[0].decode()


@given(PARTS, PARTS)
def test_what_ends_where_makes_a_difference(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)
    joined = [b"".join(one), b"", b""]
    assert (digest(*one) == digest(*joined)) == (one == joined)
