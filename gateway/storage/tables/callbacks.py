"""Calls that we make to programs: where to, and each one that is due or was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base

OPEN = text("delivered_at IS NULL AND dead_at IS NULL")
DELIVERED, DEAD = text("delivered_at IS NOT NULL"), text("dead_at IS NOT NULL")


class CallbackEndpoint(Base):
    """An address that is called when something happens. ``account_id`` NULL: the operator's own, told of every account.

    ``kind`` is ``smsend`` or ``native``. ``url`` and ``signing_key`` are encrypted (:mod:`gateway.services.vault`): an address may hold a
    secret of its own. httpSMS keeps its webhooks in a table of its own.
    """

    __tablename__ = "callbacks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    url: Mapped[bytes] = mapped_column(LargeBinary)
    host: Mapped[str] = mapped_column(String(255))
    method: Mapped[str] = mapped_column(String(4), default="POST")
    key_id: Mapped[str | None] = mapped_column(String(24))
    signing_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    events: Mapped[list[str]]
    enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime]


class CallbackDelivery(Base):
    """One call, due at ``next_at`` until it succeeded (``delivered_at``) or was given up (``dead_at``).

    ``endpoint`` is the id of a callback or of a webhook, ``payload`` what the event is about, written in the transaction of the event.
    Whoever makes the call moves ``next_at`` to the end of its lease, so that nobody else makes it meanwhile and somebody does afterwards.
    """

    __tablename__ = "callback_deliveries"
    __table_args__ = (
        Index("ix_callback_deliveries_open", "endpoint", "next_at", postgresql_where=OPEN, sqlite_where=OPEN),
        Index("ix_callback_deliveries_endpoint", "endpoint", "created_at"),
        Index("ix_callback_deliveries_delivered", "delivered_at", postgresql_where=DELIVERED, sqlite_where=DELIVERED),
        Index("ix_callback_deliveries_dead", "dead_at", postgresql_where=DEAD, sqlite_where=DEAD),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint: Mapped[UUID]
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    event: Mapped[str] = mapped_column(String(48))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    lease_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(String(200))


class CallbackBreaker(Base):
    """How often an endpoint failed in a row, since when, and until when it is left alone. No row: its last call went well."""

    __tablename__ = "callback_breakers"

    endpoint: Mapped[UUID] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failing_since: Mapped[datetime]
    open_until: Mapped[datetime | None]
