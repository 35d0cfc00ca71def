"""What Prometheus may read. No telephone number, key, name or raw path is ever a label.

With several workers each process writes its counters to a file in ``PROMETHEUS_MULTIPROC_DIR`` (set by
``gunicorn.conf.py``) and a scrape adds them up, so it does not matter which worker answers.
"""

from __future__ import annotations

import os
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.services.core import Gateway
from gateway.services.watching import backlog

REQUESTS = Counter("dragoman_requests_total", "Requests answered.", ["dialect", "endpoint", "status"])
REQUEST_SECONDS = Histogram(
    "dragoman_request_seconds", "Time to answer.", ["dialect", "endpoint"], buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
)
MESSAGES_ACCEPTED = Counter("dragoman_messages_accepted_total", "Messages accepted and charged.", ["dialect"])
UNSUPPORTED_CALLS = Counter("dragoman_unsupported_calls_total", "Documented calls that are not available yet.", ["dialect", "call"])
QUIET_ENDPOINTS = frozenset({"health.live", "health.ready", "health.prometheus"})


@lru_cache(maxsize=2048)
def of_request(dialect: str, endpoint: str, status: str) -> tuple[Counter, Histogram]:
    """The two series that one request counts in. Routes and statuses are few, so each pair is looked up once."""
    return REQUESTS.labels(dialect, endpoint, status), REQUEST_SECONDS.labels(dialect, endpoint)


def render(gateway: Gateway) -> bytes:
    """The text of one scrape: all workers' counters, and the backlog as the database has it now."""
    now = CollectorRegistry()
    waiting = Gauge("dragoman_messages_waiting", "Messages due and not yet sent.", ["connector", "priority"], registry=now)
    oldest = Gauge(
        "dragoman_oldest_waiting_seconds", "How long the oldest due message has waited.", ["connector", "priority"], registry=now
    )
    unknown = Gauge("dragoman_messages_unknown", "Messages of uncertain outcome.", ["connector"], registry=now)
    lease = Gauge("dragoman_connector_owned", "1 while a dispatcher owns the connector.", ["connector"], registry=now)
    found = backlog(gateway)
    for line in found.waiting:
        waiting.labels(line.connector, str(line.priority)).set(line.count)
        oldest.labels(line.connector, str(line.priority)).set(line.oldest_seconds)
    for connector, count in found.unknown.items():
        unknown.labels(connector).set(count)
    for connector, owned in found.owned.items():
        lease.labels(connector).set(1 if owned else 0)
    return _counters() + generate_latest(now)


def _counters() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
