"""Which way a message goes, what that way costs us, and how each way is doing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, SmallInteger, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base
from gateway.storage.types import BigKey


class RouteRow(Base):
    """One rule: traffic that matches every criterion given (NULL: any) goes to one of ``targets``.

    Rules are tried by ``rank``, lowest first. ``targets`` holds ``{"connector": name, "weight": whole number}`` in the order of
    failover; ``strategy`` is ``weighted`` or ``cheapest``. ``failover`` lists the kinds of failure after which another target is tried.
    """

    __tablename__ = "routes"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    rank: Mapped[int]
    enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    dialects: Mapped[list[str] | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    message_types: Mapped[list[str] | None]
    prefixes: Mapped[list[str] | None]
    originators: Mapped[list[str] | None]
    strategy: Mapped[str] = mapped_column(String(16), default="weighted")
    targets: Mapped[list[dict[str, Any]]]
    failover: Mapped[list[str]]
    created_at: Mapped[datetime]


class ConnectorPrice(Base):
    """What a connector's carrier takes from us for one part to a destination prefix, in units."""

    __tablename__ = "connector_prices"
    __table_args__ = (CheckConstraint("units_per_part >= 0", name="cost_not_negative"),)

    connector: Mapped[str] = mapped_column(String(32), primary_key=True)
    prefix: Mapped[str] = mapped_column(String(15), primary_key=True)
    units_per_part: Mapped[int] = mapped_column(BigInteger)


class ConnectorStanding(Base):
    """How a connector is doing, as the dispatcher that serves it last wrote down. Apart from the operator's row, which it never locks.

    ``score`` is 0 to 100, the share of its weight that it has earned. ``note`` is the last trouble in words. ``receipt_id_form`` is how
    its receipts name messages, once learned. ``cursor`` is where the connector's own reading stands.
    """

    __tablename__ = "connector_standings"

    connector: Mapped[str] = mapped_column(String(32), primary_key=True)
    is_connected: Mapped[bool]
    score: Mapped[int] = mapped_column(SmallInteger, default=100, server_default=text("100"))
    note: Mapped[str] = mapped_column(String(200), default="", server_default=text("''"))
    receipt_id_form: Mapped[str | None] = mapped_column(String(64))
    cursor: Mapped[str | None] = mapped_column(String(64))
    disconnected_at: Mapped[datetime | None]
    noted_at: Mapped[datetime]
