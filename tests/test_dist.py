"""What is shipped: sdist and wheel, installed without a compiler in an environment of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMO = ["diagnose", "fixtures/demo/capture.pcap", "-c", "fixtures/demo/etc"]
COMPILED = "import pjsipdiag.capture.fast._records, pjsipdiag.diagnosis.calls._fold"


def build(kind: str, folder: Path) -> Path:
    """The sdist or the wheel of what stands here, built as `make dist` does, in a copy of it."""
    tree = folder / "tree"
    shutil.copytree(
        ROOT, tree, ignore=shutil.ignore_patterns(".*", "*.so", "__pycache__", "*.egg-info", "build", "dist")
    )
    made = folder / "dist"
    subprocess.run([sys.executable, "-m", "build", f"--{kind}", "-o", made, tree], check=True, capture_output=True)
    (found,) = made.iterdir()
    return found


def content(path: Path) -> tuple[set[str], Message]:
    """The names in it without the folder of the version, and its metadata."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
            text = wheel.read(about).decode()
    else:
        with tarfile.open(path) as sdist:
            names = [name.partition("/")[2] for name in sdist.getnames()]
            found = sdist.extractfile(f"{sdist.getnames()[0]}/PKG-INFO")
            assert found is not None
            text = found.read().decode()
    return set(names), Parser().parsestr(text)


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_it_is_whole_and_runs_without_a_compiler(kind: str, tmp_path: Path) -> None:
    made = build(kind, tmp_path)
    names, about = content(made)
    assert any(name.endswith("pjsipdiag/LICENSE") for name in names)
    assert {
        "pjsipdiag/py.typed",
        "pjsipdiag/report/machine/schema-1.json",
        "pjsipdiag/report/templates/report.html",
    } <= names
    assert not [name for name in names if name.startswith("fixtures")]
    assert about["License-Expression"] == "GPL-2.0-only"
    if kind == "wheel":
        assert "-cp311-abi3-" in made.name
        assert {name.split("/")[0].split("-")[0] for name in names} == {"pjsipdiag"}

    bare = tmp_path / "bare"
    venv.create(bare, with_pip=True)
    alone = {**os.environ, "PATH": str(bare / "bin"), "CC": "/no/compiler"}
    alone.pop("PYTHONPATH", None)
    python = str(bare / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", made], env=alone, check=True)
    command = [str(bare / "bin" / "pjsipdiag"), *DEMO]
    shown = subprocess.run(command, env=alone, cwd=ROOT, capture_output=True, text=True, check=False)
    here = subprocess.run(
        [sys.executable, "-m", "pjsipdiag", *DEMO], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stdout, shown.stderr) == (1, here.stdout, "")
    compiled = subprocess.run([python, "-c", COMPILED], env=alone, cwd=tmp_path, capture_output=True, check=False)
    assert (compiled.returncode == 0) is any(name.endswith(".abi3.so") for name in names)
    assert kind == "sdist" or shutil.which("cc") is None or compiled.returncode == 0
