"""Which chat of a bot stands for which number, found both ways."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.storage.batch import BatchStatement, execute
from gateway.storage.tables import TelegramChat

_BY_NUMBER = BatchStatement(
    "SELECT number, chat_id FROM telegram_chats WHERE connector = :connector AND number {among}", {"number": "text"}
)  # fmt: skip
_BY_CHAT = BatchStatement(
    "SELECT chat_id, number FROM telegram_chats WHERE connector = :connector AND chat_id {among}", {"chat_id": "bigint"}
)
_ANY = BatchStatement("SELECT 1 FROM telegram_chats WHERE connector = :connector AND number {among} LIMIT 1", {"number": "text"})
_PUT = BatchStatement("""
    INSERT INTO telegram_chats (connector, number, chat_id, created_at) VALUES (:connector, :number, :chat_id, :now)
    ON CONFLICT (connector, number) DO UPDATE SET chat_id = excluded.chat_id, created_at = excluded.created_at
""")


def by_number(session: Session, connector: str, numbers: Collection[str]) -> dict[str, int]:
    """Number → chat, of those that are registered."""
    return dict(execute(session, _BY_NUMBER, {"connector": connector}, [(number,) for number in sorted(set(numbers))]))


def by_chat(session: Session, connector: str, chats: Collection[int]) -> dict[int, str]:
    """Chat → number, of those that are registered."""
    return dict(execute(session, _BY_CHAT, {"connector": connector}, [(chat,) for chat in sorted(set(chats))]))


def is_any_registered(session: Session, connector: str, numbers: Collection[str]) -> bool:
    """Whether at least one of the numbers has a chat."""
    return bool(execute(session, _ANY, {"connector": connector}, [(number,) for number in set(numbers)]))


def put(session: Session, connector: str, number: str, chat_id: int, now: datetime) -> None:
    """Gives a number its chat. A chat stands for one number, and a number for one chat: what was said before of either is forgotten."""
    remove_chat(session, connector, chat_id, but=number)
    execute(session, _PUT, {"connector": connector, "number": number, "chat_id": chat_id, "now": now})


def remove_chat(session: Session, connector: str, chat_id: int, but: str = "") -> None:
    """Forgets whose the chat is, unless it is that of the number ``but``."""
    chosen = (TelegramChat.connector == connector, TelegramChat.chat_id == chat_id, TelegramChat.number != but)
    session.execute(delete(TelegramChat).where(*chosen))


def remove_number(session: Session, number: str, connector: str | None = None) -> Sequence[str]:
    """Forgets a number, with one bot or with all; the names of the bots that knew it."""
    chosen = delete(TelegramChat).where(TelegramChat.number == number)
    if connector is not None:
        chosen = chosen.where(TelegramChat.connector == connector)
    return sorted(session.scalars(chosen.returning(TelegramChat.connector)))


def every(session: Session) -> Sequence[TelegramChat]:
    """All registrations, by connector and number."""
    return session.scalars(select(TelegramChat).order_by(TelegramChat.connector, TelegramChat.number)).all()
