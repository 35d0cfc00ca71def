"""What came from handsets: storing it once, the parts of long messages, whose it is, and reading it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased, defer

from gateway.domain.inbound import InboundKind
from gateway.domain.keywords import Keyword
from gateway.storage.messages import LOOK_BACK, Line, holds
from gateway.storage.tables import Account, ConnectorRow, InboundMessage, InboundNumber, InboundPart, KeywordReply, Phone

AT_ONCE = 200
"""Rows of one INSERT: SQLite takes some thirty thousand values."""
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
CALL = InboundKind.CALL.value
_WITHOUT_FILES = defer(InboundMessage.attachments, raiseload=True)
"""For lists of texts: the files of one message are up to some megabytes."""


class PartSet(NamedTuple):
    """What the parts of one long message have in common."""

    connector: str
    sender: str
    recipient: str
    reference: int
    total: int


class Owner(NamedTuple):
    """An account that has registered a number as its phone."""

    account_id: int
    connector: str | None


def insert(session: Session, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Stores messages whose fingerprint is not known yet, in this order; the fingerprints of those."""
    new: set[bytes] = set()
    make = sqlite.insert if session.connection().dialect.name == "sqlite" else postgresql.insert
    for start in range(0, len(rows), AT_ONCE):
        statement = make(InboundMessage).values(list(rows[start : start + AT_ONCE]))
        kept = statement.on_conflict_do_nothing(index_elements=["fingerprint"]).returning(InboundMessage.fingerprint)
        new.update(session.scalars(kept))
    return new


def ids_of(session: Session, fingerprints: Collection[bytes]) -> dict[bytes, UUID]:
    """The public ids of stored messages, by fingerprint."""
    if not fingerprints:
        return {}
    columns = select(InboundMessage.fingerprint, InboundMessage.public_id)
    return {row[0]: row[1] for row in session.execute(columns.where(InboundMessage.fingerprint.in_(list(fingerprints))))}


def lock_connectors(session: Session, names: Collection[str]) -> None:
    """Lets one batch of a connector be stored at a time."""
    for name in sorted(names):
        _lock(session, f"dragoman inbound {name}")


def lock_set(session: Session, parts: PartSet) -> None:
    """Lets one transaction at a time at the parts of a message: of two that bring the last two parts, the second must see the first's."""
    _lock(session, "dragoman inbound parts " + "\x1f".join(map(str, parts)))


def _lock(session: Session, name: str) -> None:
    """Holds a name until the transaction ends. On SQLite the writer is alone."""
    if session.connection().dialect.name == "postgresql":
        session.execute(_LOCK, {"name": name})


def parts_of(session: Session, parts: PartSet) -> dict[int, InboundPart]:
    """The kept parts of a message by their position."""
    chosen = [getattr(InboundPart, name) == value for name, value in parts._asdict().items()]
    return {row.position: row for row in session.scalars(select(InboundPart).where(*chosen))}


def has_stale(session: Session, unfinished: datetime, known: datetime) -> bool:
    """Whether parts have waited since before ``unfinished``, or were stored with their message before ``known``."""
    return session.scalar(select(InboundPart.reference).where(_stale(unfinished, known)).limit(1)) is not None


def stale_sets(session: Session, unfinished: datetime, known: datetime, most: int) -> list[PartSet]:
    """Up to ``most`` messages with such parts, in one order for everybody."""
    columns = (InboundPart.connector, InboundPart.sender, InboundPart.recipient, InboundPart.reference, InboundPart.total)
    rows = session.execute(select(*columns).where(_stale(unfinished, known)).distinct().order_by(*columns).limit(most))
    return [PartSet(*row) for row in rows]


def _stale(unfinished: datetime, known: datetime) -> ColumnElement[bool]:
    return or_(
        InboundPart.stored_at.is_(None) & (InboundPart.received_at < unfinished),
        (InboundPart.received_at < known) & (InboundPart.stored_at < known),
    )


