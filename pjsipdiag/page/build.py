"""`python -m pjsipdiag.page.build FOLDER`: the page as a folder of plain files that any web server can give.

Pyodide comes from npm's registry, one archive whose digest is known; what else is imported comes from the Python
package index by pip; pjsipdiag itself is built as a wheel without compiled parts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha512
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from pjsipdiag.page.serve import POLICY
from pjsipdiag.report.web.html import hashes

PYODIDE = "https://registry.npmjs.org/pyodide/-/pyodide-314.0.7.tgz"
DIGEST = "sha512-0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
"""The registry's `integrity` of that archive."""
DOWNLOAD_SILENCE = 60.0
"""Seconds without a byte of it."""
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
WHEELS = ("jinja2==3.1.6", "markupsafe==3.0.3")
"""The packages that a diagnosis imports; of MarkupSafe only the Python part is taken."""
PAGE_FILES = ("index.html", "page.css", "page.js", "worker.js")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
COMPILED = re.compile(r"\[(?:\[tool\.setuptools\.ext-modules\]|tool\.distutils\.bdist_wheel)\]\n(?:.+\n)*")
"""The tables of pyproject.toml about compiled parts."""
POLICIES = (
    *("default-src 'none'", "connect-src 'self'", "worker-src 'self' blob:", "frame-src blob:", "img-src data:"),
    *("form-action 'none'", "base-uri 'none'"),
)
"""The page's content security policy, but for styles and scripts: its own, and those of the report that it shows."""
CHECKOUT = Path(__file__).parents[2]


def build(folder: Path) -> None:
    """Makes the folder anew.

    :raises FileExistsError: there is another folder than one that was built here.
    :raises OSError: Pyodide cannot be had, or is another than it was.
    """
    if folder.exists() and not (folder / POLICY).is_file():
        raise FileExistsError(f"{folder} holds something else than this page: give another folder, or remove it")
    with TemporaryDirectory() as temporary:
        work = Path(temporary)
        made = work / "page"
        (made / "pyodide").mkdir(parents=True)
        _pyodide(made / "pyodide")
        with zipfile.ZipFile(made / "site.zip", "w", zipfile.ZIP_DEFLATED) as site:
            for wheel in (*_wheels(work / "wheels"), _own_wheel(work)):
                _add(wheel, site)
        style, script = hashes()
        of_the_report = f"style-src 'self' '{style}'", f"script-src 'self' 'wasm-unsafe-eval' '{script}'"
        policy = "; ".join((*POLICIES, *of_the_report))
        for name in PAGE_FILES:
            text = (files("pjsipdiag.page") / "static" / name).read_text(encoding="utf-8")
            (made / name).write_text(text.replace("@POLICY@", policy), encoding="utf-8")
        (made / POLICY).write_text(policy, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, folder)


def _run(words: Sequence[str], where: Path) -> None:
    subprocess.run(words, cwd=where, check=True, stdout=subprocess.DEVNULL)


def _pyodide(target: Path) -> None:
    with urlopen(PYODIDE, timeout=DOWNLOAD_SILENCE) as answer:
        packed = answer.read()
    if b64encode(sha512(packed).digest()).decode() != DIGEST.removeprefix("sha512-"):
        raise OSError(f"{PYODIDE} is not what it was: nothing of it is used")
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        for name in CORE:
            member = archive.extractfile(f"package/{name}")
            assert member is not None, name
            (target / name).write_bytes(member.read())


def _wheels(target: Path) -> list[Path]:
    _run([*PIP, "download", "--no-deps", "--only-binary", ":all:", "-d", str(target), *WHEELS], CHECKOUT)
    return sorted(target.glob("*.whl"))


def _own_wheel(work: Path) -> Path:
    """This package as py3-none-any: the compiled parts are left out of its description."""
    source = work / "source"
    source.mkdir()
    shutil.copytree(CHECKOUT / "pjsipdiag", source / "pjsipdiag", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(CHECKOUT / "README.md", source)
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    (source / "pyproject.toml").write_text(COMPILED.sub("", text), encoding="utf-8")
    _run([*PIP, "wheel", "--no-deps", "-w", "own", "."], source)
    (wheel,) = (source / "own").glob("*-py3-none-any.whl")
    return wheel


def _add(wheel: Path, site: zipfile.ZipFile) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith((".so", ".c", ".pyi")) and ".dist-info/" not in name:
                site.writestr(name, archive.read(name))


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"the page is not built: {error}")
