"""A telephone asks for the one message that a push was about (contract android-devices A.3)."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.dialects.httpsms import objects, render
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.handset_callers import Handset, handset
from gateway.dialects.httpsms.phone_schemas import Outstanding
from gateway.dialects.httpsms.reading import identifier, query_values
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.services import messages, phone_side
from gateway.services.phone_side import Taken
from gateway.services.phones import Phone
from gateway.web.authentication import current_gateway

_query = Outstanding()


@blueprint.get(PREFIX + "/messages/outstanding")
def fetch_outstanding() -> Response:
    """Hands the message out, once."""
    known = handset()
    wanted = identifier(query_values(_query)["message_id"], "message_id")
    taken = phone_side.take(current_gateway(), known.serving(), wanted)
    return render.success(taken_fields(known, taken), "outstanding message fetched successfully")


def taken_fields(known: Handset, taken: Taken) -> dict[str, Any]:
    """The message as the telephone needs it: what is to be sent, from which card; every key that its program insists on is filled."""
    shown = messages.get(current_gateway(), taken.account_id, taken.id)
    return objects.message(shown, known.caller) | from_phone(taken.phone) | {"content": taken.text}


def from_phone(phone: Phone) -> dict[str, Any]:
    """Number and card that a message goes out from. The sender of a message of another dialect may be a name."""
    return {"owner": phone.number, "sim": phone.sim}
