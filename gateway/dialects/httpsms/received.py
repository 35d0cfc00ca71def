"""What came in, as a message object (contract section 2), and its files (4.8)."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import quote

from flask import Response

from gateway.dialects.httpsms import objects
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.reading import identifier
from gateway.dialects.httpsms.render import moment
from gateway.dialects.httpsms.uncertain import ATTACHMENT_TYPES, MISSED_CALL, ORIGINATED, PREFIX, RECEIVED, SIMS
from gateway.domain.errors import InvalidField, NotFound
from gateway.domain.inbound import InboundKind, file_name
from gateway.services import phone_side
from gateway.services.phone_side import InboundMessage
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway


def received_fields(row: InboundMessage, caller: Caller) -> dict[str, Any]:
    """A message or a missed call that came in; nothing of sending is filled."""
    return objects.NOT_YET | {
        "id": str(row.public_id),
        "request_id": None,
        "owner": row.recipient or "",
        "user_id": objects.user_id(caller),
        "contact": row.sender,
        "content": row.text,
        "attachments": _urls(row, objects.user_id(caller)),
        "encrypted": row.is_encrypted,
        "type": MISSED_CALL if row.kind == InboundKind.CALL else ORIGINATED,
        "status": RECEIVED,
        "sim": row.sim or SIMS[0],
        "request_received_at": moment(row.at),
        "created_at": moment(row.received_at),
        "updated_at": moment(row.received_at),
        "order_timestamp": moment(row.at),
        "received_at": moment(row.at),
        "send_attempt_count": 0,
        "max_send_attempts": 0,
        "can_be_polled": False,
    }


@blueprint.get(PREFIX + "/attachments/<user_id>/<message_id>/<index>/<file>")
def read_attachment(user_id: str, message_id: str, index: str, file: str) -> Response:
    """A file of a received message. Whoever knows its address may read it."""
    try:
        row = phone_side.received_of_user(current_gateway(), user_id, identifier(message_id, "messageID"))
    except InvalidField:
        raise NotFound("attachment") from None
    files = (row.attachments or []) if row is not None else []
    place = int(index) if re.fullmatch("[0-9]{1,2}", index) else len(files)
    found = files[place] if place < len(files) else None
    if found is None or not found["content"] or file_name(found["name"], place) != file:
        raise NotFound("attachment")
    try:
        content = base64.b64decode(found["content"])
    except ValueError:  # kept as a carrier's handset wrote it
        raise NotFound("attachment") from None
    response = Response(content, content_type=_type(found["content_type"]))
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _urls(row: InboundMessage, user_key: str) -> list[str]:
    """Where the files are read that were kept."""
    base = f"{current_gateway().settings.base_url}{PREFIX}/attachments/{user_key}/{row.public_id}"
    files = enumerate(row.attachments or [])
    return [f"{base}/{place}/{quote(file_name(each['name'], place))}" for place, each in files if each["content"]]


def _type(content_type: str) -> str:
    return content_type if content_type in ATTACHMENT_TYPES else "application/octet-stream"
