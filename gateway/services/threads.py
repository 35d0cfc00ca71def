"""Conversations between an account's numbers and other parties. They are a view for people; messages stand without them.

Source: contract httpsms 5.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.domain import ids
from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.message import State
from gateway.services import messages
from gateway.services.core import Gateway
from gateway.storage import inbound as stored_inbound
from gateway.storage import messages as stored_messages
from gateway.storage import threads as stored
from gateway.storage.tables import Thread
from gateway.storage.threads import Touch

log = structlog.get_logger()

COLORS = (
    "red", "pink", "purple", "deep-purple", "indigo", "blue", "light-blue", "cyan", "teal", "green", "light-green", "lime",
    "yellow", "amber", "orange", "deep-orange", "brown", "blue-grey",
)  # fmt: skip
"""Names of Material Design; each conversation gets one by chance."""
LONGEST_CONTACT = 17


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation and where its last message stands; ``state`` None: it has none left, or it was received (``is_received``)."""

    thread: Thread
    state: State | None
    is_received: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in from ``contact`` to the account's number ``owner``, "" where that is not known."""

    account_id: int
    owner: str = field(repr=False)
    contact: str = field(repr=False)
    message_id: UUID
    text: str = field(repr=False)


def touch(gateway: Gateway, account_id: int, owner: str, written: Sequence[tuple[str, str]], order_id: UUID, at: datetime) -> None:
    """Notes that an accepted order wrote these (contact, text), in the order of its messages. A contact that stands twice counts last.

    The order is accepted and answered for by now, so a failure is only logged.
    """
    last = {contact: (ids.message_id(order_id, position), text) for position, (contact, text) in enumerate(written)}
    touches = [Touch(uuid4(), secrets.choice(COLORS), contact, message_id, text) for contact, (message_id, text) in last.items()]
    try:
        with gateway.writing() as session:
            stored.touch(session, account_id, owner, touches, at)
    except (SQLAlchemyError, Unavailable) as error:
        log.warning("threads not touched", error=type(error).__name__, order_id=str(order_id), account_id=account_id)


def touch_received(session: Session, came: Sequence[Received], now: datetime) -> None:
    """Notes in the caller's transaction that these messages came: unread, and taken out of the archive where the phone says so.

    A message to an unknown number, or from a sender that no conversation has room for, is in no conversation.
    """
    fitting = [each for each in came if each.owner and 0 < len(each.contact) <= LONGEST_CONTACT]
    last = {(each.account_id, each.owner, each.contact): each for each in fitting}
    stay = stored.leave_archived(session, {key[:2] for key in last}) if last else set()
    for stays in (False, True):
        chosen = [(key, each) for key, each in sorted(last.items()) if (key[:2] in stay) is stays]
        rows = [(key[0], key[1], Touch(uuid4(), secrets.choice(COLORS), key[2], each.message_id, each.text)) for key, each in chosen]
        stored.touch_received(session, rows, now, stay_archived=stays)


def listed(
    gateway: Gateway, account_id: int, owner: str, text: str, offset: int, limit: int, *, archived: bool = False
) -> list[Conversation]:
    """Conversations of a number (compared exactly), the one with the newest message first.

    Args:
        text: narrows to those whose preview, number or contact holds it, without regard to case; "" does not.
    """
    with gateway.reading() as session:
        rows = stored.page(session, account_id, owner, text, offset, limit, archived=archived)
        return _conversations(session, account_id, rows)


def change(gateway: Gateway, account_id: int, thread_id: UUID, *, archived: bool | None, read: bool | None) -> Conversation:
    """Archives a conversation or marks it read, or the reverse; None leaves as it is.

    Raises:
        NotFound: the account has no such conversation.
    """
    with gateway.writing() as session:
        thread = _one(stored.one(session, account_id, thread_id))
        thread.is_archived = thread.is_archived if archived is None else archived
        thread.is_read = thread.is_read if read is None else read
        thread.updated_at = gateway.clock.now()
        session.flush()
        (changed,) = _conversations(session, account_id, [thread])
        return changed


def delete(gateway: Gateway, account_id: int, thread_id: UUID) -> None:
    """Deletes a conversation and its messages; those that wait are not sent any more, and paid back.

    The conversation goes with the last of its messages, so what broke off can be asked for again. It stays when a message was
    written to it meanwhile.

    Raises:
        NotFound: the account has no such conversation.
    """
    with gateway.reading() as session:
        thread = _one(stored.named(session, account_id, thread_id))
        owner, contact = thread.owner, thread.contact

    def end(session: Session, before: UUID) -> None:
        held = stored.one(session, account_id, thread_id)
        if held is not None and (held.last_message_id is None or ids.of_message(held.last_message_id)[0] < before):
            session.delete(held)

    messages.delete_conversation(gateway, account_id, owner, contact, end)


def _one(thread: Thread | None) -> Thread:
    if thread is None:
        raise NotFound("thread")
    return thread


def _conversations(session: Session, account_id: int, rows: Sequence[Thread]) -> list[Conversation]:
    last = {row.last_message_id for row in rows if row.last_message_id}
    states = stored_messages.states(session, account_id, last)
    came = stored_inbound.known_ids(session, account_id, last - states.keys())
    session.expunge_all()
    return [
        Conversation(row, State(states[row.last_message_id]) if row.last_message_id in states else None, row.last_message_id in came)
        for row in rows
    ]
