"""The httpSMS user API, version 1. ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.httpsms import billing as billing
from gateway.dialects.httpsms import bulk_files as bulk_files
from gateway.dialects.httpsms import heartbeats as heartbeats
from gateway.dialects.httpsms import later as later
from gateway.dialects.httpsms import messages as messages
from gateway.dialects.httpsms import phone_keys as phone_keys
from gateway.dialects.httpsms import phones as phones
from gateway.dialects.httpsms import schedules as schedules
from gateway.dialects.httpsms import threads as threads
from gateway.dialects.httpsms import users as users
from gateway.dialects.httpsms import webhooks as webhooks
from gateway.dialects.httpsms.blueprint import allow_any_origin, blueprint
from gateway.dialects.httpsms.errors import ERROR_SCHEMA, ERRORS
from gateway.dialects.httpsms.openapi_messages import MESSAGE_OPERATIONS, SECURITY
from gateway.dialects.httpsms.openapi_owner import OWNER_OPERATIONS
from gateway.dialects.httpsms.render import error
from gateway.dialects.httpsms.uncertain import NAME, PREFIX
from gateway.web.dialect import Dialect

DIALECT = Dialect(
    name=NAME,
    title="httpSMS user API v1",
    paths=(PREFIX,),
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    actions=("send", "read", "manage"),
    operations=MESSAGE_OPERATIONS + OWNER_OPERATIONS,
    error_schema=ERROR_SCHEMA,
    security=SECURITY,
    added_headers=allow_any_origin,
)
