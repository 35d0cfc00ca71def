"""The tables as SQLAlchemy classes. ``docs/data.md`` tells why each is as it is.

Orders and messages are keyed by account and by an id that starts with its time (UUIDv7), so both can be
distributed by account and cut into months later without a new key. They carry no foreign keys: one statement
writes an order whole, and the checks would cost a third of the accepting speed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gateway.storage.types import BigKey, UtcDateTime

ISSUER_ACCOUNT_ID = 1
"""The system account that credit comes from when an operator sells it."""
REVENUE_ACCOUNT_ID = 2
"""The system account that charges go to."""
TEST_CONNECTOR = "test"
"""The simulator that messages in test mode go to. It is never part of the offer."""
WITHOUT_ROWID = {"sqlite_with_rowid": False}
"""SQLite then keeps the rows in the key's own tree: fewer pages to write and sync for each accepted order."""


class Base(DeclarativeBase):
    """Declarative base of every table, handed to Flask-SQLAlchemy."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Base.registry.update_type_annotation_map(
    {
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON,
        str: Text,
    }
)


class Account(Base):
    """Who pays. ``balance`` and ``credit_limit`` are in units (1 credit = 1000 units)."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("kind = 'system' OR balance + credit_limit >= 0", name="balance_within_limit"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16), default="customer")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    status: Mapped[str] = mapped_column(String(16), default="active")
    zone: Mapped[str] = mapped_column(String(64))
    default_region: Mapped[str] = mapped_column(String(2))
    default_originator: Mapped[str | None] = mapped_column(String(16))
    originators: Mapped[list[str] | None]
    text_policy: Mapped[str] = mapped_column(String(16), default="ucs2")
    balance: Mapped[int] = mapped_column(BigInteger, default=0)
    credit_limit: Mapped[int] = mapped_column(BigInteger, default=0)
    ledger_sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]


class User(Base):
    """Who signs in. ``user_key`` travels in a header beside the session key; it is an identifier, not a secret.

    ``revision`` counts the changes of password, permissions and limits, so that a caller remembered for a moment can be told
    from the one in the table by the statement that charges. ``allowed_networks``, ``daily_cap`` (messages a day),
    ``calls_per_minute`` and ``is_test`` are the limits of this user's own calls, whatever dialect they come by; NULL: none.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    username: Mapped[str] = mapped_column(String(128), unique=True)
    password_hash: Mapped[str]
    user_key: Mapped[str] = mapped_column(String(32), unique=True)
    permissions: Mapped[list[str]]
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    allowed_networks: Mapped[list[str] | None]
    daily_cap: Mapped[int | None]
    calls_per_minute: Mapped[int | None]
    is_test: Mapped[bool] = mapped_column(default=False, server_default=false())
    profile: Mapped[dict[str, Any] | None]


class SessionRow(Base):
    """One login. The session key is this id, signed; so a forged key costs no query."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(16), default="api")
    created_at: Mapped[datetime]
    last_seen: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class Credential(Base):
    """A key that outlives sessions: an access token, an API key, a phone's key. No secret is stored readable.

    An API key is found by its ``prefix``, its first characters, and proven by ``secret_hmac``. NULL in ``permissions``,
    ``daily_cap`` or ``calls_per_minute`` means what its user has. ``scope`` is where its messages and calls are counted: a key that
    replaces another goes on counting there.
    """

    __tablename__ = "credentials"
    __table_args__ = (
        Index(
            "uq_credentials_live_bulk_key",
            "account_id",
            unique=True,
            postgresql_where=text("kind = 'bulk' AND revoked_at IS NULL"),
            sqlite_where=text("kind = 'bulk' AND revoked_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    prefix: Mapped[str | None] = mapped_column(String(24), unique=True)
    secret_hmac: Mapped[bytes | None] = mapped_column(LargeBinary)
    allowed_networks: Mapped[list[str] | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    label: Mapped[str] = mapped_column(String(64), default="", server_default=text("''"))
    permissions: Mapped[list[str] | None]
    daily_cap: Mapped[int | None]
    scope: Mapped[str | None] = mapped_column(String(48))
    calls_per_minute: Mapped[int | None]
    is_test: Mapped[bool] = mapped_column(default=False, server_default=false())


class DailyUse(Base):
    """Messages accepted under a daily cap: ``scope`` is ``user:ID`` or ``key:ID``, ``day`` a day of the account's zone."""

    __tablename__ = "daily_uses"

    scope: Mapped[str] = mapped_column(String(48), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]


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


class Contact(Base):
    """An entry of an account's address book."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(100))
    number: Mapped[str] = mapped_column(String(17))
    created_at: Mapped[datetime]


class ContactGroup(Base):
    """A named set of an account's contacts."""

    __tablename__ = "contact_groups"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]


class GroupMember(Base):
    """That a contact belongs to a group."""

    __tablename__ = "group_members"

    group_id: Mapped[int] = mapped_column(ForeignKey("contact_groups.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, index=True)


class LedgerEntry(Base):
    """Whole units moved from one account to another. Written once, never changed.

    ``account_id`` is the customer's side, ``sequence`` counts its entries without a gap, ``balance_after`` is its
    balance behind this entry. A refund names the ``sequence`` of its charge in ``refund_of``.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("units >= 0", name="units_not_negative"),
        CheckConstraint("from_account_id <> to_account_id", name="two_sides"),
        Index(
            "ix_ledger_entries_refund",
            "account_id",
            "order_id",
            postgresql_where=text("kind = 'refund'"),
            sqlite_where=text("kind = 'refund'"),
        ),
        WITHOUT_ROWID,
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_account_id: Mapped[int] = mapped_column(BigInteger)
    to_account_id: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    order_id: Mapped[UUID | None]
    refund_of: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]


class TariffRow(Base):
    """The price of one part, in units, for a message type and a destination prefix, from a day on."""

    __tablename__ = "tariffs"
    __table_args__ = (CheckConstraint("units_per_part >= 0", name="price_not_negative"),)

    message_type: Mapped[str] = mapped_column(String(16), primary_key=True)
    prefix: Mapped[str] = mapped_column(String(15), primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    units_per_part: Mapped[int] = mapped_column(BigInteger)


class ConnectorRow(Base):
    """One way out and who owns it now. ``parts_per_second`` 0 means no limit."""

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


class Order(Base):
    """One accepted submission, with the text once for all its recipients.

    ``text_read`` is what the customer wrote, kept only where something else is sent: transliterated, cut on request,
    or with links put in.
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


WAITING = text("state IN ('scheduled', 'queued')")
SENDING = text("state = 'sending'")
UNKNOWN = text("state = 'unknown'")
FAILED = text("state IN ('failed', 'undelivered', 'expired')")
"""Conditions of partial indexes, written out: only with the very words, not with parameters, does either database see that one will do."""


class Message(Base):
    """One recipient of an order, and the job to send it: there is no other queue.

    ``text`` and ``alphabet`` are set only when this recipient has a text of its own. ``fence`` counts the
    claims; ``lease_until`` bounds the running one. ``receipt_due_at`` is set while a receipt is awaited.
    ``hidden_at``: the customer deleted it from the lists; it and its charge stay.
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
    """A delivery report as it came. Without an account it is parked until its message is known."""

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
    received_at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    order_id: Mapped[UUID | None]
    position: Mapped[int | None]
