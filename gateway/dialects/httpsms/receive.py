"""A telephone brings what came in: messages with their files, and missed calls (contract android-devices A.3)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import structlog
from flask import Response

from gateway.dialects.httpsms import phone_schemas, reading, render, submission
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.handset_callers import Handset, handset
from gateway.dialects.httpsms.numbers import contact
from gateway.dialects.httpsms.received import received_fields
from gateway.dialects.httpsms.uncertain import MISSED_CALL_REQUEST, PREFIX, SIMS
from gateway.domain.errors import GatewayError, MissingField
from gateway.domain.inbound import Inbound, InboundKind
from gateway.domain.order import Submission
from gateway.services import phone_side, threads
from gateway.services.phone_side import InboundMessage
from gateway.services.phones import Phone
from gateway.services.rows import Caller
from gateway.web import submitting
from gateway.web.authentication import current_gateway

log = structlog.get_logger()
_message, _call = phone_schemas.Receive(), phone_schemas.MissedCall()


@blueprint.post(PREFIX + "/messages/receive")
def receive_message() -> Response:
    """Stores a message. The program gives up on a refusal, so there are as few as can be; credit is not asked for."""
    known = handset()
    given = reading.values(_message)
    if not given["content"] and not given["attachments"]:
        raise MissingField("content")
    kind = InboundKind.MMS if given["attachments"] else InboundKind.SMS
    return render.success(received_fields(_stored(known, given, kind), known.caller), "message received successfully")


@blueprint.post(PREFIX + "/messages/calls/missed")
def receive_call() -> Response:
    """Stores a missed call, and sends the reply that its number wants, once for each call."""
    known = handset()
    given = reading.values(_call) | {"content": "", "encrypted": False, "attachments": []}
    row = _stored(known, given, InboundKind.CALL)
    phone = known.phone(given["to"])
    if phone is not None and phone.missed_call_auto_reply:
        _reply(known.caller, phone, row, phone.missed_call_auto_reply)
    return render.success(received_fields(row, known.caller), "missed call stored successfully")


def _stored(known: Handset, given: dict[str, Any], kind: InboundKind) -> InboundMessage:
    gateway = current_gateway()
    phone = known.phone(given["to"])
    message = Inbound(
        sender=given["sender"],
        recipient=given["to"],
        text=given["content"],
        at=given["timestamp"] or gateway.clock.now(),
        kind=kind,
        sim=given["sim"] if given["sim"] in SIMS else SIMS[0],
        is_encrypted=given["encrypted"],
        attachments=given["attachments"],
    )
    return phone_side.received(gateway, known.caller.account_id, phone, message)


def _reply(caller: Caller, phone: Phone, call: InboundMessage, text: str) -> None:
    """Sends the text to who called. That it cannot be sent is no reason to refuse the call, which would come again and again."""
    gateway = current_gateway()
    try:
        to = contact(call.sender)
        request_id = f"{MISSED_CALL_REQUEST}{call.public_id}"
        values = {"attachments": [], "sender": phone.number, "content": text, "encrypted": False, "request_id": request_id}

        def read(fresh: Caller) -> Submission:
            order, _ = submission.read(gateway, fresh, values, [to], hashlib.sha256(request_id.encode()).digest())
            return replace(order, idempotency_key=request_id)

        accepted = submitting.submit(caller, lambda: handset().caller, read)
        if not accepted.is_repeat:
            threads.touch(gateway, caller.account_id, phone.number, [(to, text)], accepted.id, accepted.accepted_at)
    except GatewayError as error:
        log.warning("auto_reply_not_sent", account=caller.account_name, error=type(error).__name__)
