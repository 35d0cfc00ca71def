"""Answers as bulk SMS clients parse them: JSON with ``success``, ``message`` and ``data`` (contract 2 to 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response

from gateway.dialects.bulk.errors import FORMS, HELP, wrong_fields
from gateway.dialects.bulk.submission import Refused, Taken
from gateway.dialects.bulk.uncertain import SENT_V2
from gateway.domain.credit import UNITS_PER_CREDIT, format_credits
from gateway.domain.errors import InvalidInput
from gateway.services.keys import NewKey
from gateway.services.ordering import Accepted
from gateway.services.rows import Account
from gateway.web.dialect import Answer

STATUS_WITH_FIELDS = 422
CALLBACK = '<!doctype html>\n<html lang="en-US">\n<body>\n<script src="oauth2-redirect.js"></script>\n</body>\n</html>\n'
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, X-API-Key, X-Requested-With, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}

_compact = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Credits:
    """Units that are written as a JSON number of credits, digit for digit: a float would round large ones."""

    units: int


def added_headers(response: Response) -> None:
    """What every answer under our paths carries (contract 2)."""
    response.headers["Cache-Control"] = "no-cache, private"
    response.headers["Access-Control-Allow-Origin"] = "*"


def error(answer: Answer) -> Response:
    """An error's body: exactly the printed fields where one is printed, else the sentence in ``error`` and ``message``."""
    kind = type(answer.error)
    body: dict[str, Any] = {"error": answer.words, "message": answer.words}
    if kind in HELP:
        body["help"] = HELP[kind]
    if answer.status == STATUS_WITH_FIELDS and isinstance(answer.error, InvalidInput):
        body["errors"] = wrong_fields(answer.error)
    return _json({name: body[name] for name in FORMS.get(kind, body)}, answer.status)


def sent(order: Accepted, credit_limit_units: int, message: str, reference: str) -> Response:
    """200 for an accepted order (contract 3.2, 4.2)."""
    data = {"message_id": str(order.id), "recipients": order.recipient_count} | _money(order, credit_limit_units)
    return _done(message, data | _extras(order, reference))


def sent_each(order: Accepted, credit_limit_units: int, taken: Sequence[Taken], refused: Sequence[Refused], reference: str) -> Response:
    """200 for a personalised call of which something was accepted (contract 4.4)."""
    good = [{"index": each.index, "number": each.number, "number_of_messages": order.parts_each[each.position]} for each in taken]
    data = {"successful_messages": good, "failed_messages": _failed(refused), "message_id": str(order.id)}
    return _done(SENT_V2, data | _money(order, credit_limit_units) | _extras(order, reference))


def sent_none(refused: Sequence[Refused]) -> Response:
    """200 for a personalised call of which nothing was accepted: its entries are judged one by one, so it is no failed request."""
    words = "No message was accepted."
    data = {"successful_messages": [], "failed_messages": _failed(refused)}
    return _json({"success": False, "message": words, "error": words, "data": data})


def balance(account: Account, currency: str, *, at_the_top: bool = False) -> Response:
    """What can still be spent, credit limit included (contract 4.3)."""
    spendable = Credits(account.balance + account.credit_limit)
    top = {"balance": spendable} if at_the_top else {}
    return _done("Balance retrieved successfully", {"balance": spendable, "currency": currency}, top)


def new_key(key: NewKey) -> Response:
    """200 with a key, the only time that it is shown (contract 6.2)."""
    data = {"api_key": key.key, "expires_at": key.expires_at and _moment(key.expires_at)}
    return _done("API key generated successfully", data, {"api_key": key.key})


def revoked() -> Response:
    """200 after the key was ended."""
    return _json({"success": True, "message": "API key revoked successfully"})


def preflight() -> Response:
    """204 for a browser that asks first."""
    response = Response(status=204, headers=PREFLIGHT)
    del response.headers["Content-Type"]
    return response


def callback() -> Response:
    """The page that an OAuth provider would lead back to (contract 7)."""
    return Response(CALLBACK, content_type="text/html; charset=UTF-8")


def _money(order: Accepted, credit_limit_units: int) -> dict[str, Credits]:
    return {"estimated_cost": Credits(order.units), "remaining_balance": Credits(order.balance_units + credit_limit_units)}


def _extras(order: Accepted, reference: str) -> dict[str, Any]:
    return ({"reference": reference} if reference else {}) | ({"sandbox": True} if order.is_test else {})


def _failed(refused: Sequence[Refused]) -> list[dict[str, Any]]:
    return [{"index": each.index, "number": each.number, "error": each.error} for each in refused]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _done(message: str, data: Mapping[str, Any], top: Mapping[str, Any] | None = None) -> Response:
    return _json({"success": True, "message": message, "data": data, **(top or {})})


def _json(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(written(value), status, content_type="application/json")


class _Fraction(Exception):
    """An amount is not a whole number of credits."""


def _whole(value: Any) -> int:
    """What the encoder does not know itself."""
    if not isinstance(value, Credits) or value.units % UNITS_PER_CREDIT:
        raise _Fraction
    return value.units // UNITS_PER_CREDIT


_quick = json.JSONEncoder(separators=(",", ":"), default=_whole).encode


def written(value: Any) -> str:
    """A value as JSON, with :class:`Credits` as exact numbers. Whole credits, the usual case, need no encoder of our own."""
    try:
        return _quick(value)
    except _Fraction:
        return _digit_for_digit(value)


def _digit_for_digit(value: Any) -> str:
    if isinstance(value, Credits):
        return format_credits(value.units)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_compact(name)}:{_digit_for_digit(each)}" for name, each in value.items()) + "}"
    return _compact(value)
