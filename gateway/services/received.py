"""Reading what came in: new messages for programs that fetch them, histories, and the operator's list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from gateway.domain.errors import NotFound
from gateway.services.core import Gateway
from gateway.services.story import account_id_of
from gateway.storage import inbound as stored
from gateway.storage.inbound import Wanted as Wanted
from gateway.storage.tables import InboundMessage as InboundMessage


def take_new(gateway: Gateway, account_id: int, recipients: Collection[str] | None, most: int) -> Sequence[InboundMessage]:
    """Messages that no call fetched before, the oldest first; they count as fetched from now on.

    Of two calls at once each gets others. What is lost on the way to the program is found in the history.

    Args:
        recipients: only those that came to these numbers; None: all.
    """
    with gateway.writing() as session:
        rows = stored.take_new(session, account_id, recipients, gateway.clock.now(), most)
        session.expunge_all()
        return rows


def page(gateway: Gateway, wanted: Wanted, offset: int, limit: int, *, newest_first: bool) -> tuple[int, Sequence[InboundMessage]]:
    """How many messages fit, and some of them by the time they came."""
    with gateway.reading() as session:
        total, rows = stored.page(session, wanted, offset, limit, newest_first=newest_first)
        session.expunge_all()
        return total, rows


def newer(gateway: Gateway, wanted: Wanted, most: int) -> Sequence[InboundMessage]:
    """Messages behind ``wanted.after_id``, the oldest first."""
    with gateway.reading() as session:
        rows = stored.newer(session, wanted, most)
        session.expunge_all()
        return rows


# --- For the operator


def latest(gateway: Gateway, account_name: str | None, limit: int, *, unrouted: bool) -> Sequence[tuple[InboundMessage, str | None]]:
    """The newest messages with the names of their accounts: of one account, of none (``unrouted``), or all.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        rows = stored.latest(session, account_id_of(session, account_name), limit, unrouted=unrouted)
        session.expunge_all()
        return rows


def one(gateway: Gateway, public_id: str) -> tuple[InboundMessage, str | None]:
    """A message by its id, with the name of its account.

    Raises:
        NotFound
    """
    try:
        wanted = UUID(public_id)
    except ValueError:
        raise NotFound("message") from None
    with gateway.reading() as session:
        found = stored.named(session, wanted)
        if found is None:
            raise NotFound("message")
        session.expunge_all()
        return found
