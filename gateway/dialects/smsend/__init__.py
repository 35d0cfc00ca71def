"""The smSend REST API v1.0 (also Skebby, Aruba, Mobyt, Esendex Italia, SMSEnvoi). ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.smsend import blacklist, inbound
from gateway.dialects.smsend.errors import ERROR_SCHEMA, ERRORS
from gateway.dialects.smsend.openapi import OPERATIONS, SECURITY
from gateway.dialects.smsend.render import error
from gateway.dialects.smsend.routes import blueprint
from gateway.dialects.smsend.uncertain import NAME, PREFIX
from gateway.web.dialect import Dialect

ROUTES = (blacklist, inbound)
"""The modules that hang further calls on the blueprint."""

DIALECT = Dialect(
    name=NAME,
    title="smSend REST API v1.0",
    paths=(PREFIX,),
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    collapse_slashes=True,
    actions=("send", "read", "password"),
    operations=OPERATIONS,
    error_schema=ERROR_SCHEMA,
    security=SECURITY,
)
