"""What every dialect does between its own request and its own answer: hand a submission over for the caller, once or twice.

A caller may have been read a moment ago. When the charging statement finds that user, session or key changed since, the caller is
recognised anew, which raises what is wrong now or gives the fresh one for a second try.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import request

from gateway.domain.errors import CallerChanged, InvalidField
from gateway.domain.order import Submission
from gateway.services import ordering
from gateway.services.ordering import Accepted, terms_of
from gateway.services.rows import Caller
from gateway.web import metrics
from gateway.web.authentication import current_gateway

LONGEST_IDEMPOTENCY_KEY = 255


def submit(caller: Caller, recognise: Callable[[], Caller], read: Callable[[Caller], Submission]) -> Accepted:
    """Submits what was read for this caller.

    Args:
        caller: as recognised for this request, perhaps from memory.
        recognise: knows the caller again from the database, checking everything.
        read: the request as a submission of this caller.

    Raises:
        as :func:`gateway.services.ordering.submit` and as ``recognise``.
    """
    submission = read(caller)
    try:
        accepted = ordering.submit(current_gateway(), submission, terms_of(caller))
    except CallerChanged:
        caller = recognise()
        submission = read(caller)
        accepted = ordering.submit(current_gateway(), submission, terms_of(caller))
    if not accepted.is_repeat:
        metrics.MESSAGES_ACCEPTED.labels(submission.dialect).inc(accepted.recipient_count)
    return accepted


def idempotency_key() -> str | None:
    """The ``Idempotency-Key`` header, which any caller of any dialect may send.

    Raises:
        InvalidField
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_IDEMPOTENCY_KEY and key.isascii() and key.isprintable()):
        raise InvalidField("Idempotency-Key", f"must be 1 to {LONGEST_IDEMPOTENCY_KEY} printable ASCII characters")
    return key
