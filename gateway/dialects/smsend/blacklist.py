"""The calls about numbers that must not be written to (contract 2.11)."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from gateway.dialects.smsend import render, schemas
from gateway.dialects.smsend.routes import blueprint, end, permitted, written_number, zone_of
from gateway.dialects.smsend.uncertain import PREFIX
from gateway.domain import dates, msisdn
from gateway.domain.errors import InvalidField, MissingField, TooManyRecipients
from gateway.services import optouts
from gateway.services.optouts import Listing
from gateway.services.orders import Page
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway
from gateway.web.bodies import json_value, raw_body

_page, _number = schemas.BlacklistPage(), schemas.BlacklistNumber()
LIST = "phoneNumbers"


@blueprint.post(PREFIX + "/blacklist/sms")
def add_to_blacklist() -> Response:
    """Puts a number on the account's list, or the numbers of a body."""
    caller = permitted("send")
    written = written_number(_number.read(request.args)["phoneNumber"])
    numbers = _numbers([written], caller) if written else _numbers(_listed(_body()), caller)
    optouts.add(current_gateway(), caller.account_id, numbers)
    return render.truth(True)


@blueprint.post(PREFIX + "/blacklist/smsbatch")
def add_batch_to_blacklist() -> Response:
    """Puts numbers on the account's list: all, or none when one is malformed. Answers with how many were given, each counted once."""
    caller = permitted("send")
    body = _body()
    numbers = _numbers(body if isinstance(body, list) else _listed(body), caller)
    optouts.add(current_gateway(), caller.account_id, numbers)
    return render.count(len(numbers))


@blueprint.get(PREFIX + "/blacklist/sms")
def blacklist() -> Response:
    """The account's list, the newest first. What the operator blocked for every account is not on it."""
    caller = permitted("read")
    values = _page.read(request.args)
    zone = zone_of(values, caller)
    offset, limit = schemas.Page.rows(values)
    wanted = Listing(
        caller.account_id,
        dates.parse(values["start"], zone, "from") if values["start"] else None,
        end(values["end"], zone) if values["end"] else None,
        _part(values["number"]),
        _origins(values["origins"]),
    )
    total, rows = optouts.page(current_gateway(), wanted, offset, limit)
    return render.blacklist(Page(total, rows), values["page"], limit, zone)


@blueprint.delete(PREFIX + "/blacklist/sms/<phone>")
def remove_from_blacklist(phone: str) -> Response:
    """Takes a number off the account's list."""
    caller = permitted("send")
    optouts.remove(current_gateway(), caller.account_id, msisdn.normalise(written_number(phone), caller.default_region))
    return render.truth(True)


def _body() -> Any:
    return json_value(raw_body(current_gateway().settings.max_body_bytes))


def _listed(body: Any) -> list[Any]:
    """The list in a body that is an object; one number alone will do."""
    found = body.get(LIST, body.get("phoneNumber")) if isinstance(body, dict) else None
    if not found:
        raise MissingField("phoneNumber")
    return found if isinstance(found, list) else [found]


def _numbers(written: list[Any], caller: Caller) -> list[str]:
    """Distinct numbers as E.164, in their order.

    Raises:
        InvalidRecipient, InvalidField, MissingField, TooManyRecipients
    """
    most = current_gateway().settings.max_recipients
    if len(written) > most:
        raise TooManyRecipients(len(written), most)
    if not written:
        raise MissingField(LIST)
    if not all(isinstance(each, str) or type(each) is int for each in written):
        raise InvalidField(LIST, "must be a list of strings")
    return list(dict.fromkeys(msisdn.normalise(str(each), caller.default_region) for each in written))


def _part(written: str) -> str:
    """A part of a number: a blank in front is a plus that was form-decoded, and 00 in front is one too."""
    part = written_number(written).replace(" ", "")
    return "+" + part[2:] if part.startswith("00") else part


def _origins(written: str) -> list[str]:
    origins = [each.strip().upper() for each in written.split(",") if each.strip()]
    if not set(origins) <= set(optouts.ORIGINS):
        raise InvalidField("origins", f"may hold {', '.join(optouts.ORIGINS)}")
    return origins
