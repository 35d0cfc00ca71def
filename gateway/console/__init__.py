"""The pages for people with a browser: those behind an account's ``dashboard`` link, and the one that pairs a telephone.

Here live routes, templates and one style sheet, nothing else: what is shown is read by :mod:`gateway.services.console`.
No script runs here and no other address is asked for anything, so the strictest content security policy holds. Message texts are never
shown. May import services, domain and web; no storage, no dialect, no connector.
"""

from __future__ import annotations

from flask import Flask

from gateway.console.cookies import COOKIE_SETTINGS, ConsoleCookies
from gateway.console.pairing import blueprint


def install(app: Flask) -> None:
    """Adds the console to the application."""
    app.config.update(COOKIE_SETTINGS)
    app.session_interface = ConsoleCookies()
    app.register_blueprint(blueprint)