def numbers_of(session: Session, numbers: Collection[str]) -> dict[str, int]:
    """The accounts that these numbers were given to."""
    if not numbers:
        return {}
    rows = session.execute(select(InboundNumber.number, InboundNumber.account_id).where(InboundNumber.number.in_(list(numbers))))
    return {row[0]: row[1] for row in rows}


def phones_of(session: Session, numbers: Collection[str]) -> dict[str, list[Owner]]:
    """Who registered these numbers as phones: several accounts may."""
    found: dict[str, list[Owner]] = {}
    if numbers:
        columns = select(Phone.number, Phone.account_id, Phone.connector).where(Phone.number.in_(list(numbers))).order_by(Phone.account_id)
        for number, account_id, connector in session.execute(columns):
            found.setdefault(number, []).append(Owner(account_id, connector))
    return found


def connector_accounts(session: Session, names: Collection[str]) -> dict[str, int | None]:
    """Who gets what comes in by these connectors to a number that nobody owns."""
    rows = session.execute(select(ConnectorRow.name, ConnectorRow.inbound_account_id).where(ConnectorRow.name.in_(list(names))))
    return {row[0]: row[1] for row in rows}


def regions(session: Session, account_ids: Collection[int]) -> dict[int, str]:
    """The countries that these accounts read national numbers in."""
    if not account_ids:
        return {}
    rows = session.execute(select(Account.id, Account.default_region).where(Account.id.in_(list(account_ids))))
    return {row[0]: row[1] for row in rows}


def replies(session: Session, account_ids: Collection[int]) -> dict[tuple[int, str], str]:
    """What these accounts answer, by account and keyword."""
    if not account_ids:
        return {}
    rows = session.scalars(select(KeywordReply).where(KeywordReply.account_id.in_(list(account_ids))))
    return {(row.account_id, row.keyword): row.text for row in rows}


def unanswered(session: Session, now: datetime, most: int) -> Sequence[InboundMessage]:
    """Messages whose keyword waits for an answer, the oldest first."""
    due = select(InboundMessage).where(InboundMessage.reply_due_at.is_not(None), InboundMessage.reply_due_at <= now)
    return session.scalars(due.order_by(InboundMessage.reply_due_at, InboundMessage.id).limit(most)).all()


def answer_at(session: Session, message_id: int, due_at: datetime | None) -> None:
    """Puts an answer off, or takes it from the list (None)."""
    session.execute(update(InboundMessage).where(InboundMessage.id == message_id).values(reply_due_at=due_at))


# --- Reading


