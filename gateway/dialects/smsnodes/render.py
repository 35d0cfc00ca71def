"""Answers as the page shows them: JSON objects, and headers that let programs in browsers read them (contract 4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Response

from gateway.dialects.smsnodes.uncertain import ENCRYPTION, QUEUED, STATES
from gateway.services.devices import JobState
from gateway.web.dialect import Answer

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, X-Request-Id",
    "Access-Control-Max-Age": "86400",
}


def error(answer: Answer) -> Response:
    """The error body of contract 2.3."""
    return _json({"error": answer.words}, answer.status)


def queued(number: int, *, online: bool, at_once: bool) -> Response:
    """200 with the job's number (contract 2.2)."""
    return _json({"message": QUEUED, "messageId": number, "deviceOnline": online, "sentImmediately": at_once}, 200)


def health(now: datetime, connected: int | None, *, ssl: bool) -> Response:
    """200 with five fields, or 503 with the same when ``connected`` is not known (contract 3)."""
    body = {
        "status": "unhealthy" if connected is None else "healthy",
        "timestamp": stamp(now),
        "ssl": ssl,
        "encryption": ENCRYPTION,
        "connectedDevices": connected or 0,
    }
    return _json(body, 503 if connected is None else 200)


def state(job: JobState) -> Response:
    """200 with what became of each message of a job."""
    recipients = [
        {"phoneNumber": each.recipient, "state": STATES[each.state], "updatedAt": stamp(each.updated_at)} for each in job.recipients
    ]
    return _json({"messageId": job.number, "createdAt": stamp(job.created_at), "recipients": recipients}, 200)


def preflight() -> Response:
    """204: any page may call."""
    response = Response(status=204, headers=PREFLIGHT)
    del response.headers["Content-Type"]
    return response


def open_to_browsers(response: Response) -> None:
    """Lets a page of any origin read the answer; nothing here goes by cookies."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Outcome, X-Request-Id"


def stamp(moment: datetime) -> str:
    """``2024-01-15T10:30:00Z``, to the second as the page has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json", headers={"Cache-Control": "no-store"})
