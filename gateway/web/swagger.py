"""The Swagger UI page and its files. They are shipped with the gateway, so that a browser asks no other host.

What is shipped, from where and with which changes stands in ``static/swagger/README.md``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from flask import Response, request
from markupsafe import escape

from gateway.domain.errors import NotFound

FOLDER = Path(__file__).parent / "static" / "swagger"
JAVASCRIPT, CSS = "text/javascript", "text/css"
ASSETS: Mapping[str, str] = {
    "swagger-ui.css": CSS,
    "page.css": CSS,
    "swagger-ui-bundle.js": JAVASCRIPT,
    "page.js": JAVASCRIPT,
    "oauth2-redirect.js": JAVASCRIPT,
}
"""The files that are served, with their media types."""
YEAR_SECONDS = 31_536_000
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Dragoman: API documentation</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{assets}/swagger-ui.css?v={version}">
<link rel="stylesheet" href="{assets}/page.css?v={version}">
<script src="{assets}/swagger-ui-bundle.js?v={version}" defer></script>
<script src="{assets}/page.js?v={version}" defer></script>
</head>
<body>
<div id="swagger-ui" data-spec-url="{spec}"></div>
<noscript><p>This page needs JavaScript. The description itself is at <a href="{spec}">{spec}</a>.</p></noscript>
</body>
</html>
"""


def swagger_page(asset_base: str, spec_url: str) -> Response:
    """The page that shows an OpenAPI document.

    Args:
        asset_base: the path below which :func:`asset` serves the files, with no slash at the end.
        spec_url: the document, on the same origin: the page may ask no other.
    """
    html = PAGE.format(assets=escape(asset_base), spec=escape(spec_url), version=version())
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache"
    return _protected(response)


def asset(name: str) -> Response:
    """One of the page's files. Under the current version's address it may be kept for a year.

    Raises:
        NotFound: there is no such file.
    """
    if name not in ASSETS:
        raise NotFound("path")
    response = Response(_content(name), mimetype=ASSETS[name])
    kept = request.args.get("v") == version()
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable" if kept else "no-cache"
    response.set_etag(version())
    response.make_conditional(request)
    return _protected(response)


@cache
def version() -> str:
    """Changes when any of the files does."""
    return hashlib.sha256(b"".join(_content(name) for name in sorted(ASSETS))).hexdigest()[:12]


@cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def _protected(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
