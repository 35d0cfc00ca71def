"""The calls of contract sections 1 and 2: read the request, call one service, render the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from gateway.dialects.smsend import render, schemas
from gateway.dialects.smsend.credentials import candidates, readings
from gateway.dialects.smsend.submission import Reader
from gateway.dialects.smsend.uncertain import NAME, NEWEST_FIRST, NOT_BUILT, PREFIX
from gateway.domain import dates, msisdn
from gateway.domain.errors import (
    AuthenticationFailed,
    MissingField,
    NotBuilt,
    NotFound,
    PermissionDenied,
    SessionExpired,
)
from gateway.domain.order import Submission
from gateway.services import console_login, identity, ordering, orders
from gateway.services.rows import Caller
from gateway.web import metrics, submitting
from gateway.web.authentication import current_gateway, header_caller
from gateway.web.bodies import json_object, raw_body

blueprint = Blueprint("smsend", __name__)

_send, _parametric, _page, _recipient_page, _status = (
    schemas.Send(), schemas.ParametricSend(), schemas.Page(), schemas.RecipientPage(), schemas.Status()
)  # fmt: skip


@blueprint.route(PREFIX + "/login", methods=["GET", "POST"])
def login() -> Response:
    """Opens a session: ``user_key;Session_key`` (contract 1.1)."""
    return render.keys(identity.sign_in(current_gateway(), candidates(), request.remote_addr or ""))


@blueprint.route(PREFIX + "/token", methods=["GET", "POST"])
def token() -> Response:
    """The user's lasting token: ``user_key;Access_token`` (contract 1.3)."""
    return render.keys(identity.access_token(current_gateway(), candidates(), request.remote_addr or ""))


@blueprint.get(PREFIX + "/checksession")
def check_session() -> Response:
    """Whether the session still lives; does not renew it (contract 1.7). 404 when the user is not known at all."""
    try:
        header_caller(renew=False)
    except (SessionExpired, PermissionDenied):
        return render.truth(False)
    except AuthenticationFailed as error:
        user_key = request.environ.get("HTTP_USER_KEY", "")
        has_key = request.environ.get("HTTP_SESSION_KEY") or request.environ.get("HTTP_ACCESS_TOKEN")
        if has_key and identity.knows_user_key(current_gateway(), user_key):
            return render.truth(False)
        raise NotFound("user_key") from error
    return render.truth(True)


@blueprint.route(PREFIX + "/pwdreset", methods=["GET", "POST"])
def reset_password() -> Response:
    """Sets a new password for the caller (contract 1.7)."""
    caller = permitted("password")
    identity.change_password(current_gateway(), caller.username, new_password())
    return render.truth(True)


@blueprint.get(PREFIX + "/dashboard")
def dashboard() -> Response:
    """The address of a page that signs this user in once (contract 1.7). 404 for whoever may not have it."""
    try:
        caller = permitted("read")
    except (AuthenticationFailed, PermissionDenied) as error:
        raise NotFound("user_key") from error
    base = current_gateway().settings.base_url or request.host_url.rstrip("/")
    return render.text(base + console_login.path(current_gateway(), caller.user_id))


@blueprint.post(PREFIX + "/sms")
def send() -> Response:
    """Sends one text to many (contract 2.1)."""
    caller = permitted("send", checked_later=True)
    values = order_values(_send)
    return submitted(caller, values, Reader.plain)


@blueprint.post(PREFIX + "/paramsms")
def send_parametric() -> Response:
    """Sends each recipient a text of its own (contract 2.2)."""
    caller = permitted("send", checked_later=True)
    values = order_values(_parametric)
    return submitted(caller, values, Reader.parametric)


@blueprint.get(PREFIX + "/sms/<order_id>")
def order_state(order_id: str) -> Response:
    """The state of every recipient of an order (contract 2.4)."""
    caller = permitted("read")
    return render.state(orders.state(current_gateway(), caller.account_id, NAME, order_id), caller.zone)


@blueprint.delete(PREFIX + "/sms/<order_id>")
def cancel(order_id: str) -> Response:
    """Takes back a scheduled order and refunds it (contract 2.5)."""
    caller = permitted("send")
    return render.cancelled(ordering.cancel(current_gateway(), caller.account_id, NAME, order_id))


