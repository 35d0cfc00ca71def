"""Answers as the program reads them.

Source: contract android-devices B.2 and B.3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response

from gateway.connectors import android
from gateway.services.handset_work import Offered
from gateway.services.handsets import HandsetState, Registered

EMPTY = 204


def answer(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(json.dumps(value, ensure_ascii=False), status, mimetype="application/json", headers={"Cache-Control": "no-store"})


def nothing() -> Response:
    """The answer that says only that all is well."""
    return Response(status=EMPTY)


def date(moment: datetime) -> str:
    """Exactly three digits behind the second: the program reads more of them as so many milliseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def registered(made: Registered) -> dict[str, str]:
    """What a telephone keeps of its registration."""
    told = {"id": made.id, "token": made.token, "login": made.login}
    return told if made.password is None else told | {"password": made.password}


def device(handset: HandsetState) -> dict[str, Any]:
    """The telephone itself."""
    return {"id": handset.id, "name": handset.name, "createdAt": date(handset.created_at), "lastSeen": date(handset.last_seen)}


def message(offer: Offered, values: Mapping[str, Any], numbers: Mapping[str, str]) -> dict[str, Any]:
    """One message to one recipient: reports are per message, and a state of several would hide the single ones."""
    sent = offer.outgoing
    told: dict[str, Any] = {
        "id": offer.name,
        "textMessage": {"text": sent.text},
        "phoneNumbers": [sent.recipient],
        "withDeliveryReport": sent.wants_receipt,
        "validUntil": date(offer.valid_until),
        "priority": android.PRIORITIES[offer.priority],
        "state": "Cancelling" if offer.is_called_back else "Pending",
        "createdAt": date(offer.started_at),
    }
    slot = android.sim_number(values, sent.originator, numbers)
    return told if slot is None else told | {"simNumber": slot}
