"""Turns whatever went wrong into the words of the dialect that was spoken to.

Blueprints never see routing errors (404 and 405), so the dialect is found by the path and the host.
"""

from __future__ import annotations

import json

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from gateway.domain import errors
from gateway.web.dialect import Dialect, Dialects

log = structlog.get_logger()


class InternalError(errors.Unavailable):
    """A defect of the gateway. Logged with its trace; the customer is told nothing of it."""


NATIVE: dict[type[errors.GatewayError], int] = {
    errors.InvalidInput: 400,
    errors.AuthenticationFailed: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.InsufficientCredit: 402,
    errors.Throttled: 429,
    errors.NotBuilt: 501,
    errors.Unavailable: 503,
    InternalError: 500,
}


def install(app: Flask, dialects: Dialects) -> None:
    """Registers the handlers for every kind of failure."""

    @app.errorhandler(errors.GatewayError)
    def refused(error: errors.GatewayError) -> Response:
        return _told(dialects, error)

    @app.errorhandler(HTTPException)
    def routing(error: HTTPException) -> Response:
        return _told(dialects, _translated(error))

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        log.error("defect", exc_info=error, endpoint=request.endpoint)
        return _told(dialects, InternalError("internal error"))


def spoken(dialects: Dialects) -> Dialect | None:
    """The dialect that the running request speaks."""
    return dialects.of(request.path, request.environ.get("HTTP_HOST", ""))


def _told(dialects: Dialects, error: errors.GatewayError) -> Response:
    request.environ["dragoman.error"] = type(error).__name__
    dialect = spoken(dialects)
    if dialect is not None:
        answer = dialect.answer(error)
        response = dialect.render_error(answer)
        response.headers.extend(answer.headers)
    else:
        status = next(NATIVE[kind] for kind in type(error).__mro__ if kind in NATIVE)
        body = {"error": type(error).__name__, "message": str(error)}
        response = Response(json.dumps(body), status, mimetype="application/json")
    if isinstance(error, errors.MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, errors.Throttled):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.RequestTooLarge):
        response.headers["Connection"] = "close"
    return response


def _translated(error: HTTPException) -> errors.GatewayError:
    if isinstance(error, NotFound):
        return errors.NotFound("path")
    if isinstance(error, MethodNotAllowed):
        return errors.MethodNotAllowed(tuple(sorted(error.valid_methods or ())))
    if isinstance(error, RequestEntityTooLarge):
        return errors.RequestTooLarge(0)
    if error.code is not None and error.code < 500:
        return errors.MalformedRequest(error.name)
    log.error("defect", exc_info=error, endpoint=request.endpoint)
    return InternalError("internal error")
