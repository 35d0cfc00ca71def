"""Puts the web side together: routes, error handling, and the layers around them."""

from __future__ import annotations

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.config import Settings
from gateway.domain.errors import NotFound
from gateway.web import documentation, errors, health, rate_limits
from gateway.web.dialect import Dialect, Dialects
from gateway.web.edge import Edge

CONSOLE = "/console/"


class ConsoleSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, for the console only: reading it took a tenth of the time of an API call."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if request.path.startswith(CONSOLE) else None


def install(app: Flask, settings: Settings, every: tuple[Dialect, ...]) -> None:
    """Registers every dialect that is switched on and wraps the application in its middleware."""
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # Flask's own answer is empty, and calls itself HTML
    app.session_interface = ConsoleSessions()
    dialects = Dialects(every, settings.dialect_hosts)
    app.extensions["dragoman.dialects"] = dialects
    app.register_blueprint(health.blueprint)
    app.register_blueprint(documentation.blueprint)
    for dialect in dialects.active:
        app.register_blueprint(dialect.blueprint)
    errors.install(app, dialects)
    _note_routes(app, dialects)
    rate_limits.install(app, settings)
    app.wsgi_app = Edge(app.wsgi_app, dialects)  # type: ignore[method-assign]
    if settings.proxy_count:
        # X-Forwarded-Host stays untrusted: the Host header decides which dialect is spoken.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_count, x_proto=settings.proxy_count, x_host=0)  # type: ignore[method-assign]


def _note_routes(app: Flask, dialects: Dialects) -> None:
    names = {dialect.blueprint.name: dialect for dialect in dialects.active}
    adding = {dialect.name: dialect.added_headers for dialect in dialects.active if dialect.added_headers}

    @app.before_request
    def note_route() -> None:
        environ = request.environ
        if request.endpoint is None:
            return
        environ["dragoman.endpoint"] = request.endpoint
        dialect = names.get(request.blueprint or "")
        if dialect is not None and not dialects.answers(dialect, environ.get("HTTP_HOST", "")):
            raise NotFound("path")  # not spoken under this host name
        environ["dragoman.dialect"] = dialect.name if dialect else ""

    @app.after_request
    def add_headers(response: Response) -> Response:
        name = request.environ.get("dragoman.dialect")
        if name is None:  # no route was found, or its method was not
            dialect = errors.spoken(dialects)
            name = dialect.name if dialect else ""
        add = adding.get(name)
        if add is not None:
            add(response)
        return response
