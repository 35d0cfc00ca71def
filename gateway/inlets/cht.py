"""The one address that a CHT Gateway telephone calls: ``/cht/CONNECTOR`` (contract android-devices, part C)."""

from __future__ import annotations

import hmac
import json
import zlib
from datetime import timedelta
from typing import Any

import structlog
from flask import Blueprint, Response, request

from gateway.connectors import cht
from gateway.connectors.settings import read as read_settings
from gateway.domain import handset
from gateway.domain.errors import (
    BadCredentials,
    GatewayError,
    MalformedRequest,
    MissingCredentials,
    NotFound,
    RequestTooLarge,
    Throttled,
    Unavailable,
)
from gateway.domain.handset import Terms
from gateway.services import dispatching, handset_work, polled
from gateway.services.core import Gateway
from gateway.services.handset_work import Offered
from gateway.services.polled import Polled
from gateway.web.authentication import address, basic_credentials, current_gateway
from gateway.web.bodies import json_object, raw_body
from gateway.web.errors import NATIVE

KIND = "cht"
MOST_BYTES = 1_000_000
PATIENCE = timedelta(minutes=3)
"""A telephone that missed two of its calls, one a minute, is away."""

log = structlog.get_logger()
blueprint = Blueprint("inlet_cht", __name__, url_prefix="/cht")


@blueprint.get("/<name>")
def greet(name: str) -> Response:
    """Says that this is the place; the program asks when its settings are saved."""
    telephone(name)
    return _json({"medic-gateway": True})


@blueprint.post("/<name>")
def poll(name: str) -> Response:
    """Takes what came in and what became of messages, and hands over new ones."""
    gateway = current_gateway()
    connector, values = telephone(name)
    given = _body()
    try:
        said = cht.read(given, values["number"], gateway.clock.now())
    except ValueError as error:
        raise MalformedRequest(str(error)) from None
    if said.skipped:
        log.warning("telephone_entries_skipped", connector=name, entries=said.skipped)
    polled.called(gateway, connector, PATIENCE)
    _record(gateway, connector.name, said)
    terms = Terms(timedelta(hours=values["validity_hours"]), most=values["most"])
    return _json({"messages": [_message(each) for each in handset_work.fetch(gateway, connector.name, terms) if _is_wanted(gateway, each)]})


def telephone(name: str) -> tuple[Polled, dict[str, Any]]:
    """The connector whose telephone calls, with its settings.

    Raises:
        MissingCredentials
        BadCredentials: wrong name or password, or no such connector: nobody learns which.
        Throttled: too many wrong ones from this address.
    """
    given = basic_credentials()
    if given is None:
        raise MissingCredentials
    gateway = current_gateway()
    gateway.guesses.check("", address())
    connector, values = None, {"username": "", "password": ""}
    try:
        connector = polled.find(gateway, name, KIND)
        values = read_settings(cht.KIND.settings, connector.settings)
    except NotFound:
        pass
    except ValueError as error:
        raise Unavailable(f"the settings of {name} cannot be used: {error}") from None
    fits = _same(given.username, values["username"]) & _same(given.password, values["password"])
    if connector is None or not fits:
        gateway.guesses.count("", address())
        raise BadCredentials
    return connector, values


@blueprint.errorhandler(GatewayError)
def refused(error: GatewayError) -> Response:
    """An error as the program reads it; it shows the words in its log."""
    request.environ["dragoman.error"] = type(error).__name__
    response = _json({"error": True, "message": str(error) or "wrong or missing user name and password"}, _status(error))
    if isinstance(error, MissingCredentials | BadCredentials):
        response.headers["WWW-Authenticate"] = 'Basic realm="Dragoman"'
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _record(gateway: Gateway, connector: str, said: cht.Poll) -> None:
    """Writes down what the telephone said of its messages, and what came in. Said again, it changes nothing."""
    now = gateway.clock.now()
    keys = [(update, handset.key_of(update.id)) for update in said.updates]
    handset_work.report(gateway, connector, [each for update, key in keys if key for each in cht.reports(update, key, now)])
    if said.messages:
        dispatching.record(gateway, connector, said.messages)


def _is_wanted(gateway: Gateway, offered: Offered) -> bool:
    """Whether to offer it: until the telephone has spoken of it, and while it may still be sent; the program knows no validity."""
    return not offered.is_taken and offered.valid_until > gateway.clock.now()


def _message(offered: Offered) -> dict[str, str]:
    return {"id": offered.name, "to": offered.outgoing.recipient, "content": offered.outgoing.text}


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _body() -> dict[str, Any]:
    body = raw_body(MOST_BYTES)
    if request.headers.get("Content-Encoding", "").strip().lower() == "gzip":
        body = _unpacked(body)
    return json_object(body)


def _unpacked(body: bytes) -> bytes:
    """The bytes behind gzip; never more than an unpacked body may have."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise MalformedRequest("the body is not gzip") from None
    if len(plain) > MOST_BYTES:
        raise RequestTooLarge(MOST_BYTES)
    if not unpacking.eof:
        raise MalformedRequest("the body is cut off")
    return plain


def _status(error: GatewayError) -> int:
    return 413 if isinstance(error, RequestTooLarge) else next(NATIVE[kind] for kind in type(error).__mro__ if kind in NATIVE)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
