"""A configuration that a watch can be given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.watch.traffic import CONF


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "pjsip.conf").write_text(CONF)
    return folder
