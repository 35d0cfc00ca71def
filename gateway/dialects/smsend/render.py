"""Answers as smSend's clients parse them: bare text, or compact JSON with integers and strings and never a null where one hurts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from flask import Response

from gateway.dialects.smsend.uncertain import (
    BLACKLIST,
    BLACKLIST_DATE,
    BLACKLIST_FIELDS,
    DELIVERED,
    EMAIL,
    RECEIVED,
    RECEIVED_FIELDS,
    STATE_NUMBERS,
    STATUS_TYPES,
)
from gateway.domain.credit import UNITS_PER_CREDIT, credits_floor
from gateway.domain.dates import render as local
from gateway.domain.message import State
from gateway.domain.smsend_words import word
from gateway.domain.tariff import MessageType
from gateway.services.identity import SignedIn
from gateway.services.optouts import OptOut
from gateway.services.ordering import Accepted
from gateway.services.orders import MessageState, OrderState, Page
from gateway.services.received import InboundMessage
from gateway.services.rows import Account, Message, Order
from gateway.web.dialect import Answer

_compact = json.JSONEncoder(separators=(",", ":")).encode
LARGEST = 2**31 - 1
"""Counters must fit 32 bits: typed clients read them so (contract 2.1)."""


def error(answer: Answer) -> Response:
    """The error body of contract 1.6."""
    return _json({"result": answer.words, "error_code": answer.code, "error_message": answer.words}, answer.status)


def keys(signed_in: SignedIn) -> Response:
    """``user_key;key`` with nothing around it: programs split at ``;`` and put the rest into a header as it is."""
    return text(f"{signed_in.user_key};{signed_in.key}")


def truth(value: bool) -> Response:
    """``true`` or ``false``, bare."""
    return text("true" if value else "false")


def text(value: str) -> Response:
    """Plain text with no newline."""
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(value, 200, content_type="text/plain;charset=UTF-8", headers=headers)


def accepted(order: Accepted, credit_limit_units: int, *, count_credits: bool) -> Response:
    """201 with the order's id (contract 2.1)."""
    body = {
        "result": "OK",
        "order_id": order.public_id,
        "total_sent": _bounded(order.credits_charged if count_credits else order.recipient_count),
        "remaining_credits": _bounded(credits_floor(order.balance_units + credit_limit_units)),
        "internal_order_id": order.order_id,
    }
    return _json(body, 201)


def cancelled(count: int) -> Response:
    """200 after a cancel; ``count`` is the number of messages or orders taken back."""
    return _json({"result": "OK", "cancelled": count}, 200)


def state(order: OrderState, zone: tzinfo) -> Response:
    """The state of every recipient (contract 2.4)."""
    recipients = [_recipient(message, order.wants_receipt, zone) for message in order.messages]
    return _json({"result": "OK", "recipients": recipients, "recipient_number": len(recipients)}, 200)


def history(page: Page[Order], number: int, size: int, zone: tzinfo) -> Response:
    """One page of orders (contract 2.6)."""
    rows = [_order(order, zone) | {"num_recipients": order.recipient_count} for order in page.rows]
    return _json({"total": page.total, "pageNumber": number, "pageSize": size, "result": "OK", "smshistory": rows}, 200)


def recipient_history(page: Page[tuple[Order, Message]], number: int, size: int, zone: tzinfo) -> Response:
    """One page of messages to one recipient (contract 2.6)."""
    rows = [
        _order(order, zone) | {"destination": message.recipient, "status": _number(State(message.state), order.wants_receipt)}
        for order, message in page.rows
    ]
    return _json({"total": page.total, "pageNumber": number, "pageSize": size, "result": "OK", "rcpthistory": rows}, 200)


def blacklist(page: Page[OptOut], number: int, size: int, zone: tzinfo) -> Response:
    """One page of numbers that may not be written to (contract 2.11)."""
    rows = [
        _named(BLACKLIST_FIELDS, {"number": row.number, "origin": row.origin, "at": f"{row.created_at.astimezone(zone):{BLACKLIST_DATE}}"})
        for row in page.rows
    ]
    return _json({"result": "OK", BLACKLIST: rows, "total": page.total, "pageNumber": number, "pageSize": size}, 200)


def received(page: Page[InboundMessage], number: int, size: int, zone: tzinfo) -> Response:
    """One page of messages that came in (contract 2.12)."""
    rows = [_named(RECEIVED_FIELDS, _received(row, zone)) for row in page.rows]
    return _json({"result": "OK", "total": page.total, "pageNumber": number, "pageSize": size, RECEIVED: rows}, 200)


def count(number: int) -> Response:
    """A bare whole number."""
    return Response(str(number), 200, content_type="application/json;charset=UTF-8")


def status(account: Account, prices: Mapping[MessageType, int | None], *, money: bool, aliases: bool) -> Response:
    """Credit by type: how many parts of each the balance still buys (contract 2.7). ``money`` is the balance in credits."""
    spendable = max(0, account.balance + account.credit_limit)
    quantities = [
        {"type": alias if aliases else internal, "quantity": _quantity(spendable, prices[kind])} for kind, alias, internal in STATUS_TYPES
    ]
    email = EMAIL | {"purchased": account.created_at.date().isoformat()}
    return _json({"money": account.balance / UNITS_PER_CREDIT if money else None, "sms": quantities, "email": email}, 200)


def _received(row: InboundMessage, zone: tzinfo) -> dict[str, Any]:
    at = local(row.received_at, zone)
    return {"id": row.id, "sender": row.sender, "recipient": row.recipient or "", "text": row.text, "at": at}


def _named(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[ours] for ours, name in names.items()}


def _order(order: Order, zone: tzinfo) -> dict[str, Any]:
    return {
        "order_id": order.client_ref or order.id.hex,
        "create_time": local(order.created_at, zone),
        "schedule_time": local(order.due_at, zone) if order.due_at else "",
        "message_type": order.type_token,
        "sender": order.originator or "",
    }


def _recipient(message: MessageState, wants_receipt: bool, zone: tzinfo) -> dict[str, str]:
    delivered_at = message.final_at if message.state is State.DELIVERED else None
    return {
        "destination": message.recipient,
        "status": word(message.state, wants_receipt, message.failure),
        "delivery_date": local(delivered_at, zone) if delivered_at else "",
    }


def _number(state: State, wants_receipt: bool) -> int:
    return DELIVERED if state is State.SENT and not wants_receipt else STATE_NUMBERS[state]


def _quantity(spendable: int, units_per_part: int | None) -> int:
    if units_per_part is None:
        return 0
    return _bounded(spendable // units_per_part) if units_per_part else LARGEST


def _bounded(value: int) -> int:
    return max(-LARGEST - 1, min(value, LARGEST))


def _json(value: Mapping[str, Any] | Sequence[Any], code: int) -> Response:
    return Response(_compact(value), code, content_type="application/json;charset=UTF-8")
