"""Which connector each message of a new order goes to."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.order import Submission
from gateway.services.pricing import Offer
from gateway.storage.accept import Mixed, Uniform


@dataclass(frozen=True, slots=True)
class Way:
    """The connector that an order's messages go to, and the rule that says so; ``messages`` where some go another way.

    ``is_pinned``: the caller chose it, so no other is ever tried.
    """

    connector: str
    route: str | None = None
    is_pinned: bool = False
    messages: Mixed | None = None


def place(offer: Offer, submission: Submission, own_connector: str | None, messages: Uniform | Mixed) -> Way:
    """The way of each message. ``own_connector`` is what the caller's device is bound to."""
    chosen = submission.connector or own_connector
    if chosen is not None:
        return Way(chosen, is_pinned=True)
    return Way(offer.connector)
