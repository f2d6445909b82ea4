"""Captures are walked by a compiled loop where it was built, and by the loops in Python anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pjsipdiag.capture.fast import compiled


@pytest.fixture(scope="module", params=["compiled", "interpreted"])
def loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that use it run with each of the two."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "interpreted":
            patch.setattr(compiled, "passed", None)
        elif compiled.passed is None:
            pytest.skip("needs a C compiler when pjsipdiag is installed (apt install gcc python3-dev)")
        yield
