"""A small application that tells what reached it, for tests of the servers in front of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answers every request with the variables made from it, in JSON; ``/slow`` takes a second, ``/broken`` raises."""
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(1)
    if path == "/broken":
        raise RuntimeError("broken on purpose")
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    seen["scheme"] = environ["wsgi.url_scheme"]
    seen["body_length"] = str(len(environ["wsgi.input"].read()))
    body = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