def take_new(session: Session, account_id: int, recipients: Collection[str] | None, now: datetime, most: int) -> Sequence[InboundMessage]:
    """The oldest messages that nobody fetched yet, without their files, locked and marked fetched: of two callers, each gets others.

    In two statements: PostgreSQL may run a limited sub-select of an UPDATE once for each row, and so take them all.

    Args:
        recipients: only those that came to these numbers; None: all.
    """
    waiting = select(InboundMessage).where(InboundMessage.account_id == account_id, InboundMessage.fetched_at.is_(None))
    if recipients is not None:
        waiting = waiting.where(InboundMessage.recipient.in_(list(recipients)))
    chosen = waiting.options(_WITHOUT_FILES).order_by(InboundMessage.id).limit(most).with_for_update(skip_locked=True)
    rows = session.scalars(chosen).all()
    if rows:
        taken = update(InboundMessage).where(InboundMessage.id.in_([row.id for row in rows])).values(fetched_at=now)
        session.execute(taken, execution_options={"synchronize_session": False})
    return rows


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of an account's messages are asked for: all None and "" do not narrow. Missed calls only with ``calls``.

    ``keyword`` "" is "none of those in ``keywords``"; ``start`` and ``end`` are included.
    """

    account_id: int
    start: datetime | None = None
    end: datetime | None = None
    recipients: Collection[str] | None = None
    after_id: int | None = None
    keyword: str | None = None
    keywords: Collection[str] = (Keyword.STOP.value, Keyword.HELP.value)


def page(session: Session, wanted: Wanted, offset: int, limit: int, *, newest_first: bool) -> tuple[int, Sequence[InboundMessage]]:
    """How many messages fit, and some of them, without their files."""
    chosen = _conditions(wanted)
    total = session.scalar(select(func.count()).select_from(InboundMessage).where(*chosen)) or 0
    order = (
        (InboundMessage.received_at.desc(), InboundMessage.id.desc()) if newest_first else (InboundMessage.received_at, InboundMessage.id)
    )
    rows = select(InboundMessage).options(_WITHOUT_FILES).where(*chosen).order_by(*order).offset(offset).limit(limit)
    return total, session.scalars(rows).all()


def newer(session: Session, wanted: Wanted, limit: int) -> Sequence[InboundMessage]:
    """Messages behind ``wanted.after_id``, the oldest first, without their files."""
    chosen = select(InboundMessage).options(_WITHOUT_FILES).where(*_conditions(wanted))
    return session.scalars(chosen.order_by(InboundMessage.id).limit(limit)).all()


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    message = InboundMessage
    chosen = [message.account_id == wanted.account_id, message.hidden_at.is_(None), message.kind != CALL]
    if wanted.start is not None:
        chosen.append(message.received_at >= wanted.start)
    if wanted.end is not None:
        chosen.append(message.received_at <= wanted.end)
    if wanted.recipients is not None:
        chosen.append(message.recipient.in_(list(wanted.recipients)))
    if wanted.after_id is not None:
        chosen.append(message.id > wanted.after_id)
    if wanted.keyword:
        chosen.append(message.keyword == wanted.keyword)
    elif wanted.keyword is not None:
        chosen.append(message.keyword.is_(None) | message.keyword.not_in(list(wanted.keywords)))
    return chosen


def count_received(session: Session, account_id: int, start: datetime, end: datetime) -> int:
    """How many messages came in from ``start`` up to but not including ``end``, deleted ones too; missed calls are none."""
    message = InboundMessage
    chosen = (message.account_id == account_id, message.received_at >= start, message.received_at < end, message.kind != CALL)
    return session.scalar(select(func.count()).select_from(message).where(*chosen)) or 0


# --- Conversations


def converses(session: Session, account_id: int, owner: str | None = None, contact: str | None = None) -> bool:
    """Whether anything came in for the account, or to ``owner`` from ``contact``."""
    chosen = [InboundMessage.account_id == account_id]
    if owner is not None:
        chosen += [InboundMessage.recipient == owner, InboundMessage.sender == contact]
    return session.scalar(select(InboundMessage.id).where(*chosen).limit(1)) is not None


def conversation_lines(session: Session, account_id: int, owner: str, contact: str, text: str, most: int) -> list[Line]:
    """The newest messages and calls from ``contact`` to ``owner``, both compared exactly; ``text`` narrows to those that hold it."""
    message = InboundMessage
    newest = select(message).where(message.account_id == account_id, message.recipient == owner, message.sender == contact)
    return _lines(session, newest, [] if not text else [text], most)


def search_lines(session: Session, account_id: int, kinds: Collection[str], owners: Collection[str], text: str) -> list[Line]:
    """All that fit among the account's newest. Arguments as those of :class:`gateway.storage.messages.Search`."""
    newest = select(InboundMessage).where(InboundMessage.account_id == account_id)
    return _lines(session, newest, [text] if text else [], LOOK_BACK, kinds=kinds, owners=owners, whole=True)


def _lines(
    session: Session,
    newest: Select[InboundMessage],
    texts: Sequence[str],
    most: int,
    *,
    kinds: Collection[str] = (),
    owners: Collection[str] = (),
    whole: bool = False,
) -> list[Line]:
    bounded = newest.order_by(InboundMessage.received_at.desc(), InboundMessage.id.desc()).limit(LOOK_BACK).subquery()
    message = aliased(InboundMessage, bounded)
    query = select(message.received_at, message.recipient, message.sender, message.kind, message.id).where(message.hidden_at.is_(None))
    if kinds:
        query = query.where(message.kind.in_(list(kinds)))
    if owners:
        query = query.where(message.recipient.in_(list(owners)))
    for text_ in texts:
        fits = [holds(message.text, text_)]
        if whole:
            fits += [holds(message.sender, text_), *([message.public_id == UUID(text_)] if _is_uuid(text_) else [])]
        query = query.where(or_(*fits))
    rows = session.execute(query.order_by(message.received_at.desc(), message.id.desc()).limit(most))
    return [Line(at, owner or "", contact, kind, row=row) for at, owner, contact, kind, row in rows]


