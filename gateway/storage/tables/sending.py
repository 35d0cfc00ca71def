"""Orders, messages and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import WITHOUT_ROWID, Base
from gateway.storage.types import BigKey


class ConnectorRow(Base):
    """One way out and who owns it now. ``parts_per_second`` 0 means no limit.

    ``settings`` are the kind's own; those that are secret lie in ``secrets``, encrypted (:mod:`gateway.services.vault`).
    ``inbound_account_id`` gets what comes in by it to a number that nobody owns.
    """

    __tablename__ = "connectors"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    enabled: Mapped[bool] = mapped_column(default=True)
    settings: Mapped[dict[str, Any]]
    parts_per_second: Mapped[int] = mapped_column(default=0)
    unknown_policy: Mapped[str] = mapped_column(String(16), default="hold")
    refund_policy: Mapped[str] = mapped_column(String(16), default="unsent")
    owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]
    secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    inbound_account_id: Mapped[int | None] = mapped_column(BigInteger)


class Order(Base):
    """One accepted submission, with the text once for all its recipients.

    ``text_read`` is what the customer wrote, kept only where something else is sent: transliterated, cut on request,
    or with links put in. ``is_pinned``: the caller chose the connector, so no other is ever tried.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index(
            "uq_orders_client_ref",
            "account_id",
            "dialect",
            "client_ref",
            unique=True,
            postgresql_where=text("client_ref IS NOT NULL"),
            sqlite_where=text("client_ref IS NOT NULL"),
        ),
        Index(
            "uq_orders_idempotency_key",
            "account_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
            sqlite_where=text("idempotency_key IS NOT NULL"),
        ),
        WITHOUT_ROWID,
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    dialect: Mapped[str] = mapped_column(String(16))
    client_ref: Mapped[str | None] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary)
    message_type: Mapped[str] = mapped_column(String(16))
    type_token: Mapped[str] = mapped_column(String(16))
    text: Mapped[str]
    text_read: Mapped[str | None]
    alphabet: Mapped[str] = mapped_column(String(8))
    parts: Mapped[int] = mapped_column(SmallInteger)
    originator: Mapped[str | None] = mapped_column(String(17))
    label: Mapped[str] = mapped_column(String(255))
    wants_receipt: Mapped[bool]
    priority: Mapped[int] = mapped_column(SmallInteger)
    recipient_count: Mapped[int]
    units: Mapped[int] = mapped_column(BigInteger)
    charge_sequence: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    credential_id: Mapped[UUID | None]
    is_test: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_flash: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_encrypted: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_pinned: Mapped[bool] = mapped_column(default=False, server_default=false())


WAITING = text("state IN ('scheduled', 'queued')")
SENDING = text("state = 'sending'")
UNKNOWN = text("state = 'unknown'")
FAILED = text("state IN ('failed', 'undelivered', 'expired')")
"""Conditions of partial indexes, written out: only with the very words, not with parameters, does either database see that one will do."""


class Message(Base):
    """One recipient of an order, and the job to send it: there is no other queue.

    ``text`` and ``alphabet`` are set only when this recipient has a text of its own. ``fence`` counts the
    claims; ``lease_until`` bounds the running one. ``receipt_due_at`` is set while a receipt is awaited.
    ``hidden_at``: the customer deleted it from the lists; it and its charge stay. ``route`` names the rule that chose the connector.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_waiting", "connector", "priority", "due_at", postgresql_where=WAITING, sqlite_where=WAITING),
        Index("ix_messages_leased", "lease_until", postgresql_where=SENDING, sqlite_where=SENDING),
        Index(
            "ix_messages_expiring",
            "expires_at",
            postgresql_where=text("state IN ('scheduled', 'queued') AND expires_at IS NOT NULL"),
            sqlite_where=text("state IN ('scheduled', 'queued') AND expires_at IS NOT NULL"),
        ),
        Index(
            "ix_messages_smsc_message_id",
            "connector",
            "smsc_message_id",
            postgresql_where=text("smsc_message_id IS NOT NULL"),
            sqlite_where=text("smsc_message_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_receipt_due",
            "receipt_due_at",
            postgresql_where=text("receipt_due_at IS NOT NULL"),
            sqlite_where=text("receipt_due_at IS NOT NULL"),
        ),
        Index("ix_messages_unknown", "connector", postgresql_where=UNKNOWN, sqlite_where=UNKNOWN),
        Index("ix_messages_failed", "final_at", postgresql_where=FAILED, sqlite_where=FAILED),
        Index(
            "ix_messages_scheduled",
            "account_id",
            "order_id",
            postgresql_where=text("state = 'scheduled'"),
            sqlite_where=text("state = 'scheduled'"),
        ),
        Index("ix_messages_recipient", "account_id", "recipient", "order_id"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recipient: Mapped[str] = mapped_column(String(17))
    own_text: Mapped[str | None] = mapped_column("text")
    alphabet: Mapped[str | None] = mapped_column(String(8))
    parts: Mapped[int] = mapped_column(SmallInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(12))
    connector: Mapped[str] = mapped_column(String(32))
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    lease_until: Mapped[datetime | None]
    smsc_message_id: Mapped[str | None] = mapped_column(String(64))
    sent_at: Mapped[datetime | None]
    receipt_due_at: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(200))
    refunded_units: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    hidden_at: Mapped[datetime | None]
    route: Mapped[str | None] = mapped_column(String(64))


class Attempt(Base):
    """One try of one message. Written before the carrier is spoken to; ``outcome`` is NULL until it is known.

    ``number`` is the ``fence`` that the message's claim gave it.
    """

    __tablename__ = "attempts"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    connector: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    carrier_code: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[str | None] = mapped_column(String(200))
    smsc_message_id: Mapped[str | None] = mapped_column(String(64))


class ReceiptRow(Base):
    """A delivery report. Without an account it is parked until its message is known.

    ``smsc_message_id`` is in the form that the message was given, as far as that is known by then; ``recipient`` is whom the report names.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        Index(
            "ix_receipts_parked",
            "connector",
            "smsc_message_id",
            postgresql_where=text("account_id IS NULL"),
            sqlite_where=text("account_id IS NULL"),
        ),
        # Not of parked receipts: SQLite takes IS NULL for an equality and would look for them here instead of above.
        Index(
            "ix_receipts_message",
            "account_id",
            "order_id",
            "position",
            postgresql_where=text("account_id IS NOT NULL"),
            sqlite_where=text("account_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    connector: Mapped[str] = mapped_column(String(32))
    smsc_message_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12))
    carrier_code: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    recipient: Mapped[str | None] = mapped_column(String(17))
    received_at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    order_id: Mapped[UUID | None]
    position: Mapped[int | None]
