"""The same targets in the ordinary tests: seeds and what was found once, as they are and mutated by hypothesis."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pjsipdiag.errors import PjsipdiagError
from tests.fuzz.corpus import corpus
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.usefixtures("extensions")

LONGEST = 20_000


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """Bytes near one of the seeds: parts replaced, repeated, swapped or cut."""
    data = bytearray(draw(st.sampled_from(originals))[:LONGEST])
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 40))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data[at : at + size] = draw(st.binary(max_size=12))
        elif kind == 1:
            data[at:at] = data[at : at + size] * draw(st.integers(1, 20))
        elif kind == 2:
            data[at : at + 1] = draw(
                st.sampled_from([b"\0", b"\xff", b"\r\n", b"\n", b" ", b"[", b"<", b'"', b";", b"%"])
            )
        else:
            del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_corpus_and_earlier_findings(name: str) -> None:
    for data in corpus(name):
        with contextlib.suppress(PjsipdiagError):
            TARGETS[name].run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_bytes(name: str) -> None:
    originals = seeds(name)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(data=st.one_of(st.binary(max_size=300), mutated(originals)))
    def check(data: bytes) -> None:
        with contextlib.suppress(PjsipdiagError):
            TARGETS[name].run(data)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_seeds(name: str) -> None:
    assert seeds(name)
