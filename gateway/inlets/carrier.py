"""What carriers over HTTP call: ``/carrier/CONNECTOR/SECRET/receipt`` and ``…/inbound``, by GET or POST.

The secret is part of the path since most carriers can be given an address and nothing else; it stands in no log. How a call reads is the
business of the connector's kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request

from gateway.connectors import CONNECTORS, http_reports
from gateway.connectors.clients import httpsms, smsend
from gateway.connectors.http_reports import BadCall, Call, Read
from gateway.connectors.settings import read as read_settings
from gateway.domain.errors import GatewayError, RequestTooLarge
from gateway.services import carrier_calls
from gateway.web.authentication import current_gateway
from gateway.web.bodies import raw_body
from gateway.web.errors import NATIVE

MOST_BYTES = 1_000_000
MOST_FIELDS = 200

READERS: Mapping[str, Mapping[str, Read]] = {"http": http_reports.READERS, "smsend": smsend.READERS, "httpsms": httpsms.READERS}
"""Kind → what its carriers call → how that reads."""

log = structlog.get_logger()
blueprint = Blueprint("inlet_carrier", __name__, url_prefix="/carrier")


@blueprint.route("/<name>/<secret>/<what>", methods=["GET", "POST"])
def called(name: str, secret: str, what: str) -> Response:
    """Records what the carrier says, then thanks for it. A wrong secret and a connector that does not exist look the same."""
    gateway = current_gateway()
    body = raw_body(MOST_BYTES)
    connector = carrier_calls.find(gateway, name, secret, READERS.keys())
    read = READERS[connector.kind].get(what) if connector else None
    if connector is None or read is None:
        return _text("not found", 404)
    try:
        settings = read_settings(CONNECTORS[connector.kind].settings, connector.settings)
        events = read(settings, Call(_fields(body), body), gateway.clock.now())
    except BadCall as error:
        log.warning("carrier_call_unreadable", connector=name, what=what, reason=str(error))
        return _text(str(error), 400)
    except ValueError as error:
        log.error("carrier_call_refused", connector=name, reason=str(error))
        return _text("the settings of this connector cannot be used", 503)
    carrier_calls.record(gateway, connector.name, events)
    return _text(str(settings.get("inlet_answer", "OK")), 200)


@blueprint.errorhandler(GatewayError)
def refused(error: GatewayError) -> Response:
    """An error in a word; carriers read the status alone."""
    request.environ["dragoman.error"] = type(error).__name__
    status = 413 if isinstance(error, RequestTooLarge) else next(NATIVE[kind] for kind in type(error).__mro__ if kind in NATIVE)
    return _text("not now" if status >= 500 else "not so", status)


def _fields(body: bytes) -> dict[str, str]:
    """Query and form, the form winning. Bytes that are not UTF-8 are read as Windows-1252, as everywhere."""
    query = request.query_string
    form = body if request.mimetype == "application/x-www-form-urlencoded" else b""
    return {name: value for part in (query, form) for name, value in _pairs(part)}


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    for charset, errors in (("utf-8", "strict"), ("cp1252", "replace")):
        try:
            pairs = parse_qsl(encoded.decode("latin-1"), True, encoding=charset, errors=errors, max_num_fields=MOST_FIELDS)
        except UnicodeDecodeError:
            continue
        except ValueError:
            raise BadCall(f"more than {MOST_FIELDS} fields") from None
        return pairs
    return []


def _text(words: str, status: int) -> Response:
    return Response(words, status, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})
