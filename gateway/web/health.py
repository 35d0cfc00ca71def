"""Whether the process lives, whether it can serve, and its figures."""

from __future__ import annotations

import json

from flask import Blueprint, Response

from gateway.domain.errors import StorageUnavailable
from gateway.services.schema import schema
from gateway.web import metrics
from gateway.web.authentication import current_gateway

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def live() -> Response:
    """The process answers. Says nothing of the database, so that a short outage does not restart the workers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/ready")
def ready() -> Response:
    """The database is there and its schema is current; else 503 with what is missing."""
    try:
        found = schema(current_gateway())
    except StorageUnavailable:
        return _json({"status": "unavailable", "reason": "the database does not answer"}, 503)
    if not found.is_current:
        return _json({"status": "unavailable", "reason": f"the database must be upgraded to {found.head}: run dragoman migrate"}, 503)
    return _json({"status": "ready"}, 200)


@blueprint.get("/metrics")
def prometheus() -> Response:
    """Counters of all workers and the backlog, for Prometheus."""
    return Response(metrics.render(current_gateway()), mimetype="text/plain")


def _json(value: dict[str, str], status: int) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json", headers={"Cache-Control": "no-store"})
