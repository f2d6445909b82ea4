"""What all tests share: compiled parts on and off, and nothing is silent for long.

While many tests are collected, or one of them takes its time, a dot says so.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")  # a machine that has much to do is no fault of a test

for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:  # by nohup, or in the background: what tests start would inherit it
        signal.signal(number, lambda *_: None)

PATIENCE = 5.0
"""Seconds without a word."""


class Pulse(threading.Thread):
    """Prints a dot whenever nothing was reported for a while."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        super().__init__(daemon=True)
        self._reporter = reporter
        self._heard = time.monotonic()

    def pytest_runtest_logreport(self) -> None:
        self._heard = time.monotonic()

    def run(self) -> None:
        while True:
            time.sleep(1)
            if time.monotonic() - self._heard > PATIENCE:
                self._reporter.write(".", flush=True)
                self._heard = time.monotonic()


@pytest.hookimpl(trylast=True)  # when there is a reporter
def pytest_configure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if config.getoption("numprocesses", None) and reporter is not None:
        pulse = Pulse(reporter)
        config.pluginmanager.register(pulse)
        pulse.start()


@pytest.fixture(scope="module", params=["compiled", "interpreted"])
def extensions(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that use it run with the compiled parts and without: Python does all of the work then."""
    from pjsipdiag.capture.fast import compiled
    from pjsipdiag.diagnosis.calls import fold

    if request.param == "compiled" and (compiled.passed is None or fold.taker is None):
        pytest.skip("needs the compiled parts: a C compiler when pjsipdiag is installed (apt install gcc python3-dev)")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "interpreted":
            patch.setattr(compiled, "passed", None)
            patch.setattr(fold, "taker", None)
        yield
