"""The bulk SMS API v1 (user name and password) and v2 (API key) that UGSMS made known. ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.bulk.errors import ERROR_SCHEMA, ERRORS
from gateway.dialects.bulk.openapi import OPERATIONS, SECURITY
from gateway.dialects.bulk.render import added_headers, error
from gateway.dialects.bulk.routes import blueprint
from gateway.dialects.bulk.uncertain import NAME
from gateway.web.dialect import Dialect

DIALECT = Dialect(
    name=NAME,
    title="Bulk SMS API v1 and v2",
    paths=(
        "/v1/sms",
        "/api/v2",
        "/api/generate-key",
        "/api/revoke-key",
        "/api/regenerate-key",
        "/api/oauth2-callback",
        "/api/oauth2-redirect.js",
    ),
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    collapse_slashes=True,
    actions=("send", "read", "keys"),
    operations=OPERATIONS,
    error_schema=ERROR_SCHEMA,
    security=SECURITY,
    added_headers=added_headers,
)
