"""The HTTP API of the brevis.one SMS Gateway, formerly Braintower: ``/api.php`` and its neighbours. ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.brevisone.errors import ERRORS
from gateway.dialects.brevisone.openapi import OPERATIONS, SECURITY
from gateway.dialects.brevisone.render import error, not_kept
from gateway.dialects.brevisone.routes import blueprint
from gateway.dialects.brevisone.uncertain import API, CHECK, NAME, STATE
from gateway.web.dialect import Dialect

DIALECT = Dialect(
    name=NAME,
    title="brevis.one SMS Gateway HTTP API",
    paths=(API, CHECK, STATE),
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    collapse_slashes=True,
    actions=("send",),
    operations=OPERATIONS,
    error_media="text/plain",
    security=SECURITY,
    added_headers=not_kept,
)
