"""The three scripts: read the request, call one service, render the answer."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, current_app
from flask.blueprints import BlueprintSetupState

from gateway.dialects.brevisone import check, parameters, reading, render
from gateway.dialects.brevisone.submission import Reader
from gateway.dialects.brevisone.uncertain import API, CHECK, NAME, NO_SUCH_MESSAGE, OUTCOMES, STATE, STATES
from gateway.domain.errors import AddressNotAllowed
from gateway.services import identity, openstate
from gateway.services.gauges import Gauges
from gateway.services.identity import Password
from gateway.services.rows import Caller
from gateway.web import submitting
from gateway.web.authentication import address, current_gateway, password_caller
from gateway.web.methods import without_head
from gateway.web.parameters import query

GAUGES = "dragoman.brevisone.gauges"

blueprint = Blueprint(NAME, __name__)


@blueprint.record
def keep_gauges(state: BlueprintSetupState) -> None:
    """Gives each application figures of its own."""
    state.app.extensions[GAUGES] = Gauges()


@blueprint.route(API, methods=["GET", "POST"])
def send() -> Response:
    """Sends one text (contract 3). The order of the checks is that of contract 4."""
    gateway = current_gateway()
    found = parameters.given(gateway.settings.max_body_bytes)
    parameters.check_complete(found)
    recognise = partial(permitted, parameters.password(found))
    caller = recognise(checked_later=True)
    reader = Reader(gateway, found, submitting.idempotency_key())
    return render.accepted(submitting.submit(caller, recognise, reader.submission))


@blueprint.get(CHECK)
def health() -> Response:
    """All figures, or one (contract 6)."""
    gateway = current_gateway()
    networks = gateway.settings.brevisone_check_networks
    if networks and not check.is_within(address(), networks):
        raise AddressNotAllowed(address())
    gauges: Gauges = current_app.extensions[GAUGES]
    option = parameters.word(query().get("option"))
    if not option:
        return render.figures(check.all_figures(gateway, gauges))
    return render.text(check.one_figure(option, gateway, gauges))


@blueprint.get(STATE)
def message_state() -> Response:
    """Where an order of this dialect stands (contract 7)."""
    uid = reading.plain(query().get("uid", b"")).strip()
    words = {STATES[each] for each in openstate.states(current_gateway(), NAME, uid)}
    return render.state(next((word for word in OUTCOMES if word in words), NO_SUCH_MESSAGE))


def permitted(password: Password, *, checked_later: bool = False) -> Caller:
    """The caller of this password, if allowed to send."""
    caller = password_caller([password], checked_later=checked_later)
    identity.require(caller, NAME, "send")
    return caller


without_head(blueprint, API, CHECK, STATE)
