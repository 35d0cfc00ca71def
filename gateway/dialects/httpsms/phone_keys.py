"""Keys of handsets (contract 5.6)."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.limits import limit_reached
from gateway.dialects.httpsms.reading import identifier
from gateway.dialects.httpsms.uncertain import MASK, PREFIX
from gateway.dialects.httpsms.users import email_of
from gateway.domain.errors import InvalidField
from gateway.services import phone_keys
from gateway.services.phone_keys import PhoneKey, TooManyKeys
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway

_page, _body = owner_schemas.KeyPage(), owner_schemas.KeyBody()


@blueprint.get(PREFIX + "/phone-api-keys")
def list_phone_keys() -> Response:
    """Some of the user's phone keys, newest first. Of each only the beginning is known."""
    known = caller("read")
    wanted = reading.query_values(_page)
    rows = phone_keys.listed(current_gateway(), known, wanted["skip"], wanted["limit"])
    return render.success([key_fields(row, known) for row in rows], f"fetched {len(rows)} phone API keys")


@blueprint.post(PREFIX + "/phone-api-keys")
def create_phone_key() -> Response:
    """Makes a phone key. Only this answer ever tells it whole."""
    known = caller("manage")
    name = reading.values(_body)["name"]
    if not name.isprintable():
        raise InvalidField("name", "must be 1 to 60 printable characters")
    try:
        made = phone_keys.create(current_gateway(), known, name)
    except TooManyKeys as error:
        return limit_reached(error, f"A user may have {phone_keys.MOST_KEYS} phone API keys")
    return render.success(key_fields(made, known), "phone API key created")


@blueprint.delete(PREFIX + "/phone-api-keys/<key_id>")
def delete_phone_key(key_id: str) -> Response:
    """Ends a phone key."""
    known = caller("manage")
    phone_keys.revoke(current_gateway(), known, identifier(key_id, "phoneAPIKeyID"))
    return render.empty()


@blueprint.delete(PREFIX + "/phone-api-keys/<key_id>/phones/<phone_id>")
def unbind_phone(key_id: str, phone_id: str) -> Response:
    """Frees a phone from a key."""
    known = caller("manage")
    phone_keys.unbind(current_gateway(), known, identifier(key_id, "phoneAPIKeyID"), identifier(phone_id, "phoneID"))
    return render.empty()


def key_fields(row: PhoneKey, known: Caller) -> dict[str, Any]:
    """A phone key as its object."""
    return {
        "id": str(row.id),
        "name": row.name,
        "user_id": known.user_key,
        "user_email": email_of(known.username),
        "phone_numbers": [number for _, number in row.phones],
        "phone_ids": [str(phone_id) for phone_id, _ in row.phones],
        "api_key": row.key or row.prefix + MASK,
        "created_at": render.moment(row.created_at),
        "updated_at": render.moment(row.created_at),
    }
