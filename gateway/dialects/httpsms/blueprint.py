"""The one blueprint that every call of this dialect hangs on, and what its routes share."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from gateway.dialects.httpsms.uncertain import NAME
from gateway.web.errors import spoken

blueprint = Blueprint(NAME, __name__)

ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST,PUT,DELETE,OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "*",
    "Access-Control-Max-Age": "3600",
}
"""Contract 1.3: any origin, any header, no credentials. Programs in a browser ask for this before each call."""


def allow_any_origin(response: Response) -> None:
    """Lets programs in browsers read the answer."""
    response.headers.update(ANY_ORIGIN)


@blueprint.before_app_request
def preflight() -> Response | None:
    """A browser's question before a call is answered for every path of the dialect, as the original does, without a key."""
    if request.method != "OPTIONS":
        return None
    dialect = spoken(current_app.extensions["dragoman.dialects"])
    if dialect is None or dialect.name != NAME:
        return None
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response
