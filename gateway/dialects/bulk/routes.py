"""The calls of contract sections 3 to 7: read the request, call one service, render the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from flask import Blueprint, Response

from gateway.dialects.bulk import inputs, render, schemas
from gateway.dialects.bulk.callers import FIRST_KEY, OTHER_KEY, V1, V2, Door
from gateway.dialects.bulk.submission import Reader, fingerprint
from gateway.dialects.bulk.uncertain import BALANCE_IN_V1, NAME, NOT_OFFERED, SENT_V1, SENT_V2
from gateway.domain.errors import IdempotencyMismatch, NotBuilt
from gateway.domain.order import Submission
from gateway.services import keys, ordering, orders
from gateway.services.ordering import Accepted
from gateway.services.rows import Caller
from gateway.web import metrics, submitting, swagger
from gateway.web.authentication import current_gateway
from gateway.web.methods import without_head
from gateway.web.rate_limits import limited

blueprint = Blueprint(NAME, __name__)

_send, _personalised, _expiry = schemas.Send(), schemas.Personalised(), schemas.Expiry()


@blueprint.route("/v1/sms/send", methods=["GET", "POST"])
@limited(V1.allowance(checked_later=True))
def send_by_password() -> Response:
    """Sends one text to many (contract 3)."""
    return sent(V1, SENT_V1)


@blueprint.post(BALANCE_IN_V1)
@limited(V1.allowance())
def balance_by_password() -> Response:
    """What can still be spent."""
    return balance(V1.caller("read"), at_the_top=True)


@blueprint.route("/api/v2/sms/send", methods=["GET", "POST"])
@limited(V2.allowance(checked_later=True))
def send() -> Response:
    """Sends one text to many (contract 4.2)."""
    return sent(V2, SENT_V2)


@blueprint.post("/api/v2/sandbox/sms/send")
@limited(V2.allowance(checked_later=True))
def send_nothing() -> Response:
    """Does all that sending does, but costs nothing and reaches no carrier."""
    return sent(V2, SENT_V2, is_test=True)


@blueprint.post("/api/v2/sms/send/bulk")
@limited(V2.allowance(checked_later=True))
def send_personalised() -> Response:
    """Sends each a text of its own, and says of each entry what became of it (contract 4.4)."""
    caller = V2.caller("send")
    given = inputs.values()
    fields = _personalised.read_all(given)
    gateway = current_gateway()
    reader = Reader(given, fields, caller, gateway.settings)
    order = accepted_before(V2, caller, given)
    if order is None:
        pairs, taken, refused = reader.entries(ordering.current_offer(gateway).prices)
        if not pairs:
            return render.sent_none(refused)
        order = submitting.submit(
            caller, partial(V2.again, "send"), lambda known: Reader(given, fields, known, gateway.settings).personalised(pairs)
        )
    if order.is_repeat:
        sent_then = orders.sent_texts(gateway, caller.account_id, order.id)
        order = replace(order, parts_each=[each.parts for each in sent_then])
        taken, refused = reader.entries_again(sent_then)
    return render.sent_each(order, caller.credit_limit_units, taken, refused, fields["reference"])


@blueprint.get("/api/v2/account/balance")
@limited(V2.allowance())
def balance_by_key() -> Response:
    """What can still be spent (contract 4.3)."""
    return balance(V2.caller("read"))


@blueprint.post("/api/generate-key")
@limited(FIRST_KEY.allowance())
def generate_key() -> Response:
    """Makes the account's API key (contract 6)."""
    caller = FIRST_KEY.caller("keys")
    return render.new_key(keys.create(current_gateway(), keys.BULK, caller.username, expires_at()))


@blueprint.post("/api/regenerate-key")
@limited(OTHER_KEY.allowance())
def regenerate_key() -> Response:
    """Makes a new API key and ends the old one in the same moment (contract 6)."""
    caller = OTHER_KEY.caller("keys")
    return render.new_key(keys.replace(current_gateway(), keys.BULK, caller.username, expires_at()))


