"""The smSend REST API v1.0 (also Skebby, Aruba, Mobyt, Esendex Italia, SMSEnvoi). ``API.md`` says what is supported."""

from __future__ import annotations

from gateway.dialects.smsend.errors import ERRORS
from gateway.dialects.smsend.render import error
from gateway.dialects.smsend.routes import blueprint
from gateway.dialects.smsend.uncertain import NAME
from gateway.web.dialect import Dialect

DIALECT = Dialect(
    name=NAME,
    prefix="/API/v1.0/REST",
    blueprint=blueprint,
    errors=ERRORS,
    render_error=error,
    collapse_slashes=True,
)
