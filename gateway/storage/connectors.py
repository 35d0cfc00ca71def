"""Connectors as an operator sees and changes them. Who owns one is :mod:`gateway.storage.leases`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import TextClause, func, select
from sqlalchemy.orm import Session

from gateway.storage.tables import UNKNOWN, WAITING, Account, ConnectorRow, Message


class Standing(NamedTuple):
    """A connector, how many of its messages are accepted and not yet sent (scheduled ones too), how many are unknown, and the name of
    the account that gets what comes in to a number that nobody owns.
    """

    row: ConnectorRow
    waiting: int
    unknown: int
    inbound_account: str | None


def standings(session: Session) -> list[Standing]:
    """Every connector, by name. The counts read partial indexes only."""
    waiting, unknown = _counts(session, WAITING), _counts(session, UNKNOWN)
    owner = Account.id == ConnectorRow.inbound_account_id
    rows = session.execute(select(ConnectorRow, Account.name).outerjoin(Account, owner).order_by(ConnectorRow.name)).all()
    return [Standing(row, waiting.get(row.name, 0), unknown.get(row.name, 0), account) for row, account in rows]


def every(session: Session) -> Sequence[ConnectorRow]:
    """Every connector, by name."""
    return session.scalars(select(ConnectorRow).order_by(ConnectorRow.name)).all()


def find(session: Session, name: str) -> ConnectorRow | None:
    """The connector of this name."""
    return session.scalars(select(ConnectorRow).where(ConnectorRow.name == name)).first()


def hold(session: Session, name: str) -> ConnectorRow | None:
    """The connector's row, locked: its dispatcher waits with its next renewal until this transaction ends."""
    return session.scalars(select(ConnectorRow).where(ConnectorRow.name == name).with_for_update()).first()


def exists(session: Session, name: str) -> bool:
    """Whether there is a connector of this name."""
    return session.scalar(select(ConnectorRow.name).where(ConnectorRow.name == name)) is not None


def _counts(session: Session, state: TextClause) -> dict[str, int]:
    rows = session.execute(select(Message.connector, func.count()).where(state).group_by(Message.connector))
    return {row[0]: row[1] for row in rows}