@blueprint.post("/api/revoke-key")
@limited(OTHER_KEY.allowance())
def revoke_key() -> Response:
    """Ends the account's API key (contract 6)."""
    caller = OTHER_KEY.caller("keys")
    keys.revoke_kind(current_gateway(), keys.BULK, caller.account_id)
    return render.revoked()


@blueprint.get("/api/v2")
def documentation() -> Response:
    """The description of all calls, for people (contract 7)."""
    return swagger.swagger_page("/docs/assets", "/openapi.json")


@blueprint.get("/api/oauth2-redirect.js")
def oauth2_script() -> Response:
    """That page's script."""
    return swagger.asset("oauth2-redirect.js")


@blueprint.get("/api/oauth2-callback")
def oauth2_callback() -> Response:
    """A page with one script (contract 7)."""
    return render.callback()


def sent(door: Door, message: str, *, is_test: bool = False) -> Response:
    """Sends one text to many and renders what became of it."""
    caller = door.caller("send")
    given = inputs.values()
    fields = _send.read_all(_with_numbers(given))
    order = accepted_before(door, caller, given)
    if order is None:
        order = submitted(door, caller, given, fields, is_test=is_test)
    return render.sent(order, caller.credit_limit_units, message, fields["reference"])


def submitted(door: Door, caller: Caller, given: inputs.Values, fields: inputs.Values, *, is_test: bool) -> Accepted:
    """Hands one text to many over."""
    settings = current_gateway().settings

    def read(known: Caller) -> Submission:
        return Reader(given, fields, known, settings).plain(is_test=is_test)

    return submitting.submit(caller, partial(door.again, "send"), read)


def accepted_before(door: Door, caller: Caller, given: inputs.Values) -> Accepted | None:
    """The order of a call that repeats an earlier one, by its ``Idempotency-Key``. It stands, whatever would refuse the call today.

    Raises:
        IdempotencyMismatch, InvalidField, and what ``door.again`` raises.
    """
    key = submitting.idempotency_key()
    if key is None:
        return None
    try:
        order = ordering.accepted_before(current_gateway(), caller.account_id, key, fingerprint(given))
    except IdempotencyMismatch:
        door.again("send")
        raise
    if order is not None:
        door.again("send")  # nothing is charged, so no statement looks whether a remembered caller still may
    return order


def balance(caller: Caller, *, at_the_top: bool = False) -> Response:
    """The balance of the caller's account."""
    gateway = current_gateway()
    account, _ = orders.credit(gateway, caller.account_id)
    return render.balance(account, gateway.settings.bulk_currency, at_the_top=at_the_top)


def expires_at() -> datetime | None:
    """When a new key ends, or None for never: a regenerated key does not inherit the old one's end."""
    days = _expiry.read_all(inputs.values())["expiry_days"]
    return current_gateway().clock.now() + timedelta(days=days) if days else None


def _with_numbers(given: inputs.Values) -> inputs.Values:
    """One client writes ``phone_number`` instead of ``numbers`` (contract 4.2)."""
    return {"numbers": given["phone_number"]} | given if "phone_number" in given else given


def _not_offered(call: str) -> Callable[[], Response]:
    def view() -> Response:
        metrics.UNSUPPORTED_CALLS.labels(NAME, call).inc()
        raise NotBuilt(call)

    return view


for _method, _rule in NOT_OFFERED:
    blueprint.add_url_rule(_rule, endpoint=f"not_offered:{_rule[1:]}", view_func=_not_offered(_rule), methods=[_method])

PATHS = (
    "/v1/sms/send",
    BALANCE_IN_V1,
    "/api/v2",
    "/api/v2/sms/send",
    "/api/v2/sms/send/bulk",
    "/api/v2/sandbox/sms/send",
    "/api/v2/account/balance",
    "/api/generate-key",
    "/api/regenerate-key",
    "/api/revoke-key",
    "/api/oauth2-callback",
    "/api/oauth2-redirect.js",
)
for _path in PATHS:
    blueprint.add_url_rule(_path, endpoint="preflight", view_func=render.preflight, methods=["OPTIONS"])

without_head(blueprint, "/v1/sms/send", "/api/v2/sms/send")
