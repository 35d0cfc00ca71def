"""The numbers that the account sends from (contract 5.2)."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.reading import identifier
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.domain.errors import InvalidField
from gateway.services import phones
from gateway.services.phones import Phone, PhoneChange
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway

_page, _body = owner_schemas.PhonePage(), owner_schemas.PhoneBody()


@blueprint.get(PREFIX + "/phones")
def list_phones() -> Response:
    """Some of the account's phones, newest first."""
    known = caller("read")
    wanted = reading.query_values(_page)
    rows = phones.listed(current_gateway(), known.account_id, wanted["query"], wanted["skip"], wanted["limit"])
    return render.success([phone_fields(row, known) for row in rows], f"fetched {len(rows)} phones")


@blueprint.put(PREFIX + "/phones")
def upsert_phone() -> Response:
    """Makes a phone, or changes what is given of the one with this number."""
    known = caller("manage")
    given = reading.values(_body)
    if given["max_send_attempts"] and given["message_expiration_seconds"] is None:
        raise InvalidField("message_expiration_seconds", "is required with max_send_attempts")
    row = phones.register(current_gateway(), known, given["phone_number"], change_of(given))
    return render.success(phone_fields(row, known), "phone saved")


@blueprint.delete(PREFIX + "/phones/<phone_id>")
def delete_phone(phone_id: str) -> Response:
    """Takes a phone away; 200 with null, as the original answers."""
    known = caller("manage")
    phones.delete(current_gateway(), known.account_id, identifier(phone_id, "phoneID"))
    return render.success(None, "phone deleted")


def change_of(given: dict[str, Any]) -> PhoneChange:
    """The values of a body; what is 0 or absent changes nothing."""
    return PhoneChange(
        sim=None if given["sim"] is None else "SIM2" if given["sim"] == "SIM2" else "SIM1",
        messages_per_minute=given["messages_per_minute"] or None,
        max_send_attempts=given["max_send_attempts"] or None,
        message_expiration_seconds=given["message_expiration_seconds"],
        missed_call_auto_reply=given["missed_call_auto_reply"],
        unarchive_thread=given["unarchive_thread"],
        push_token=given["fcm_token"],
        schedule_id=given["message_send_schedule_id"],
    )


def phone_fields(row: Phone, known: Caller) -> dict[str, Any]:
    """A phone as its object."""
    return {
        "id": str(row.id),
        "user_id": known.user_key,
        "fcm_token": row.push_token,
        "phone_number": row.number,
        "messages_per_minute": row.messages_per_minute,
        "sim": row.sim,
        "message_send_schedule_id": None if row.schedule_id is None else str(row.schedule_id),
        "max_send_attempts": row.max_send_attempts,
        "message_expiration_seconds": row.message_expiration_seconds,
        "missed_call_auto_reply": row.missed_call_auto_reply,
        "unarchive_thread": row.unarchive_thread,
        "created_at": render.moment(row.created_at),
        "updated_at": render.moment(row.updated_at),
    }
