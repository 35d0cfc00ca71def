"""What comes from handsets (MO), and who does not want to be written to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base
from gateway.storage.types import BigKey

UNFETCHED = text("fetched_at IS NULL AND account_id IS NOT NULL")
UNANSWERED = text("reply_due_at IS NOT NULL")


class InboundMessage(Base):
    """One message or missed call from a handset, whole: parts were put together before.

    ``account_id`` NULL: its number belongs to nobody. ``recipient`` is the number it came to (``owner`` for httpSMS), where known.
    ``fingerprint`` keeps a repeat out. ``fetched_at``: when a program first read it by "new messages".
    ``reply_due_at`` is set while its keyword waits for the account's answer.
    """

    __tablename__ = "inbound"
    __table_args__ = (
        Index("ix_inbound_account", "account_id", "received_at"),
        Index("ix_inbound_unfetched", "account_id", "id", postgresql_where=UNFETCHED, sqlite_where=UNFETCHED),
        Index("ix_inbound_conversation", "account_id", "recipient", "sender", "received_at"),
        Index("ix_inbound_unanswered", "reply_due_at", postgresql_where=UNANSWERED, sqlite_where=UNANSWERED),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    public_id: Mapped[UUID] = mapped_column(unique=True)
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    connector: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(8), default="sms")
    sender: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str | None] = mapped_column(String(17))
    text: Mapped[str]
    is_encrypted: Mapped[bool] = mapped_column(default=False, server_default=false())
    sim: Mapped[str | None] = mapped_column(String(8))
    attachments: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    keyword: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    fetched_at: Mapped[datetime | None]
    hidden_at: Mapped[datetime | None]
    reply_due_at: Mapped[datetime | None]


class InboundPart(Base):
    """One part of a long message. ``reference`` is the sender's, 8 or 16 bits.

    ``text`` is a JSON string: a part may end in the middle of a character. ``stored_at``: when its message was put together; it is kept a
    while longer, to know a repeat.
    """

    __tablename__ = "inbound_parts"

    connector: Mapped[str] = mapped_column(String(32), primary_key=True)
    sender: Mapped[str] = mapped_column(String(32), primary_key=True)
    recipient: Mapped[str] = mapped_column(String(17), primary_key=True)
    reference: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    total: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    text: Mapped[str]
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    stored_at: Mapped[datetime | None]


class InboundNumber(Base):
    """A number that messages come to, and the account they are for."""

    __tablename__ = "inbound_numbers"

    number: Mapped[str] = mapped_column(String(17), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]


class OptOut(Base):
    """A number that an account (0: every account) may not write to. ``origin`` is ``API``, ``WEB`` or ``STOPSMS``."""

    __tablename__ = "opt_outs"
    __table_args__ = (Index("ix_opt_outs_number", "number"),)

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[str] = mapped_column(String(17), primary_key=True)
    origin: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]


class KeywordReply(Base):
    """What an account answers to STOP, START or HELP; without a row nothing is answered."""

    __tablename__ = "keyword_replies"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    keyword: Mapped[str] = mapped_column(String(16), primary_key=True)
    text: Mapped[str]
