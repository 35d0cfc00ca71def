"""Puts the web side together: routes, error handling, and the layers around them."""

from __future__ import annotations

from flask import Flask, Request, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.config import Settings
from gateway.web import errors, health
from gateway.web.dialect import Dialect
from gateway.web.edge import Edge

CONSOLE = "/console/"


class ConsoleSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, for the console only: reading it took a tenth of the time of an API call."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if request.path.startswith(CONSOLE) else None


def install(app: Flask, settings: Settings, dialects: tuple[Dialect, ...]) -> None:
    """Registers every dialect and wraps the application in its middleware."""
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # Flask's own answer is empty, and calls itself HTML
    app.session_interface = ConsoleSessions()
    app.register_blueprint(health.blueprint)
    for dialect in dialects:
        app.register_blueprint(dialect.blueprint, url_prefix=dialect.prefix)
    errors.install(app, dialects)
    names = {dialect.blueprint.name: dialect.name for dialect in dialects}

    @app.before_request
    def note_route() -> None:
        if request.endpoint is not None:
            request.environ["dragoman.endpoint"] = request.endpoint
            request.environ["dragoman.dialect"] = names.get(request.blueprint or "", "")

    app.wsgi_app = Edge(app.wsgi_app, dialects)  # type: ignore[method-assign]
    if settings.proxy_count:
        # X-Forwarded-Host stays untrusted: nothing here is built from it.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_count, x_proto=settings.proxy_count, x_host=0)  # type: ignore[method-assign]
