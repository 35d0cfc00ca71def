"""The console's cookie: Flask's signed one, sent to console pages only."""

from __future__ import annotations

from flask import Flask, request

from gateway.services.console import LIFE
from gateway.web.application import CONSOLE, ConsoleSessions

COOKIE_SETTINGS = {
    "SESSION_COOKIE_NAME": "dragoman_console",
    "SESSION_COOKIE_PATH": CONSOLE,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",  # Strict would lose it on the way from the link to the first page
    "SESSION_REFRESH_EACH_REQUEST": False,
    "PERMANENT_SESSION_LIFETIME": LIFE,
}


class ConsoleCookies(ConsoleSessions):
    """Marks the cookie Secure whenever the visitor came by https; the gateway is also used without."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure
