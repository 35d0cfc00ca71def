"""The page that tells a person what to type into a telephone so that it registers with a connector.

Whoever has the link may see the token, so its key is signed, ends with the token, and stands below the path that no log shows. The QR
code holds the page's own address: a telephone's camera opens it there, where the values can be copied.
"""

from __future__ import annotations

import io

import segno
from flask import Response, request
from markupsafe import Markup

from gateway.console.routes import Notice, notice, page
from gateway.console.routes import blueprint as blueprint
from gateway.domain.errors import UnknownKey
from gateway.services import pairing
from gateway.web.authentication import current_gateway

API = "/api/mobile/v1"
OVER = Notice("This link no longer works", "It ends with its token, or when another is made. Ask whoever runs the gateway for a new one.")


@blueprint.get("/enter/phone/<key>")
def phone(key: str) -> Response:
    """What to type in, and whether a telephone has registered since."""
    gateway = current_gateway()
    try:
        shown = pairing.shown(gateway, key)
    except UnknownKey:
        return notice(OVER, 410)
    base = gateway.settings.base_url or request.host_url.rstrip("/")
    return page(
        "console/pairing.html",
        200,
        shown=shown,
        opened=shown.opened,
        api_url=base + API,
        qr=drawn(base + shown.opened.page),
        zone=gateway.settings.default_zone,
        is_plain=base.startswith("http://"),
    )


def drawn(text: str) -> Markup:
    """A QR code as markup for the page: dark on white whatever the page's colours, without a style of its own."""
    out = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(out, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, border=3, light="#fff", svgclass="qr", lineclass=None)
    return Markup(out.getvalue().decode("ascii"))