def of_lines(session: Session, lines: Collection[Line]) -> dict[Line, InboundMessage]:
    """The messages behind the lines of such as came in."""
    wanted = {line.row: line for line in lines if line.order_id is None}
    if not wanted:
        return {}
    rows = session.scalars(select(InboundMessage).where(InboundMessage.id.in_(list(wanted))))
    return {wanted[row.id]: row for row in rows}


def one(session: Session, account_id: int, public_id: UUID) -> InboundMessage | None:
    """The message, if it was not deleted."""
    chosen = (InboundMessage.account_id == account_id, InboundMessage.public_id == public_id, InboundMessage.hidden_at.is_(None))
    return session.scalars(select(InboundMessage).where(*chosen)).first()


def hold(session: Session, account_id: int, public_id: UUID) -> InboundMessage | None:
    """Locks the message, if it was not deleted."""
    chosen = (InboundMessage.account_id == account_id, InboundMessage.public_id == public_id, InboundMessage.hidden_at.is_(None))
    return session.scalars(select(InboundMessage).where(*chosen).with_for_update()).first()


def hide(session: Session, chosen: Sequence[ColumnElement[bool]], now: datetime) -> None:
    """Takes messages out of every list; a program that has not fetched them does not get them any more."""
    fetched = func.coalesce(InboundMessage.fetched_at, now)
    hidden = update(InboundMessage).where(*chosen, InboundMessage.hidden_at.is_(None)).values(hidden_at=now, fetched_at=fetched)
    session.execute(hidden, execution_options={"synchronize_session": False})


def hide_conversation(session: Session, account_id: int, owner: str, contact: str, now: datetime) -> None:
    """Takes all that came from ``contact`` to ``owner`` so far out of the lists."""
    message = InboundMessage
    hide(
        session, [message.account_id == account_id, message.recipient == owner, message.sender == contact, message.received_at <= now], now
    )


def known_ids(session: Session, account_id: int, public_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are of messages that came in."""
    if not public_ids:
        return set()
    chosen = (InboundMessage.account_id == account_id, InboundMessage.public_id.in_(list(public_ids)))
    return set(session.scalars(select(InboundMessage.public_id).where(*chosen)))


def _is_uuid(text_: str) -> bool:
    try:
        return bool(UUID(text_))
    except ValueError:
        return False


# --- For the operator


def latest(session: Session, account_id: int | None, limit: int, *, unrouted: bool) -> Sequence[tuple[InboundMessage, str | None]]:
    """The newest messages with the names of their accounts: of one account, of none (``unrouted``), or all."""
    query = select(InboundMessage, Account.name).outerjoin(Account, Account.id == InboundMessage.account_id)
    if unrouted:
        query = query.where(InboundMessage.account_id.is_(None))
    elif account_id is not None:
        query = query.where(InboundMessage.account_id == account_id)
    order = (InboundMessage.received_at.desc(), InboundMessage.id.desc()) if unrouted or account_id else (InboundMessage.id.desc(),)
    return [(row[0], row[1]) for row in session.execute(query.order_by(*order).limit(limit))]


def named(session: Session, public_id: UUID) -> tuple[InboundMessage, str | None] | None:
    """The message with this id and the name of its account."""
    query = select(InboundMessage, Account.name).outerjoin(Account, Account.id == InboundMessage.account_id)
    row = session.execute(query.where(InboundMessage.public_id == public_id)).first()
    return row and (row[0], row[1])
