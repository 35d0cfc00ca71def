"""What schemathesis is told beyond the document: good credentials most of the time, and what counts as a defect.

It is loaded by schemathesis (``SCHEMATHESIS_HOOKS``) in its own environment, so it imports nothing of the gateway.
"""

from __future__ import annotations

import json
import os
from typing import Any

import schemathesis

DEMO = json.loads(os.environ["FUZZ_DEMO"])
HEADERS = json.loads(os.environ["FUZZ_HEADERS"])
BULK_PATHS = "/api/"
IN_BODY_OR_QUERY = {
    "username": DEMO["username"],
    "password": DEMO["password"],
    "deviceUsername": DEMO["device"],
    "from": DEMO["phone"],
    "owner": DEMO["phone"],
}
DEVICE_PATHS = ("/api/send-sms", "/api/message-state")
PASSWORDS_CHANGE = "/pwdreset"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Seven of eight requests get past the door; else every one would end there."""
    if hash(str(case.id)) % 8 == 0:
        return
    key = DEMO["v2_api_key" if case.path.startswith(BULK_PATHS) else "api_key"]  # two dialects, one header
    case.headers = dict(case.headers or {}) | HEADERS | {"X-API-Key": key}
    values = dict(IN_BODY_OR_QUERY)
    if case.path in DEVICE_PATHS:
        values["password"] = DEMO["device_password"]
    for place in (case.query, case.body):
        if isinstance(place, dict) and not case.path.endswith(PASSWORDS_CHANGE):
            place.update({name: value for name, value in values.items() if name in place})


@schemathesis.check
def no_defect(ctx: Any, response: Any, case: Any) -> None:
    """500 is a defect of ours. 501 and 503 are answers that the document names."""
    if response.status_code in (500, 502, 504):
        raise AssertionError(f"{response.status_code} for {case.method} {case.path}")
