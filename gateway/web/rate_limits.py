"""How many calls a minute a caller may make, counted before it is known whether the call is any good.

A dialect marks a view with :func:`limited`; views without the mark are neither counted nor do their answers say anything about it.
One limiter of flask-limiter counts for the whole application, in fixed windows that begin with a caller's first call.

With Redis all workers and machines share the count. When Redis is away each worker counts for itself, up to the limit divided by
the number of workers, and goes back to Redis by itself: it asks every few seconds. Without Redis each worker
counts for itself. Nobody is let in unchecked in either case: this module limits, it does not recognise anybody.

Source: contract bulk 5.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import flask_limiter._extension
from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limit, Limiter, RateLimitExceeded, RequestLimit
from limits.errors import StorageError

from gateway.config import Settings
from gateway.domain.errors import Throttled
from gateway.web.windows import ProcessWindows, SharedWindows

WINDOW_SECONDS = 60
REDIS_TIMEOUT_SECONDS = 0.5
MARK = "dragoman_allowance"
ALLOWANCE, EXCEEDED = "dragoman.allowance", "dragoman.exceeded"
"""What is known of a request, in its own environment: ``flask.g`` belongs to a context that may outlive it."""
LIMIT, REMAINING, RESET = "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often somebody may call.

    Args:
        scope: what is counted together; stands readable in Redis.
        bucket: for whom; only its digest is stored.
        calls: so many in a window.
    """

    scope: str
    bucket: str
    calls: int


# The library would let a worker that lost Redis count for itself up to half a minute after Redis is back. It has no setting for that;
# tests/unit/web/test_rate_limits.py would notice if this stopped working.
flask_limiter._extension.MAX_BACKEND_CHECKS = 1  # type: ignore[attr-defined]

View = TypeVar("View", bound=Callable[..., Response])


def limited(allowance: Callable[[], Allowance]) -> Callable[[View], View]:
    """Marks a view as limited. ``allowance`` is asked at each of its requests, before the view, and refuses nobody."""

    def mark(view: View) -> View:
        setattr(view, MARK, allowance)
        return view

    return mark


def install(app: Flask, settings: Settings) -> None:
    """Counts the calls of marked views, refuses those that are too many, and tells all of them how many are left.

    The order matters: ``weigh`` comes before the limiter's own check, because the limiter takes whatever is raised while it works
    for a failure of Redis. The headers are ours: the library would say on every answer what Laravel says on refusals only.
    """
    app.before_request(_weigh)
    limiter = _limiter(settings)
    marked = _Marked(app)
    marked.after_request(lambda response: _tell(limiter, response))
    limiter.init_app(cast(Flask, marked))
    app.extensions["dragoman.limiter"] = limiter

    @app.errorhandler(RateLimitExceeded)
    def exceeded(_: RateLimitExceeded) -> Response:
        request.environ[EXCEEDED] = True
        return app.make_response(app.handle_user_exception(Throttled(_seconds_left(limiter))))


class _Marked:
    """What the limiter needs of the application, for marked views alone: its own hooks cost every call, limited or not."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.config, self.extensions = app.config, app.extensions

    def before_request(self, check: Callable[[], None]) -> None:
        self._app.before_request(lambda: check() if ALLOWANCE in request.environ else None)

    def after_request(self, change: Callable[[Response], Response]) -> None:
        self._app.after_request(lambda response: change(response) if ALLOWANCE in request.environ else response)

    def teardown_request(self, release: Callable[[BaseException | None], None]) -> None:
        self._app.teardown_request(lambda error: release(error) if ALLOWANCE in request.environ else None)


def _seconds_left(limiter: Limiter) -> int:
    current = limiter.current_limit
    try:
        seconds = math.ceil(current.reset_at - time.time()) if current else WINDOW_SECONDS
    except StorageError:  # Redis went away between the count and this question
        seconds = WINDOW_SECONDS
    return max(1, min(seconds, WINDOW_SECONDS))


def _limiter(settings: Settings) -> Limiter:
    fallback = Limit(limit_provider=lambda: _words(settings.web_workers), key_function=_digest, scope=_scope, shared=True)
    return Limiter(
        _digest,
        application_limits=[ApplicationLimit(limit_provider=_words, key_function=_digest, scope=_scope)],
        strategy="fixed-window",
        storage_uri=_storage(settings.redis_url),
        storage_options=_storage_options() if settings.redis_url else {},
        in_memory_fallback=[fallback] if settings.redis_url else None,  # type: ignore[list-item]  # a string could not say what is counted together
    )


def _storage(redis_url: str) -> str:
    """The address as the library spells it."""
    if not redis_url:
        return f"{ProcessWindows.STORAGE_SCHEME[0]}://"
    return SharedWindows.PREFIX + (f"redis+{redis_url}" if redis_url.startswith("unix://") else redis_url)


def _storage_options() -> dict[str, str | int]:
    seconds: dict[str, float] = {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS}
    return {"key_prefix": "dragoman:calls", "wrap_exceptions": True, **seconds}  # type: ignore[dict-item]  # handed on to the Redis client, which takes fractions


def _weigh() -> None:
    view = current_app.view_functions.get(request.endpoint) if request.endpoint else None
    allowance = getattr(view, MARK, None)
    if allowance is not None:
        request.environ[ALLOWANCE] = allowance()


def _words(divisor: int = 1) -> str:
    return f"{max(1, _allowance().calls // divisor)} per {WINDOW_SECONDS} second"


def _digest() -> str:
    return hashlib.sha256(_allowance().bucket.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _scope(_endpoint: str) -> str:
    return _allowance().scope


def _allowance() -> Allowance:
    allowance: Allowance = request.environ[ALLOWANCE]
    return allowance


def _remaining(limiter: Limiter, current: RequestLimit) -> int:
    storage = limiter.limiter.storage
    count = storage.counted(current.key) if isinstance(storage, SharedWindows) else None
    return current.remaining if count is None else max(0, current.limit.amount - count)


def _tell(limiter: Limiter, response: Response) -> Response:
    """The headers of contract bulk 5."""
    current = limiter.current_limit
    if current is None:
        return response
    response.headers[LIMIT] = str(current.limit.amount)
    if EXCEEDED in request.environ:
        response.headers[REMAINING] = "0"
        response.headers[RESET] = str(math.ceil(time.time()) + int(response.headers["Retry-After"]))
        return response
    try:
        response.headers[REMAINING] = str(_remaining(limiter, current))
    except StorageError:  # Redis went away meanwhile; the count begins anew in this process
        response.headers[REMAINING] = str(current.limit.amount)
    return response
