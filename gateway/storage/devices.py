"""Devices as rows, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.storage.tables import TEST_CONNECTOR, Account, ConnectorRow, Device, User


def every(session: Session) -> Sequence[tuple[Device, User, Account]]:
    """All devices by name, each with its user and account."""
    rows = session.execute(
        select(Device, User, Account)
        .join(User, User.id == Device.user_id)
        .join(Account, Account.id == Device.account_id)
        .order_by(Device.name)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def by_name(session: Session, name: str) -> Device | None:
    """The device of this name."""
    return session.scalars(select(Device).where(Device.name == name)).first()


def connector_exists(session: Session, name: str) -> bool:
    """Whether there is such a connector that a device may send by."""
    return name != TEST_CONNECTOR and session.get(ConnectorRow, name) is not None
