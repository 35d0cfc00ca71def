"""A telephone tells what became of a message (contract android-devices A.3).

Its program pastes the reason into the body without escaping it, so a reason with a quote in it is no JSON; refused, it would send the same
for ever. What can be read of such a body is taken.
"""

from __future__ import annotations

import json
import re
from collections import deque
from contextlib import suppress
from typing import Any

from flask import Response

from gateway.dialects.httpsms import objects, reading, render
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.handset_callers import handset
from gateway.dialects.httpsms.outstanding import from_phone
from gateway.dialects.httpsms.phone_schemas import PhoneEvent
from gateway.dialects.httpsms.reading import identifier
from gateway.dialects.httpsms.uncertain import NO_REASON, PREFIX
from gateway.domain.errors import MalformedRequest
from gateway.services import messages, phone_side
from gateway.web.authentication import current_gateway
from gateway.web.bodies import decoded

_body = PhoneEvent()
_name = re.compile(r'"event_name"\s*:\s*"([A-Za-z]+)"').search
_time = re.compile(r'"timestamp"\s*:\s*"([0-9T:.Z+-]+)"').findall
_begin = re.compile(r'"reason"\s*:\s*"').search
_ends = (re.compile(r'"\s*,\s*"(?:timestamp|event_name)"\s*:').finditer, re.compile(r'"\s*\}').finditer)


@blueprint.post(PREFIX + "/messages/<message_id>/events")
def store_event(message_id: str) -> Response:
    """Records it; said again, it changes nothing. Parts of long messages, which older programs tell of one by one, are passed over."""
    known = handset()
    if "." in message_id:
        return render.empty()
    wanted = identifier(message_id, "messageID")
    given = _read()
    gateway = current_gateway()
    at = given["timestamp"] or gateway.clock.now()
    served = known.serving()
    account = phone_side.tell(gateway, served, wanted, given["event_name"], given["reason"].strip() or NO_REASON, at)
    shown = messages.get(gateway, account, wanted)
    told = objects.message(shown, known.caller)
    if shown.phone is None:
        told |= from_phone(served[0])
    return render.success(told, "message event stored successfully")


def _read() -> dict[str, Any]:
    """The body's values.

    Raises:
        MalformedRequest, RequestTooLarge, InvalidFields
    """
    try:
        return reading.values(_body)
    except MalformedRequest:
        saved = salvaged(decoded(reading.body()))
        if saved is None:
            raise
        return _body.read_all(saved)


def salvaged(text: str) -> dict[str, str] | None:
    """What can be read of a body that is no JSON; None where not even the event can."""
    with suppress(ValueError, RecursionError):
        json.loads(text)
        return None  # it is JSON, and wrong in another way
    name, times, reason = _name(text), _time(text), _reason(text)
    if name is None:
        return None
    found = {"event_name": name[1]}
    if times:
        found["timestamp"] = times[-1]
    if reason:
        found["reason"] = reason
    return found


def _reason(text: str) -> str:
    """From where the reason begins to the last place where it can end. Each is looked for once: as one pattern, a long body would take
    the square of its length.
    """
    begin = _begin(text)
    if begin is None:
        return ""
    for ends in _ends:
        if last := deque(ends(text, begin.end()), maxlen=1):
            return text[begin.end() : last[0].start()]
    return ""
