"""Handsets and people that registered with a connector: telephones that fetch their work, and chats."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base
from gateway.storage.types import BigKey

LIVE = text("revoked_at IS NULL")


class Handset(Base):
    """A telephone that serves a connector: one at a time. Found by ``token_hmac``, the digest of its token.

    ``sims`` is what it says of its cards, ``numbers`` the numbers that the operator gave them (``{"1": "+39…"}``), ``settings`` what
    its program shall be set to, and what it wants forwarded. ``claimed`` counts the parts that it was given, by the length of each window.
    ``signing_key`` (encrypted) proves what it forwards. ``last_seen`` is its last call; ``created_at`` when it last registered.
    """

    __tablename__ = "handsets"
    __table_args__ = (Index("uq_handsets_live", "connector", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    connector: Mapped[str] = mapped_column(String(32))
    login: Mapped[str] = mapped_column(String(16), unique=True)
    password_hash: Mapped[str]
    token_hmac: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str] = mapped_column(String(128))
    app_version: Mapped[str] = mapped_column(String(64), default="")
    sims: Mapped[list[dict[str, Any]]]
    numbers: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    claimed: Mapped[dict[str, Any]]
    signing_key: Mapped[bytes] = mapped_column(LargeBinary)
    last_seen: Mapped[datetime]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class HandsetCommand(Base):
    """Something that a handset is told through its stream of events: ``name`` and ``data`` as they go over the wire."""

    __tablename__ = "handset_commands"
    __table_args__ = (Index("ix_handset_commands_handset", "handset_id", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    handset_id: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Pairing(Base):
    """The right to register a handset with a connector: ``kind`` is ``token`` (until it expires) or ``code`` (once)."""

    __tablename__ = "pairings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    connector: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    secret_hmac: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class TelegramChat(Base):
    """That the person behind a number wants messages of a connector in this chat."""

    __tablename__ = "telegram_chats"

    connector: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str] = mapped_column(String(17), primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, index=True)
    created_at: Mapped[datetime]
