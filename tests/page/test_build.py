"""The page in Chromium: what is dropped becomes a report, and no request leaves."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.page.build import build
from tests.report.browser import chromium
from tests.sip_text import write_capture

FIXTURES = Path(__file__).parents[2] / "fixtures"
DEMO = FIXTURES / "demo"
PATIENCE = 180.0
"""Seconds for one report: WebAssembly is compiled each time."""


class Recorder(ThreadingHTTPServer):
    """Takes what the browser sends to anywhere but the page's own server."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), self.Refusal)

    class Refusal(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            line = self.rfile.readline(1000).decode("latin-1").strip()
            assert isinstance(self.server, Recorder)
            if line:
                self.server.asked.append(line)
            self.close_connection = True


class Page:
    """The page in a browser whose every other request goes to the recorder."""

    def __init__(self, browser: Any, address: str, recorder: Recorder) -> None:
        self.browser, self.address, self.recorder = browser, address, recorder

    def open(self) -> None:
        self.browser.switch_to.default_content()
        self.browser.get(self.address)
        self.recorder.asked.clear()  # a browser that starts asks for things of its own

    def by(self, name: str) -> Any:
        return self.browser.find_element("id", name)

    def choose(self, *paths: Path) -> None:
        self.by("files").send_keys("\n".join(map(str, paths)))

    def outcome(self) -> str:
        """Presses the button; the headline, or the fault."""
        self.by("go").click()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if fault := self.by("fault").text:
                return str(fault)
            if self.by("report").is_displayed():
                return str(self.by("state").text)
            time.sleep(0.1)
        raise AssertionError(f"no report: {self.by('state').text}")

    def in_report(self, script: str) -> Any:
        self.browser.switch_to.frame(self.by("report"))
        try:
            return self.browser.execute_script(script)
        finally:
            self.browser.switch_to.default_content()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page") / "page"
    build(made)
    return made


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    recorder = Recorder()
    threading.Thread(target=recorder.serve_forever, daemon=True).start()
    words = [sys.executable, "-m", "pjsipdiag", "serve", str(folder), "--port", "0"]
    serving = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    address = serving.stdout.readline().strip()
    own = address.removeprefix("http://").rstrip("/")
    others = f"--proxy-server=http://127.0.0.1:{recorder.server_port}", f"--proxy-bypass-list=<-loopback>;{own}", QUIET
    try:
        with chromium(tmp_path_factory.mktemp("profile"), *others) as browser:
            yield Page(browser, address, recorder)
    finally:
        serving.terminate()
        serving.communicate()
        recorder.shutdown()
        recorder.server_close()


OWN = re.compile(r"(?:CONNECT |[A-Z]+ http://)[\w.-]+\.(?:googleapis|google|gstatic|duckduckgo)\.com[:/]")
"""What Chromium asks for by itself, with or without a page."""
QUIET = "--disable-features=AutofillServerCommunication,OptimizationHints,MediaRouter,Translate"


def left(page: Page) -> list[str]:
    """The requests that went anywhere but to the page's own server."""
    return [line for line in page.recorder.asked if not OWN.match(line)]


def test_the_files_are_pyodide_and_python_alone(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"index.html", "site.zip", "pyodide/pyodide.asm.wasm"} <= names
    assert not [name for name in names if name.endswith((".so", ".map"))]
    policy = (folder / "policy.txt").read_text()
    assert f'content="{policy}"' in (folder / "index.html").read_text()
    assert "unsafe-inline" not in policy
    assert "http" not in policy


def test_a_report_of_what_was_dropped_and_no_request_leaves(page: Page) -> None:
    page.open()
    page.browser.execute_script(
        """
        window.seen = [];
        new MutationObserver(() => seen.push(document.getElementById("state").textContent))
          .observe(document.getElementById("state"), { childList: true, characterData: true, subtree: true });
        const dropped = new DataTransfer();
        for (const [name, bytes] of arguments[0]) dropped.items.add(new File([new Uint8Array(bytes)], name));
        document.getElementById("drop").dispatchEvent(
          new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        """,
        [["capture.pcap", [*(DEMO / "capture.pcap").read_bytes()]],
         ["pjsip.conf", [*(DEMO / "etc/pjsip.conf").read_bytes()]]],
    )  # fmt: skip
    assert page.by("list").text.split() == ["capture.pcap", "10", "kB", "pjsip.conf", "1", "kB"]
    assert page.outcome() == "2 of 5 sources are not matched: 2 of 9 calls failed for that reason."
    seen = page.browser.execute_script("return seen")
    assert "Reading the files" in seen
    assert any("records" in text for text in seen)
    assert page.in_report("return document.querySelector('h1').textContent").startswith("2 of 5 sources")
    assert "capture.pcap: 24 records" in page.in_report("return document.body.textContent")
    assert "/dropped" not in page.in_report("return document.documentElement.outerHTML")
    assert page.in_report("return getComputedStyle(document.body).margin") == "0px"  # its own style is let in
    assert page.by("save").get_attribute("href").startswith("blob:")
    assert left(page) == []
    assert [entry["message"] for entry in page.browser.get_log("browser")] == []


def test_it_lets_nothing_out(page: Page) -> None:
    """Neither from the page nor from a worker as Python runs in, and not even to another port of this machine."""
    page.open()
    outside = f"http://127.0.0.1:{page.recorder.server_port}/secret"
    tried = page.browser.execute_async_script(
        """
        const [outside, done] = arguments;
        const tried = "fetch(" + JSON.stringify(outside) + ").then(() => 'out', () => 'held')";
        const worker = new Worker(URL.createObjectURL(new Blob([tried + ".then(postMessage)"])));
        const image = new Image();
        image.src = outside;
        worker.onmessage = async ({ data }) => done([data, await fetch(outside).then(() => "out", () => "held")]);
        """,
        outside,
    )
    assert tried == ["held", "held"]
    assert left(page) == []


def test_a_large_hostile_capture_at_the_width_of_a_telephone(page: Page, tmp_path: Path) -> None:
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    text = (
        "@ 0 203.0.113.99:5060 > 192.0.2.1:5060 in\nINVITE sip:1@192.0.2.1 SIP/2.0\n"
        'From: "<img src=http://192.0.2.66/a>" <sip:a@203.0.113.99>;tag=1\n'
        "Call-ID: <script>parent.document.title=1</script>\n"
        "User-Agent: </title><script src=http://192.0.2.66/b></script>\n"
    )
    small = write_capture(text, tmp_path / "small.pcap").read_bytes()
    large = tmp_path / "<img src=http:__192.0.2.66_c>.pcap"
    rtp = FILLER * (20_000_000 // len(FILLER))
    large.write_bytes(small[:24] + rtp + small[24:])
    try:
        page.open()
        page.choose(large, DEMO / "etc/pjsip.conf")
        assert page.outcome().startswith("1 of 1 source is not matched")
        assert page.in_report("return document.querySelectorAll('img, script[src]').length") == 0
        assert "<img src=http://192.0.2.66/a>" in page.in_report("return document.body.textContent")
        assert page.browser.title == "pjsipdiag: why was this call refused?"
        for width in ("return [document.documentElement.scrollWidth, innerWidth]",):
            for wide, shown in (page.browser.execute_script(width), page.in_report(width)):
                assert wide <= shown
        assert left(page) == []
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


FILLER = (
    struct.pack("<IIII", 1_760_000_000, 0, 216, 216)
    + bytes.fromhex("00000001000602000000000100000800450000c800000000401100000a0000010a0000029c409c4200b40000")
    + b"\x80\x00"
    + bytes(170)
)
"""One packet of sound, as a record of a Linux cooked capture."""


WRONG = {
    "report.pdf: neither a capture (pcap, pcapng) nor a log of Asterisk": ("report.pdf", "pjsip.conf"),
    "no pjsip.conf among the files": ("capture.pcap",),
    "no capture or log among the files": ("pjsip.conf",),
}


def test_a_wrong_file_is_one_line(page: Page, tmp_path: Path) -> None:
    """One after the other on the same page."""
    shutil.copy(DEMO / "capture.pcap", tmp_path)
    shutil.copy(DEMO / "etc/pjsip.conf", tmp_path)
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 9)
    page.open()
    for said, names in WRONG.items():
        page.choose(*(tmp_path / name for name in names))
        fault = page.outcome()
        assert said in fault
        assert "Traceback" not in fault
        assert page.by("go").is_enabled()
        page.by("again").click()


def test_packed_captures_and_bundles(page: Page, tmp_path: Path) -> None:
    import gzip

    from pjsipdiag.handover.bundle import write_bundle

    inside = tmp_path / "inside"
    (inside / "etc").mkdir(parents=True)
    (inside / "capture.pcap.gz").write_bytes(gzip.compress((DEMO / "capture.pcap").read_bytes()))
    shutil.copy(DEMO / "etc/pjsip.conf", inside / "etc")
    write_bundle(inside, ["by a test"], str(tmp_path / "pbx.tgz"), force=False)
    page.open()
    page.choose(tmp_path / "pbx.tgz")
    assert page.outcome() == "2 of 5 sources are not matched: 2 of 9 calls failed for that reason."
    assert re.search(r"\bcapture\.pcap\.gz: 24 records", page.in_report("return document.body.textContent"))
