"""When messages may not go out, and how many may."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base
from gateway.storage.types import BigKey


class QuietHours(Base):
    """Hours of the day in which no message of lanes 2 and 3 goes to a country: minutes of its day, the end may lie behind midnight."""

    __tablename__ = "quiet_hours"
    __table_args__ = (CheckConstraint("start_minute <> end_minute", name="some_hours_are_open"),)

    region: Mapped[str] = mapped_column(String(2), primary_key=True)
    start_minute: Mapped[int] = mapped_column(SmallInteger)
    end_minute: Mapped[int] = mapped_column(SmallInteger)
    zone: Mapped[str] = mapped_column(String(64))


class VelocityCap(Base):
    """At most ``most`` messages in ``window_seconds`` to one number (``per`` = number) or to all numbers of a prefix (``per`` = prefix).

    ``prefix`` "" covers every destination; ``account_id`` NULL: counted over all accounts together.
    """

    __tablename__ = "velocity_caps"
    __table_args__ = (CheckConstraint("most >= 0 AND window_seconds > 0", name="sensible"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    per: Mapped[str] = mapped_column(String(8))
    prefix: Mapped[str] = mapped_column(String(15))
    most: Mapped[int]
    window_seconds: Mapped[int]
    created_at: Mapped[datetime]


class VelocityUse(Base):
    """Messages counted under a velocity cap: ``scope`` is the cap's id with the number or prefix."""

    __tablename__ = "velocity_uses"

    scope: Mapped[str] = mapped_column(String(64), primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    count: Mapped[int]
