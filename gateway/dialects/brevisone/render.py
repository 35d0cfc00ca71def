"""Answers as this dialect's clients take them: a status, and plain text with no newline at its end."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from flask import Response, request

from gateway.dialects.brevisone.errors import IN_LOG
from gateway.dialects.brevisone.uncertain import DONE
from gateway.services.ordering import Accepted
from gateway.web.dialect import Answer
from gateway.web.errors import InternalError

log = structlog.get_logger()


def accepted(order: Accepted) -> Response:
    """``OK``, and the order's id in a header (contract 4)."""
    response = text(DONE)
    response.headers["X-Message-Id"] = str(order.id)
    return response


def figures(pairs: Sequence[tuple[str, str]]) -> Response:
    """A line for each figure of ``/check.php`` (contract 6)."""
    return text("\n".join(f"{name}: {value}" for name, value in pairs))


def state(word: str) -> Response:
    """The one line of ``/state.php``, with its blank in front of the colon (contract 7)."""
    return text(f"Status : {word}")


def error(answer: Answer) -> Response:
    """The error's sentence. Where that sends the reader to the log, the log gets the reason; it never holds a number or a text."""
    if answer.words in IN_LOG and not isinstance(answer.error, InternalError):
        log.warning(
            "brevisone_refused",
            error=type(answer.error).__name__,
            reason=str(answer.error),
            account=request.environ.get("dragoman.account"),
            request_id=request.environ.get("dragoman.request_id"),
        )
    return text(answer.words, answer.status)


def not_kept(response: Response) -> None:
    """Keeps caches from answering a send in our place, and the password in its address from travelling on."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"


def text(value: str, status: int = 200) -> Response:
    """Plain text as it is."""
    return Response(value, status, content_type="text/plain; charset=utf-8")
