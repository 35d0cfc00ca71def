"""What a telephone forwards: messages that came in, states once more, signs of life. Signed by the telephone.

An event that we do not know is no error, or the telephone would repeat it for days.
Source: contract android-devices B.7.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from flask import request

from gateway.connectors import android
from gateway.domain.errors import UnknownKey
from gateway.domain.handset import key_of
from gateway.inlets.android import schemas
from gateway.services import dispatching, handset_work, handsets
from gateway.services.core import Gateway
from gateway.services.handsets import HandsetState
from gateway.web.bodies import json_object

WINDOW_SECONDS = 7 * 86_400
"""How old a signature may be. The program signs each try anew, but a telephone's clock may be wrong, and days off without a network."""


def receive(gateway: Gateway, handset_id: str, body: bytes) -> None:
    """Takes one forwarded event.

    Raises:
        UnknownKey: no such telephone, or it did not sign this.
        MalformedRequest: no JSON object.
    """
    handset = handsets.by_id(gateway, handset_id)
    key = handsets.signing_key(gateway, handset_id) if handset else None
    if handset is None or key is None or not _is_signed(gateway, body, key):
        raise UnknownKey
    event = json_object(body)
    handsets.heard_of(gateway, handset)
    payload = event.get("payload")
    if isinstance(payload, dict):
        _act(gateway, handset, str(event.get("event")), str(event.get("id") or ""), payload)


def _is_signed(gateway: Gateway, body: bytes, key: str) -> bool:
    timestamp = request.headers.get("X-Timestamp", "")
    given = request.headers.get("X-Signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(gateway.clock.now().timestamp() - int(timestamp)) > WINDOW_SECONDS:
        return False
    digest = hmac.new(key.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest.encode(), given.lower().encode("utf-8", "replace"))


def _act(gateway: Gateway, handset: HandsetState, name: str, event_id: str, payload: Mapping[str, Any]) -> None:
    now = gateway.clock.now()
    if name in android.INBOUND_EVENTS:
        at = schemas.moment(payload.get("receivedAt"))
        came = android.inbound(name, event_id, payload, handset.numbers, gateway.settings.default_region, at, now)
        dispatching.record(gateway, handset.connector, [came])
    elif name in android.STATE_EVENTS:
        key = key_of(str(payload.get("messageId")))
        report = key and android.report(key, android.told_by(name, payload, schemas.moment), now)
        if report:
            handset_work.report(gateway, handset.connector, [report])
    elif name == "app:started":
        sims = schemas.sims_of_event(payload)
        if sims is not None:
            handsets.noted(gateway, handset.id, sims)
