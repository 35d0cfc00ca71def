"""The ledger and the prices."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import WITHOUT_ROWID, Base


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
