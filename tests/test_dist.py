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
COMPILED = "import pjsipdiag.capture.fast._records, pjsipdiag.capture.text._needles, pjsipdiag.diagnosis.calls._fold"

SIZED = (b"PyArg_ParseTuple", b"Py_BuildValue", b"PyObject_CallFunction", b"PyObject_CallMethod")
"""Functions of Python's interface that have another name where a length stands behind `#`."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sdist and wheel of what stands here, built as `make dist` does, in a copy of it."""
    folder = tmp_path_factory.mktemp("dist")
    tree = folder / "tree"
    shutil.copytree(
        ROOT, tree, ignore=shutil.ignore_patterns(".*", "*.so", "__pycache__", "*.egg-info", "build", "dist")
    )
    subprocess.run([sys.executable, "-m", "build", "-o", folder / "made", tree], check=True, capture_output=True)
    return {"wheel" if path.suffix == ".whl" else "sdist": path for path in (folder / "made").iterdir()}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment into which one after the other is installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    return folder


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
def test_it_is_whole_and_runs_without_a_compiler(kind: str, made: dict[str, Path], bare: Path, tmp_path: Path) -> None:
    path = made[kind]
    names, about = content(path)
    assert any(name.endswith("pjsipdiag/LICENSE") for name in names)
    assert {
        "pjsipdiag/py.typed",
        "pjsipdiag/report/machine/schema-1.json",
        "pjsipdiag/report/templates/report.html",
    } <= names
    assert not [name for name in names if name.startswith("fixtures")]
    assert about["License-Expression"] == "GPL-2.0-only"
    if kind == "wheel":
        assert "-cp311-abi3-" in path.name
        assert {name.split("/")[0].split("-")[0] for name in names} == {"pjsipdiag"}
        with zipfile.ZipFile(path) as wheel:
            parts = [wheel.read(name) for name in names if name.endswith(".abi3.so")]
        # Python 3.11 takes a length behind # by these names alone, whichever Python the wheel was built with.
        assert not [name for name in SIZED for part in parts if b"\0%s\0" % name in part]

    alone = {**os.environ, "PATH": str(bare / "bin"), "CC": "/no/compiler"}
    alone.pop("PYTHONPATH", None)
    python = str(bare / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "--no-compile"]
    subprocess.run([*install, path], env=alone, check=True)  # with what it depends on
    subprocess.run([*install, "--force-reinstall", "--no-deps", path], env=alone, check=True)  # in place of the other
    command = [str(bare / "bin" / "pjsipdiag"), *DEMO]
    shown = subprocess.run(command, env=alone, cwd=ROOT, capture_output=True, text=True, check=False)
    command = [sys.executable, "-m", "pjsipdiag", *DEMO]
    same = {**os.environ}  # and not the COLUMNS that readline has set, unseen by Python, where pytest loads it
    here = subprocess.run(command, env=same, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout, shown.stderr) == (1, here.stdout, "")
    compiled = subprocess.run([python, "-c", COMPILED], env=alone, cwd=tmp_path, capture_output=True, check=False)
    assert (compiled.returncode == 0) is any(name.endswith(".abi3.so") for name in names)
    assert kind == "sdist" or shutil.which("cc") is None or compiled.returncode == 0
