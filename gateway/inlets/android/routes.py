"""The program's endpoints, at the address that its user types in: ``https://HOST/api/mobile/v1``.

Source: contract android-devices B.3.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from gateway.connectors import android
from gateway.connectors.settings import read as read_settings
from gateway.domain import errors
from gateway.domain.handset import key_of
from gateway.inlets.android import inbox, render, schemas, streams
from gateway.inlets.android.streams import EVENTS, Streams
from gateway.services import handset_work, handsets, pairing
from gateway.services.handsets import HandsetState, Registered
from gateway.web.authentication import address, basic_credentials, current_gateway
from gateway.web.bodies import json_object, json_value, raw_body
from gateway.web.errors import NATIVE

BASE = "/api/mobile/v1"
KIND = "android"
MOST_WEBHOOKS = 20
MOST_DEVICE_BYTES = 64 * 1024
"""A telephone describes itself in some hundred bytes; it may do so before anybody knows who it is."""
RETRY_AFTER_SECONDS = "60"

log = structlog.get_logger()
blueprint = Blueprint("android", __name__, url_prefix=BASE)
blueprint.record_once(streams.install)


# Registering


@blueprint.post("/device")
def register() -> Response:
    """Makes the telephone that calls the one that serves the connector which its token or code is for."""
    return render.answer(render.registered(_registered()), 201)


def _registered() -> Registered:
    gateway = current_gateway()
    scheme, _, value = request.headers.get("Authorization", "").strip().partition(" ")
    hardware = schemas.hardware(json_object(raw_body(MOST_DEVICE_BYTES)), request.headers.get("User-Agent", ""))
    given = value.strip()
    match scheme.lower():
        case "bearer" if given:
            return pairing.by_token(gateway, given, hardware, address())
        case "code" if given:
            return pairing.by_code(gateway, given, hardware, address())
        case "basic" if (known := basic_credentials()) is not None:
            return handsets.register_again(gateway, known.username, known.password, hardware, address())
    raise errors.MissingCredentials


@blueprint.patch("/device")
def renew() -> Response:
    """What the telephone says of itself at each start. Without its token known to us it registers anew."""
    handset, data = _handset(), _object()
    handsets.renew(current_gateway(), handset, str(data.get("id")), schemas.hardware(data, request.headers.get("User-Agent", "")))
    return render.nothing()


@blueprint.get("/device")
def device() -> Response:
    """Where the call comes from, as the telephone's home screen shows it, and the telephone itself once it has a token."""
    told: dict[str, Any] = {"externalIp": address()}
    if _bearer():
        told["device"] = render.device(_handset())
    return render.answer(told)


@blueprint.get("/user/code")
def code() -> Response:
    """A code with which another telephone can take this one's place, once."""
    words, until = pairing.new_code(current_gateway(), _owner().connector)
    return render.answer({"code": words, "validUntil": render.date(until)})


@blueprint.patch("/user/password")
def password() -> Response:
    """Another password for the telephone's login."""
    handset, given = _handset(), schemas.PasswordSchema().read(_object())
    handsets.change_password(current_gateway(), handset, given["currentPassword"], given["newPassword"], address())
    return render.nothing()


# Messages


@blueprint.get("/message")
@blueprint.get("/messages")
def messages() -> Response:
    """What the telephone should send, and what it has not told the outcome of. Reading takes nothing out of the list."""
    gateway, handset = current_gateway(), _handset()
    values = wanted(handset)
    offers = handset_work.fetch(gateway, handset.connector, android.terms(values), handset_id=handset.id, ask=True)
    if request.args.get("order", "").lower() == "lifo":
        offers.reverse()
    return render.answer([render.message(offer, values, handset.numbers) for offer in offers])


@blueprint.patch("/message")
@blueprint.patch("/messages")
def report() -> Response:
    """What became of messages. Unknown ones are no error: the telephone would repeat the report for ever."""
    gateway, handset = current_gateway(), _handset()
    now = gateway.clock.now()
    told = [(key_of(name), each) for name, each in schemas.reports(json_value(_body()))]
    found = [report for key, each in told if key and (report := android.report(key, each, now))]
    if found:
        handset_work.report(gateway, handset.connector, found)
    return render.nothing()


