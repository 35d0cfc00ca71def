"""The calls of contract sections 2 and 3, and one of our own: read the request, call one service, render the answer."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from gateway.dialects.smsnodes import render
from gateway.dialects.smsnodes.job import Job
from gateway.dialects.smsnodes.schemas import Credentials, JobQuery, Payload
from gateway.dialects.smsnodes.uncertain import HEALTH, NAME, SEND, STATE
from gateway.domain.errors import BadCredentials, MalformedRequest
from gateway.domain.order import Submission
from gateway.services import devices, identity, ways
from gateway.services.identity import Password
from gateway.services.rows import Caller
from gateway.services.ways import Way
from gateway.web import submitting
from gateway.web.authentication import current_gateway, password_caller
from gateway.web.bodies import json_value, raw_body

blueprint = Blueprint("smsnodes", __name__)
SMALL_BODY_BYTES = 64 * 1024

_credentials, _payload, _query = Credentials(), Payload(), JobQuery()


@blueprint.post(SEND)
def send() -> Response:
    """Queues one text for one number or many (contract 2)."""
    gateway = current_gateway()
    body = fields(gateway.settings.max_body_bytes)
    password = credentials(body)
    caller = device(password, "send", checked_later=True)
    job = Job(_payload.read(body), submitting.idempotency_key(), gateway.settings)
    seen: list[Way] = []

    def read(known: Caller) -> Submission:
        seen.append(ways.way_of(gateway, known))  # before anything is stored: what fails now is told as nothing done
        return job.submission(known)

    accepted = submitting.submit(caller, partial(device, password, "send"), read)
    way = seen[-1]
    return render.queued(accepted.number, online=way.is_served, at_once=way.is_served and not way.is_late)


@blueprint.post(STATE)
def message_state() -> Response:
    """What became of a job of this device: a call of our own, as the API has none."""
    body = fields(SMALL_BODY_BYTES)
    caller = device(credentials(body), "read")
    return render.state(devices.job(current_gateway(), caller, NAME, _query.read(body)["message_id"]))


@blueprint.get(HEALTH)
def health() -> Response:
    """How the gateway is; open to everybody, so the database is asked once in five seconds at most (contract 3)."""
    gateway = current_gateway()
    return render.health(gateway.clock.now(), ways.connected_devices(gateway), ssl=request.is_secure)


@blueprint.route(SEND, methods=["OPTIONS"])
@blueprint.route(STATE, methods=["OPTIONS"])
@blueprint.route(HEALTH, methods=["OPTIONS"])
def preflight() -> Response:
    """A browser asks whether a page may call (contract 4)."""
    return render.preflight()


def fields(limit_bytes: int) -> dict[str, Any]:
    """The fields of the body; none when there is none, when it is JSON but no object, or neither is JSON nor says so (contract 2.1).

    Raises:
        MalformedRequest: it says that it is JSON, and is none in UTF-8.
        RequestTooLarge
    """
    body = raw_body(limit_bytes)
    if not body.strip():
        return {}
    try:
        body.decode("utf-8-sig")
        value = json_value(body)
    except (MalformedRequest, UnicodeDecodeError):
        if request.mimetype == "application/json":
            raise MalformedRequest("the body is not JSON in UTF-8") from None
        return {}
    return value if isinstance(value, dict) else {}


def credentials(body: dict[str, Any]) -> Password:
    """The device's name and password. Raises MissingField."""
    given = _credentials.read(body)
    return Password(given["device_username"], given["password"])


def device(password: Password, action: str, *, checked_later: bool = False) -> Caller:
    """The device behind the credentials, if allowed to do this. A user who is no device is told what a stranger is told."""
    caller = password_caller([password], checked_later=checked_later)
    if caller.device_id is None:
        raise BadCredentials
    identity.require(caller, NAME, action)
    return caller
