"""Counts for Prometheus. Labels are rules and outcomes only: nothing that a packet says becomes one."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from pjsipdiag.errors import PjsipdiagError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

LOOPBACK = "127.0.0.1"

Value = float | Mapping[str, float]
"""One number, or numbers by the value of the only label."""
METRICS: dict[str, tuple[str, str, str]] = {
    "messages": ("counter", "", "SIP messages that were read"),
    "calls": ("counter", "outcome", "inbound calls by what the configuration makes of them"),
    "causes": ("counter", "rule", "causes that were told"),
    "causes_left_out": ("counter", "rule", "causes that were too many in their minute to be told"),
    "packets_lost": ("counter", "", "packets that the kernel dropped before they were read"),
    "passed_over": ("counter", "", "packets that may hold SIP and could not be read"),
    "calls_given_up": ("counter", "", "calls that were not judged, for the memory that they took"),
    "told": ("counter", "outcome", "causes handed to --exec and --webhook"),
    "configuration_reads": ("counter", "outcome", "changed configurations: taken, or refused as broken"),
    "last_message_seconds": ("gauge", "", "when the last SIP message was sent"),
    "judging_seconds": ("gauge", "", "how long the last window took to judge"),
}
"""Name -> kind, label, help."""


class Counts:
    """A collector of prometheus_client: asks `values` whenever it is scraped."""

    def __init__(self, values: Callable[[], Mapping[str, Value]]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, value in self._values().items():
            kind, label, help_ = METRICS[name]
            made = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(
                f"pjsipdiag_{name}", help_, labels=[label] if label else None
            )
            for one, count in value.items() if isinstance(value, Mapping) else [("", value)]:
                made.add_metric([one] if label else [], count)
            yield made


def serve(address: str, values: Callable[[], Mapping[str, Value]]) -> None:
    """Serves them at ADDRESS:PORT, or at PORT of the loopback address. Raises PjsipdiagError."""
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError:
        raise PjsipdiagError("--metrics takes prometheus_client: pip install '.[watch]' in a checkout") from None
    host, port = _place(address)
    registry = CollectorRegistry()
    registry.register(Counts(values))
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise PjsipdiagError(f"--metrics {address}: {error.strerror}") from None


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    try:
        number = int(port)
        host = str(ipaddress.ip_address(host.strip("[]"))) if host else LOOPBACK
    except ValueError:
        number = -1
    if not 0 < number < 65536:
        raise PjsipdiagError(f"--metrics {address!r} is no address: give it as 9101 or 192.0.2.1:9101")
    return host, number
