"""What Prometheus may read. No telephone number, key, name or raw path is ever a label.

With several workers each process writes its counters to a file in ``PROMETHEUS_MULTIPROC_DIR`` (set by
``gunicorn.conf.py``) and a scrape adds them up, so it does not matter which worker answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway.services.core import Gateway
from gateway.services.watching import Backlog, backlog

REQUESTS = Counter("dragoman_requests_total", "Requests answered.", ["dialect", "endpoint", "status"])
REQUEST_SECONDS = Histogram(
    "dragoman_request_seconds", "Time to answer.", ["dialect", "endpoint"], buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
)
MESSAGES_ACCEPTED = Counter("dragoman_messages_accepted_total", "Messages accepted and charged.", ["dialect"])
UNSUPPORTED_CALLS = Counter("dragoman_unsupported_calls_total", "Documented calls that are not available yet.", ["dialect", "call"])
QUIET_ENDPOINTS = frozenset({"health.live", "health.ready", "health.prometheus", "smsnodes.health", "openapi.asset"})


@lru_cache(maxsize=2048)
def of_request(dialect: str, endpoint: str, status: str) -> tuple[Counter, Histogram]:
    """The two series that one request counts in. Routes and statuses are few, so each pair is looked up once."""
    return REQUESTS.labels(dialect, endpoint, status), REQUEST_SECONDS.labels(dialect, endpoint)


def render(gateway: Gateway) -> bytes:
    """The text of one scrape: all workers' counters, and the backlog as the database has it now."""
    now = CollectorRegistry()
    now.register(_Now(backlog(gateway)))
    return _counters() + generate_latest(now)


class _Now(Collector):
    """The backlog as gauges of this one scrape. Ordinary gauges would be kept in the workers' files and come back with every later one."""

    def __init__(self, found: Backlog) -> None:
        self._found = found

    def collect(self) -> Iterator[Gauge]:
        waiting = Gauge("dragoman_messages_waiting", "Messages due and not yet sent.", labels=["connector", "priority"])
        oldest = Gauge("dragoman_oldest_waiting_seconds", "How long the oldest due message has waited.", labels=["connector", "priority"])
        unknown = Gauge("dragoman_messages_unknown", "Messages of uncertain outcome.", labels=["connector"])
        owned = Gauge("dragoman_connector_owned", "1 while a dispatcher owns the connector, if it is switched on.", labels=["connector"])
        connected = Gauge(
            "dragoman_connector_connected", "1 while the connector says that it is connected, if it is switched on.", labels=["connector"]
        )
        score = Gauge("dragoman_connector_score", "Share of its weight in hundredths that a connector has earned.", labels=["connector"])
        for line in self._found.waiting:
            waiting.add_metric([line.connector, str(line.priority)], line.count)
            oldest.add_metric([line.connector, str(line.priority)], line.oldest_seconds)
        for connector, count in self._found.unknown.items():
            unknown.add_metric([connector], count)
        for connector, is_owned in self._found.owned.items():
            owned.add_metric([connector], 1 if is_owned else 0)
        for connector, standing in self._found.standings.items():
            connected.add_metric([connector], 1 if standing.is_connected else 0)
            score.add_metric([connector], standing.score)
        callbacks = Gauge("dragoman_callbacks", "Calls to programs that wait, or were given up.", labels=["state"])
        for state, count in self._found.callbacks.items():
            callbacks.add_metric([state], count)
        yield from (waiting, oldest, unknown, owned, connected, score, callbacks)


def _counters() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