@blueprint.delete(PREFIX + "/sms/bulk")
def cancel_all() -> Response:
    """Takes back every scheduled order (contract 2.5)."""
    caller = permitted("send")
    return render.cancelled(ordering.cancel_all(current_gateway(), caller.account_id, NAME))


@blueprint.get(PREFIX + "/smshistory")
def history() -> Response:
    """Orders of a span of time, a page at a time (contract 2.6)."""
    caller = permitted("read")
    values = _page.read(request.args)
    zone = zone_of(values, caller)
    wanted = span(values, zone)
    page = orders.history(current_gateway(), caller.account_id, wanted)
    return render.history(page, values["page"], wanted.limit, zone)


@blueprint.get(PREFIX + "/rcptHistory")
def recipient_history() -> Response:
    """Messages to one recipient in a span of time (contract 2.6)."""
    caller = permitted("read")
    values = _recipient_page.read(request.args)
    zone = zone_of(values, caller)
    recipient = msisdn.normalise(written_number(values["recipient"]), caller.default_region)
    wanted = span(values, zone)
    page = orders.recipient_history(current_gateway(), caller.account_id, recipient, wanted)
    return render.recipient_history(page, values["page"], wanted.limit, zone)


@blueprint.get(PREFIX + "/status")
def status() -> Response:
    """Credit by message type (contract 2.7)."""
    caller = permitted("read")
    values = _status.read(request.args)
    account, prices = orders.credit(current_gateway(), caller.account_id)
    return render.status(account, prices, money=values["getMoney"], aliases=values["typeAliases"])


def permitted(action: str, *, checked_later: bool = False) -> Caller:
    """The caller behind the headers, if allowed to do this."""
    caller = header_caller(checked_later=checked_later)
    identity.require(caller, NAME, action)
    return caller


def submitted(caller: Caller, values: dict[str, Any], read: Callable[[Reader], Submission]) -> Response:
    """Hands the submission over and renders what became of it."""
    settings = current_gateway().settings
    accepted = submitting.submit(caller, partial(permitted, "send"), lambda known: read(Reader(values, known, settings)))
    return render.accepted(accepted, caller.credit_limit_units, count_credits=bool(values["returnCredits"]))


def order_values(schema: schemas.Envelope) -> dict[str, Any]:
    """The validated fields of a sending call, with its repeat key and its fingerprint."""
    body = raw_body(current_gateway().settings.max_body_bytes)
    values = schema.read(json_object(body))
    values["idempotency_key"] = submitting.idempotency_key()
    values["fingerprint"] = hashlib.sha256(request.path.encode() + b"\0" + body).digest()
    return values


def span(values: dict[str, Any], zone: ZoneInfo) -> orders.Span:
    """The time and the rows that a history page asks for."""
    start = dates.parse(values["start"], zone, "from")
    offset, limit = schemas.Page.rows(values)
    newest_first = NEWEST_FIRST if values["dir"].lower() not in ("asc", "desc") else values["dir"].lower() == "desc"
    return orders.Span(start, end(values["end"], zone), offset, limit, newest_first)


def zone_of(values: dict[str, Any], caller: Caller) -> ZoneInfo:
    """The zone that a history page is read and written in."""
    return dates.zone(values["timezone"], "timezone") if values["timezone"] else caller.zone


def written_number(value: str) -> str:
    """A number from a query: a blank in front is a plus that was form-decoded."""
    return "+" + value.lstrip() if value.startswith(" ") else value


def new_password() -> str:
    """The new password of ``/pwdreset``: first reading of the query, where ``+`` means plus."""
    raw = request.environ.get("QUERY_STRING", "").encode("latin-1")
    if not any(pair.startswith(b"password=") for pair in raw.split(b"&")):
        raise MissingField("password")
    return readings(b"username=-&" + raw)[0].password


def end(value: str, zone: ZoneInfo) -> datetime:
    """The end of a span: nothing and ``now`` are now."""
    return current_gateway().clock.now() if value in ("", "now") else dates.parse(value, zone, "to")


def _not_built(call: str) -> Callable[..., Response]:
    def view(**_parts: str) -> Response:
        metrics.UNSUPPORTED_CALLS.labels(NAME, call).inc()
        raise NotBuilt(call)

    return view


for _methods, _rule in NOT_BUILT:
    blueprint.add_url_rule(
        PREFIX + _rule, endpoint=f"not_built:{_rule[1:]}".replace(".", "_"), view_func=_not_built(_rule), methods=_methods.split()
    )
