"""The gateway's own description: the OpenAPI document of everything spoken here, and the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Blueprint, Response, current_app, request

from gateway.domain.errors import GatewayError
from gateway.web import swagger
from gateway.web.dialect import Dialect, Dialects, ErrorRow, ErrorTable
from gateway.web.errors import NATIVE, InternalError
from gateway.web.openapi import Operation, Success, document

blueprint = Blueprint("openapi", __name__)

HEALTH = {"type": "object", "properties": {"status": {"type": "string"}, "reason": {"type": "string"}}, "required": ["status"]}
TEXT = {"type": "string"}
OPERATIONS = (
    Operation(
        rule="/health",
        methods=("GET",),
        summary="Does the process live?",
        description="Asks nothing of the database, so that a short outage of it restarts no worker.",
        success=(Success(200, "It does.", schema=HEALTH, example={"status": "ok"}),),
    ),
    Operation(
        rule="/ready",
        methods=("GET",),
        summary="Can it serve?",
        success=(
            Success(200, "The database answers and its schema is current.", schema=HEALTH, example={"status": "ready"}),
            Success(
                503,
                "Not now; `reason` says why.",
                schema=HEALTH,
                example={"status": "unavailable", "reason": "the database does not answer"},
            ),
        ),
        errors=(InternalError,),
    ),
    Operation(
        rule="/metrics",
        methods=("GET",),
        summary="Figures for Prometheus",
        description="Counters of all workers, and the backlog. Holds no telephone number, key or name.",
        success=(Success(200, "Prometheus's text format.", media="text/plain", schema=TEXT),),
        errors=(InternalError,),
    ),
    Operation(
        rule="/openapi.json",
        methods=("GET",),
        summary="This description",
        success=(Success(200, "OpenAPI 3.1.", schema={"type": "object"}), Success(304, "As under `If-None-Match`.")),
    ),
    Operation(
        rule="/docs",
        methods=("GET",),
        summary="This description, for people",
        success=(Success(200, "Swagger UI.", media="text/html", schema=TEXT),),
    ),
)


@dataclass(frozen=True, slots=True)
class _Native:
    """What belongs to no dialect."""

    name: str = "gateway"
    title: str = "The gateway itself"
    operations: tuple[Operation, ...] = OPERATIONS
    errors: ErrorTable = field(default_factory=lambda: _rows(NATIVE))
    error_schema: dict[str, Any] | None = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"error": TEXT, "message": TEXT},
            "required": ["error", "message"],
        }
    )
    error_media: str = "application/json"
    security: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def _rows(statuses: Mapping[type[GatewayError], int]) -> dict[type[GatewayError], ErrorRow]:
    return {kind: ErrorRow(status, kind.__name__, str) for kind, status in statuses.items()}


@blueprint.get("/openapi.json")
def specification() -> Response:
    """The OpenAPI document of the dialects that this host name speaks. Written when first asked for: most workers never are."""
    dialects: Dialects = current_app.extensions["dragoman.dialects"]
    host = request.environ.get("HTTP_HOST", "")
    here = tuple(each for each in dialects.active if dialects.of(each.paths[0], host) is each)
    written: dict[tuple[str, ...], bytes] = current_app.extensions.setdefault("dragoman.openapi", {})
    names = tuple(each.name for each in here)
    if names not in written:
        written[names] = json.dumps(described(here), ensure_ascii=False).encode()
    response = Response(written[names], mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/docs")
def page() -> Response:
    """The document, for people."""
    return swagger.swagger_page("/docs/assets", "/openapi.json")


@blueprint.get("/docs/assets/<name>")
def asset(name: str) -> Response:
    """A file that the page needs."""
    return swagger.asset(name)


def described(dialects: tuple[Dialect, ...]) -> dict[str, Any]:
    """The OpenAPI document of these dialects and of the gateway itself."""
    return document((*dialects, _Native()), _version())


def _version() -> str:
    try:
        return version("dragoman")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
