"""Nothing is silent for long: while many tests are collected, or one of them takes its time, a dot says so."""

from __future__ import annotations

import threading
import time

import pytest

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


def pytest_configure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if config.getoption("numprocesses", None) and reporter is not None:
        pulse = Pulse(reporter)
        config.pluginmanager.register(pulse)
        pulse.start()