@blueprint.get("/events")
def events() -> Response:
    """The stream that tells the telephone of work as soon as there is any."""
    handset = _handset()
    held: Streams = current_app.extensions[EVENTS]
    stream = held.open(handset.id, handset.connector)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    response = Response(stream.frames(), 200, mimetype="text/event-stream", headers=headers)
    response.call_on_close(stream.close)
    return response


# Settings and webhooks


@blueprint.get("/settings")
def settings() -> Response:
    """What the program shall be set to."""
    gateway, handset = current_gateway(), _handset()
    key = handsets.signing_key(gateway, handset.id) or ""
    return render.answer(android.app_settings(wanted(handset), handset.settings.get(handsets.APP, {}), key))


@blueprint.get("/webhooks")
def webhooks() -> Response:
    """For the telephone: what it shall forward and where to, to us first. For its user: what that user registered."""
    if not _bearer():
        return render.answer(_chosen(_owner()))
    handset = _handset()
    url = f"{current_gateway().settings.base_url or request.host_url.rstrip('/')}{BASE}/inbox/{handset.id}"
    ours = [{"id": f"dragoman-{event.replace(':', '-')}", "url": url, "event": event} for event in android.FORWARDED]
    return render.answer(ours + _chosen(handset))


@blueprint.post("/webhooks")
def add_webhook() -> Response:
    """Adds an address that the telephone shall call itself. One of the same id is replaced."""
    handset = _owner()
    added = schemas.webhook(_object(), secrets.token_hex(12))
    others = [each for each in _chosen(handset) if each["id"] != added["id"]]
    if len(others) >= MOST_WEBHOOKS:
        raise errors.Conflict(f"there are {MOST_WEBHOOKS} webhooks already")
    handsets.set_webhooks(current_gateway(), handset.id, [*others, added])
    return render.answer(added, 201)


@blueprint.delete("/webhooks/<webhook_id>")
def drop_webhook(webhook_id: str) -> Response:
    """Takes an address away. One that there is not is gone already."""
    handset = _owner()
    handsets.set_webhooks(current_gateway(), handset.id, [each for each in _chosen(handset) if each["id"] != webhook_id])
    return render.nothing()


@blueprint.post("/inbox/<handset_id>")
def receive(handset_id: str) -> Response:
    """What the telephone forwards to us, signed."""
    inbox.receive(current_gateway(), handset_id, _body())
    return render.nothing()


@blueprint.get("/health")
def health() -> Response:
    """That the gateway answers."""
    return render.answer({"status": "pass", "checks": {}})


# Who calls, and what went wrong


def wanted(handset: HandsetState) -> dict[str, Any]:
    """What the operator set for the telephone's connector."""
    try:
        return read_settings(android.KIND.settings, handset.wanted)
    except ValueError as error:
        raise errors.Unavailable(f"connector {handset.connector}: {error}") from None


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _handset() -> HandsetState:
    """The telephone whose token this is. Raises UnknownKey."""
    handset = handsets.by_token(current_gateway(), _bearer())
    if handset.kind != KIND:
        raise errors.UnknownKey
    return handset


def _owner() -> HandsetState:
    """The telephone whose login and password these are. Raises MissingCredentials, BadCredentials, Throttled."""
    given = basic_credentials()
    if given is None:
        raise errors.MissingCredentials
    return handsets.by_password(current_gateway(), given.username, given.password, address())


def _chosen(handset: HandsetState) -> list[dict[str, str]]:
    return list(handset.settings.get(handsets.WEBHOOKS, ()))


def _body() -> bytes:
    return raw_body(current_gateway().settings.max_body_bytes)


def _object() -> Mapping[str, Any]:
    return json_object(_body())


@blueprint.errorhandler(Exception)
def refused(error: Exception) -> Response:
    """Tells what is wrong. The program reads the status alone."""
    if isinstance(error, errors.GatewayError):
        request.environ["dragoman.error"] = type(error).__name__
        status = next(NATIVE[kind] for kind in type(error).__mro__ if kind in NATIVE)
        words = str(error) or type(error).__name__
    elif isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        status, words = error.code, error.name
    else:
        log.error("defect", exc_info=error, endpoint=request.endpoint)
        status, words = 500, "internal error"
    response = render.answer({"message": words}, status)
    if isinstance(error, errors.Throttled):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    elif isinstance(error, errors.Unavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response
