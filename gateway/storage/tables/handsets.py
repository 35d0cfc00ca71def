"""Handsets and numbers as the dialects know them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base


class Device(Base):
    """A handset as SMS Nodes knows it. It signs in as the user ``user_id``; ``connector`` NULL sends by the account's usual way."""

    __tablename__ = "devices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    connector: Mapped[str | None] = mapped_column(String(32))
    last_seen: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Phone(Base):
    """A number that an account owns and sends from, as httpSMS knows it. It need not be a handset.

    ``next_slot_at`` is the earliest moment for its next message: it paces the number to ``messages_per_minute`` (0: no limit).
    ``credential_id`` is the phone key that the number is bound to. ``connector`` NULL sends by the account's usual way.
    """

    __tablename__ = "phones"
    __table_args__ = (UniqueConstraint("account_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    number: Mapped[str] = mapped_column(String(17))
    sim: Mapped[str] = mapped_column(String(8), default="SIM1")
    messages_per_minute: Mapped[int] = mapped_column(default=10)
    max_send_attempts: Mapped[int] = mapped_column(default=2)
    message_expiration_seconds: Mapped[int] = mapped_column(default=600)
    missed_call_auto_reply: Mapped[str | None]
    unarchive_thread: Mapped[bool] = mapped_column(default=True)
    push_token: Mapped[str | None]
    schedule_id: Mapped[UUID | None]
    credential_id: Mapped[UUID | None]
    connector: Mapped[str | None] = mapped_column(String(32))
    next_slot_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Heartbeat(Base):
    """A sign of life of a handset: ``owner`` is its number, ``version`` the build of its app."""

    __tablename__ = "heartbeats"
    __table_args__ = (Index("ix_heartbeats_owner", "account_id", "owner", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    owner: Mapped[str] = mapped_column(String(17))
    version: Mapped[str] = mapped_column(String(64))
    charging: Mapped[bool]
    at: Mapped[datetime]


class Thread(Base):
    """A conversation between an account's number (``owner``) and another party (``contact``), with its last message."""

    __tablename__ = "threads"
    __table_args__ = (UniqueConstraint("account_id", "owner", "contact"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    owner: Mapped[str] = mapped_column(String(17))
    contact: Mapped[str] = mapped_column(String(17))
    is_archived: Mapped[bool] = mapped_column(default=False)
    is_read: Mapped[bool] = mapped_column(default=True)
    color: Mapped[str] = mapped_column(String(16))
    last_message_id: Mapped[UUID | None]
    last_text: Mapped[str | None]
    last_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Webhook(Base):
    """An address that an account wants events sent to. ``signing_key`` is encrypted (:mod:`gateway.services.vault`)."""

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    url: Mapped[str] = mapped_column(String(300))
    signing_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_numbers: Mapped[list[str]]
    events: Mapped[list[str]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SendSchedule(Base):
    """Weekly hours in which a number may send: windows of day (Sunday 0), start and end in minutes of the day."""

    __tablename__ = "send_schedules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    zone: Mapped[str] = mapped_column(String(64))
    windows: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
