"""What was sent and what came in, in one list: conversations, searches, single messages. Source: contract httpsms 4.3 to 4.6.

Both are sorted by when the gateway got them. Where nothing came in, the database alone does the work; else the keys of both, ten
thousand of each at most, are merged here, and only the page that is wanted is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.inbound import InboundKind
from gateway.services import messages
from gateway.services.core import Gateway
from gateway.services.messages import Search, Shown
from gateway.storage import inbound as received
from gateway.storage import messages as sent
from gateway.storage.messages import LOOK_BACK, Line
from gateway.storage.tables import InboundMessage as InboundMessage

Entry = Shown | InboundMessage
CALLS = frozenset({InboundKind.CALL.value})
WRITTEN = frozenset(kind.value for kind in InboundKind) - CALLS


def conversation(gateway: Gateway, account_id: int, owner: str, contact: str, text: str, offset: int, limit: int) -> list[Entry]:
    """Messages and missed calls between two numbers, newest first, among the newest ten thousand each way. Numbers are compared exactly.

    Args:
        text: narrows to messages whose content holds it, without regard to case; "" does not.
    """
    if not _came(gateway, account_id, owner, contact):
        return [*messages.conversation(gateway, account_id, owner, contact, text, offset, limit)]
    most = min(offset + limit, LOOK_BACK)
    with gateway.reading() as session:
        lines = [
            *sent.conversation_lines(session, account_id, owner, contact, text, most),
            *received.conversation_lines(session, account_id, owner, contact, text, most),
        ]
        lines.sort(key=_by_time, reverse=True)
        return _entries(session, account_id, lines[offset : offset + limit])


def search(
    gateway: Gateway, account_id: int, wanted: Search, kinds: Collection[str], offset: int, limit: int, *, with_sent: bool = True
) -> list[Entry]:
    """Messages that fit, among the newest ten thousand each way.

    Args:
        kinds: which kinds of what came in; none: nothing of it.
        with_sent: whether what was sent is wanted. ``wanted.states`` narrows that alone.
    """
    if with_sent and (not kinds or not _came(gateway, account_id)):
        return [*messages.search(gateway, account_id, wanted, offset, limit)]
    with gateway.reading() as session:
        lines = sent.search_lines(session, account_id, wanted) if with_sent else []
        if kinds:
            lines += received.search_lines(session, account_id, kinds, wanted.owners, wanted.text)
        lines.sort(key=lambda line: (_first(line, wanted.sort), _by_time(line)), reverse=wanted.descending)
        return _entries(session, account_id, lines[offset : offset + limit])


def get(gateway: Gateway, account_id: int, message_id: UUID) -> Entry:
    """One message.

    Raises:
        NotFound: the account has none with this id, or it was deleted.
    """
    with gateway.reading() as session:
        row = received.one(session, account_id, message_id)
        session.expunge_all()
    return messages.get(gateway, account_id, message_id) if row is None else row


def delete(gateway: Gateway, account_id: int, message_id: UUID) -> None:
    """Takes a message out of every list. One that still waits is not sent any more, and paid back.

    Raises:
        NotFound: as :func:`get`.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        row = received.hold(session, account_id, message_id)
        if row is not None:
            row.hidden_at, row.fetched_at = now, row.fetched_at or now
            session.flush()
            if row.recipient is not None:
                messages.renew_preview(session, account_id, row.recipient, row.sender, message_id, now)
            return
    messages.delete(gateway, account_id, message_id)


def _came(gateway: Gateway, account_id: int, owner: str | None = None, contact: str | None = None) -> bool:
    with gateway.reading() as session:
        return received.converses(session, account_id, owner, contact)


def _entries(session: Session, account_id: int, lines: Sequence[Line]) -> list[Entry]:
    """The messages behind the lines, in their order."""
    came = received.of_lines(session, lines)
    found = sent.of_lines(session, account_id, lines)
    places = {(order.id, message.position): line for line, (order, message) in found.items()}
    entries: dict[Line, Entry] = dict(came)
    for shown in messages.shown(session, account_id, list(found.values())):
        entries[places[shown.order.id, shown.message.position]] = shown
    return [entries[line] for line in lines if line in entries]


def _by_time(line: Line) -> tuple[Any, ...]:
    return (line.at, line.order_id.int if line.order_id else 0, line.position, line.row)


def _first(line: Line, sort: str) -> str:
    """What a search is sorted by before time."""
    came = line.order_id is None
    match sort:
        case "owner":
            return line.owner
        case "contact":
            return line.contact
        case "status":
            return "received" if came else line.state
        case "type":
            return "3" if not came else "1" if line.state in CALLS else "2"
        case _:
            return ""
