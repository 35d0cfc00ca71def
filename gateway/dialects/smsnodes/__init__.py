"""The SMS Nodes gateway API: devices that send, with their password in every body. ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.smsnodes.errors import ERROR_SCHEMA, ERRORS
from gateway.dialects.smsnodes.openapi import OPERATIONS
from gateway.dialects.smsnodes.render import error, open_to_browsers
from gateway.dialects.smsnodes.routes import blueprint
from gateway.dialects.smsnodes.uncertain import HEALTH, NAME, SEND, STATE
from gateway.web.dialect import Dialect

DIALECT = Dialect(
    name=NAME,
    title="SMS Nodes gateway API",
    paths=(SEND, HEALTH, STATE),
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    collapse_slashes=True,
    actions=("send", "read"),
    operations=OPERATIONS,
    error_schema=ERROR_SCHEMA,
    added_headers=open_to_browsers,
)
