"""Who pays, who signs in, and by what."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base
from gateway.storage.types import BigKey


class Account(Base):
    """Who pays. ``balance`` and ``credit_limit`` are in units (1 credit = 1000 units).

    ``parts_per_second`` (0: no limit) is how fast its messages come due; ``next_slot_at`` is the earliest moment for the next one.
    """

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
    parts_per_second: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_slot_at: Mapped[datetime | None]


class User(Base):
    """Who signs in. ``user_key`` travels in a header beside the session key; it is an identifier, not a secret.

    ``revision`` counts the changes of password, permissions and limits, so that a caller remembered for a moment can be told
    from the one in the table by the statement that charges. ``allowed_networks``, ``daily_cap`` (messages a day),
    ``calls_per_minute`` and ``is_test`` are the limits of this user's own calls, whatever dialect they come by; NULL: none.
    ``lane`` (1 to 3) is that of its messages where a call names none.
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
    lane: Mapped[int | None] = mapped_column(SmallInteger)


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
