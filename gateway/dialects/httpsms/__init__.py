"""The httpSMS user API, version 1. ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.httpsms import (
    billing,
    bulk_files,
    events,
    fcm,
    heartbeats,
    messages,
    outstanding,
    phone_keys,
    phones,
    receive,
    received,
    schedules,
    threads,
    users,
    webhooks,
)
from gateway.dialects.httpsms.blueprint import allow_any_origin, blueprint
from gateway.dialects.httpsms.errors import ERROR_SCHEMA, ERRORS
from gateway.dialects.httpsms.openapi_messages import MESSAGE_OPERATIONS, SECURITY
from gateway.dialects.httpsms.openapi_owner import OWNER_OPERATIONS
from gateway.dialects.httpsms.openapi_phone import PHONE_OPERATIONS
from gateway.dialects.httpsms.render import error
from gateway.dialects.httpsms.uncertain import NAME, PREFIX
from gateway.web.dialect import Dialect

ROUTES = (
    billing, bulk_files, events, fcm, heartbeats, messages, outstanding, phone_keys, phones, receive, received, schedules, threads, users,
    webhooks,
)  # fmt: skip
"""The modules that hang their calls on the blueprint."""

DIALECT = Dialect(
    name=NAME,
    title="httpSMS user API v1",
    paths=(PREFIX,),
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    actions=("send", "read", "manage"),
    operations=(*MESSAGE_OPERATIONS, *OWNER_OPERATIONS, *PHONE_OPERATIONS),
    error_schema=ERROR_SCHEMA,
    security=SECURITY,
    added_headers=allow_any_origin,
)
