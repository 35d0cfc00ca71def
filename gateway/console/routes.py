"""The console's pages: in by a link, one account at a glance, out by a button."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from gateway.domain import errors
from gateway.domain.credit import format_credits
from gateway.domain.message import State
from gateway.domain.tariff import MessageType
from gateway.services import console
from gateway.services.console import Visitor
from gateway.web.authentication import current_gateway
from gateway.web.errors import NATIVE

STATIC = Path(__file__).parent / "static"
VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))).hexdigest()[:12]
VISIT = "visit"
LONGEST_FORM_BYTES = 4096
YEAR_SECONDS = 31_536_000
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

log = structlog.get_logger()
blueprint = Blueprint("console", __name__, url_prefix="/console", template_folder="templates", static_folder="static")

TYPES: Mapping[MessageType, str] = {
    MessageType.HIGH: "High quality",
    MessageType.MEDIUM: "Medium quality",
    MessageType.LOW: "Low cost",
    MessageType.FOREIGN: "Abroad",
    MessageType.ADVERTISING: "Advertising",
}
TONES: Mapping[State, str] = {
    State.SCHEDULED: "waiting",
    State.QUEUED: "waiting",
    State.SENDING: "waiting",
    State.SENT: "sent",
    State.DELIVERED: "good",
    State.UNDELIVERED: "bad",
    State.EXPIRED: "bad",
    State.UNKNOWN: "doubtful",
    State.FAILED: "bad",
    State.CANCELLED: "neutral",
    State.BLOCKED: "bad",
}


class Notice(NamedTuple):
    """A page that only says something."""

    title: str
    words: str


AGAIN = "Open the dashboard again from your program: it makes a fresh link each time."
USED_LINK = Notice("This link no longer works", f"A link works once, within five minutes. {AGAIN}")
LEFT = Notice("You have left the dashboard", f"You can close this page. {AGAIN}")
NOTICES: Mapping[int, Notice] = {
    401: Notice("You are not signed in", f"A visit ends after thirty minutes. {AGAIN}"),
    403: Notice("That was not accepted", "The form did not come from a page of this visit. Go back to the dashboard and try again."),
    404: Notice("There is no such page", "The address may be mistyped."),
    503: Notice("The gateway cannot answer now", "Nothing was changed. Try again in a minute."),
    500: Notice("Something went wrong", "The fault was recorded. Try again; if it happens again, tell whoever runs the gateway."),
}
OTHER = Notice("That request was not understood", "Go back to the dashboard and try again.")


@blueprint.get("/enter/<key>")
def enter(key: str) -> AnyResponse:
    """Uses up a link and signs the visitor in. HEAD, with which programs look at links before a person does, leaves it whole."""
    if request.method == "HEAD":
        return Response(status=204)
    try:
        visit_id = console.enter(current_gateway(), key)
    except errors.UnknownKey:
        return notice(USED_LINK, 410)
    session.clear()
    session.permanent = True
    session[VISIT] = visit_id.hex
    return redirect(url_for("console.account"), 303)


@blueprint.get("/account")
def account() -> Response:
    """The account at a glance: credit, what it still buys, and the last orders."""
    who = visitor()
    gateway = current_gateway()
    return page(
        "console/account.html",
        200,
        who=who,
        overview=console.overview(gateway, who),
        most_orders=console.MOST_ORDERS,
        form_key=console.form_key(gateway, who),
        now=gateway.clock.now(),
        types=TYPES,
        tones=TONES,
        states=tuple(State),
    )


@blueprint.post("/leave")
def leave() -> Response:
    """Ends the visit."""
    who = visitor()
    request.max_content_length = LONGEST_FORM_BYTES
    console.check_form_key(current_gateway(), who, request.form.get("form_key", ""))
    console.leave(current_gateway(), who)
    session.clear()
    return notice(LEFT, 200)


@blueprint.get("/")
def front() -> AnyResponse:
    """The console's address without a page."""
    return redirect(url_for("console.account"), 303)


@blueprint.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def nowhere(rest: str) -> Response:
    """Every other address. Routing errors never reach a blueprint, so without this they would be told in JSON."""
    raise errors.NotFound("page")


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    """Tells a person what went wrong; the same statuses as elsewhere."""
    if isinstance(error, errors.GatewayError):
        status = next(NATIVE[kind] for kind in type(error).__mro__ if kind in NATIVE)
    elif isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        status = error.code
    else:
        log.error("defect", exc_info=error, endpoint=request.endpoint)
        status = 500
    return notice(NOTICES.get(status, OTHER), status)


@blueprint.after_request
def protect(response: AnyResponse) -> AnyResponse:
    """The headers of every console answer. Only the style sheet under its current version may be kept."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    kept = request.endpoint == "console.static" and response.status_code in (200, 304) and request.args.get("v") == VERSION
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable" if kept else "no-store"
    return response


@blueprint.app_template_filter("credits")
def credits(units: int) -> str:
    """Units as credits, with the thousands set apart by narrow blanks."""
    whole, point, decimals = format_credits(abs(units)).partition(".")
    return f"{'-' if units < 0 else ''}{grouped(int(whole))}{point}{decimals}"


@blueprint.app_template_filter("grouped")
def grouped(number: int) -> str:
    """A whole number, with the thousands set apart by narrow blanks."""
    return f"{number:,}".replace(",", "\u202f")


@blueprint.app_template_filter("local")
def local(moment: datetime, zone: ZoneInfo) -> str:
    """A moment on the clocks of a zone, to the minute."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def visitor() -> Visitor:
    """Who is looking.

    Raises:
        MissingCredentials: nobody that the cookie names.
        SessionExpired: the visit is over.
    """
    named = session.get(VISIT)
    if named is None:
        raise errors.MissingCredentials
    who = console.visitor(current_gateway(), UUID(named))
    request.environ["dragoman.account"] = who.account_name
    return who


def notice(what: Notice, status: int) -> Response:
    """A page that only says something."""
    return page("console/notice.html", status, notice=what)


def page(template: str, status: int, **values: object) -> Response:
    """A rendered page."""
    return Response(render_template(template, version=VERSION, **values), status, mimetype="text/html")
