"""Signs of life of handsets (contracts 5.3 and android-devices A.3)."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.handset_callers import handset
from gateway.dialects.httpsms.numbers import owner
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.domain.errors import MissingField
from gateway.services import heartbeats, phone_side
from gateway.services.heartbeats import Heartbeat
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway
from gateway.web.fields import UNSTORABLE

_page, _body = owner_schemas.HeartbeatPage(), owner_schemas.HeartbeatBody()


@blueprint.get(PREFIX + "/heartbeats")
def list_heartbeats() -> Response:
    """Some of a phone's heartbeats, newest first; one, when no number is asked for."""
    known = caller("read")
    wanted = reading.query_values(_page)
    rows = heartbeats.listed(current_gateway(), known.account_id, wanted["owner"], wanted["skip"], wanted["limit"])
    return render.success([heartbeat_fields(row, known) for row in rows], f"fetched {len(rows)} heartbeats")


@blueprint.post(PREFIX + "/heartbeats")
def store_heartbeat() -> Response:
    """Stores a heartbeat for each number of the handset."""
    known = handset()
    given = reading.values(_body)
    written = given["phone_numbers"] or ([given["owner"]] if given["owner"] else [])
    if not written:
        raise MissingField("phone_numbers")
    owned = [owner(each, "phone_numbers") for each in written]
    phones = [known.phone(each) for each in owned]
    rows = heartbeats.note(current_gateway(), known.caller.account_id, owned, _version(), charging=given["charging"])
    phone_side.called(current_gateway(), [each for each in phones if each])
    return render.success([heartbeat_fields(row, known.caller) for row in rows], "heartbeat stored", 201)


def heartbeat_fields(row: Heartbeat, known: Caller) -> dict[str, Any]:
    """A heartbeat as its object."""
    return {
        "id": str(row.id),
        "owner": row.owner,
        "version": row.version,
        "charging": row.charging,
        "user_id": known.user_key,
        "timestamp": render.moment(row.at),
    }


def _version() -> str:
    """The build of the app. A header may hold any byte."""
    return UNSTORABLE.sub("", request.headers.get("X-Client-Version", ""))
