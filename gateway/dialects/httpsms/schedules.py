"""Weekly hours in which phones may send (contract 5.7)."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import caller
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.limits import limit_reached
from gateway.dialects.httpsms.reading import identifier
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.domain.errors import InvalidField
from gateway.services import schedules
from gateway.services.rows import Caller
from gateway.services.schedules import ScheduleTerms, SendSchedule, TooManySchedules
from gateway.web.authentication import current_gateway

SHORTEST_NAME = 2
_body = owner_schemas.ScheduleBody()


@blueprint.get(PREFIX + "/send-schedules")
def list_schedules() -> Response:
    """Every send schedule of the account, newest first."""
    known = caller("read")
    rows = schedules.listed(current_gateway(), known.account_id)
    return render.success([schedule_fields(row, known) for row in rows], f"fetched {len(rows)} send schedules")


@blueprint.post(PREFIX + "/send-schedules")
def create_schedule() -> Response:
    """Makes a send schedule."""
    known = caller("manage")
    terms = _terms()
    try:
        row = schedules.create(current_gateway(), known.account_id, terms)
    except TooManySchedules as error:
        return limit_reached(error, f"An account may have {schedules.MOST_SCHEDULES} send schedules")
    return render.success(schedule_fields(row, known), "send schedule created", 201)


@blueprint.put(PREFIX + "/send-schedules/<schedule_id>")
def change_schedule(schedule_id: str) -> Response:
    """Replaces a send schedule."""
    known = caller("manage")
    row = schedules.change(current_gateway(), known.account_id, identifier(schedule_id, "scheduleID"), _terms())
    return render.success(schedule_fields(row, known), "send schedule changed")


@blueprint.delete(PREFIX + "/send-schedules/<schedule_id>")
def delete_schedule(schedule_id: str) -> Response:
    """Removes a send schedule; phones that kept it go without one."""
    known = caller("manage")
    schedules.delete(current_gateway(), known.account_id, identifier(schedule_id, "scheduleID"))
    return render.empty()


def schedule_fields(row: SendSchedule, known: Caller) -> dict[str, Any]:
    """A send schedule as its object."""
    windows = [{"day_of_week": each["day"], "start_minute": each["start_minute"], "end_minute": each["end_minute"]} for each in row.windows]
    return {
        "id": str(row.id),
        "user_id": known.user_key,
        "name": row.name,
        "timezone": row.zone,
        "windows": windows,
        "created_at": render.moment(row.created_at),
        "updated_at": render.moment(row.updated_at),
    }


def _terms() -> ScheduleTerms:
    given = reading.values(_body)
    name = given["name"].strip()
    if len(name) < SHORTEST_NAME:
        raise InvalidField("name", f"must have at least {SHORTEST_NAME} characters")
    return ScheduleTerms(name, given["timezone"], given["windows"])
