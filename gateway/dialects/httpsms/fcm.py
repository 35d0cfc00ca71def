"""A telephone registers: one call for each of its SIMs, at login, on a new token, and once a day (contract android-devices A.3)."""

from __future__ import annotations

from flask import Response

from gateway.dialects.httpsms import reading, render
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.handset_callers import handset
from gateway.dialects.httpsms.phone_schemas import FcmToken
from gateway.dialects.httpsms.phones import phone_fields
from gateway.dialects.httpsms.uncertain import PREFIX
from gateway.services import phone_side
from gateway.services.phones import PhoneChange
from gateway.web.authentication import current_gateway

_body = FcmToken()


@blueprint.put(PREFIX + "/phones/fcm-token")
def register_telephone() -> Response:
    """Makes the phone where the account has none of this number, keeps where pushes go, and binds the number to a telephone's own key."""
    known = handset()
    given = reading.values(_body)
    sim = None if given["sim"] is None else "SIM2" if given["sim"] == "SIM2" else "SIM1"
    change = PhoneChange(sim=sim, push_token=given["fcm_token"])
    row = phone_side.register(current_gateway(), known.caller, given["phone_number"], change, bind=known.is_bound)
    return render.success(phone_fields(row, known.caller), "phone registered")
