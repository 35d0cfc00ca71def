"""Calls of handsets that a later version answers, and files of received messages, of which there are none yet (contract 4.8, 7)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.uncertain import NAME, PREFIX
from gateway.domain.errors import NotBuilt, NotFound
from gateway.web import metrics

NOT_BUILT = (
    ("PUT", "/phones/fcm-token"),
    ("GET", "/messages/outstanding"),
    ("POST", "/messages/receive"),
    ("POST", "/messages/calls/missed"),
    ("POST", "/messages/<message_id>/events"),
)


@blueprint.get(PREFIX + "/attachments/<user_id>/<message_id>/<index>/<file>")
def read_attachment(user_id: str, message_id: str, index: str, file: str) -> Response:
    """A file of a received message: none was received, so none is there."""
    raise NotFound("attachment")


def _not_built(call: str) -> Callable[..., Response]:
    def view(**_parts: str) -> Response:
        metrics.UNSUPPORTED_CALLS.labels(NAME, call).inc()
        raise NotBuilt(call)

    return view


for _method, _rule in NOT_BUILT:
    blueprint.add_url_rule(PREFIX + _rule, f"not_built:{_rule}".replace(".", "_"), _not_built(PREFIX + _rule), methods=[_method])
