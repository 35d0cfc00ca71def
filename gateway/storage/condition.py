"""Questions about the database itself: can it be trusted, is it current, is somebody at work on it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from gateway.storage.tables import ConnectorRow, Message, SessionRow
from gateway.storage.types import moment_of

_POSTGRESQL_DURABILITY = ("synchronous_commit", "fsync", "full_page_writes")
_SQLITE_DURABILITY = ("journal_mode", "synchronous")


def revision(session: Session) -> str | None:
    """The migration that the database stands at, or None before the first."""
    if not inspect(session.connection()).has_table("alembic_version"):
        return None
    found: str | None = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def server_words(session: Session) -> str:
    """Kind and version of the database."""
    connection = session.connection()
    version = ".".join(map(str, connection.dialect.server_version_info or ()))
    return f"{'SQLite' if connection.dialect.name == 'sqlite' else 'PostgreSQL'} {version}"


def durability(session: Session) -> dict[str, str]:
    """The settings that decide whether a committed order survives a power cut, as the database names them."""
    if session.connection().dialect.name == "sqlite":
        return {name: str(session.execute(text(f"PRAGMA {name}")).scalar()) for name in _SQLITE_DURABILITY}
    return {name: str(session.execute(text(f"SHOW {name}")).scalar()) for name in _POSTGRESQL_DURABILITY}


def clock(session: Session) -> datetime | None:
    """The time on the database server; None where it is this machine's anyway."""
    if session.connection().dialect.name == "sqlite":
        return None
    return moment_of(session.execute(text("SELECT clock_timestamp()")).scalar_one())


def newest_use(session: Session) -> datetime | None:
    """The latest moment that any program wrote down as "now"."""
    return session.scalar(select(func.max(SessionRow.last_seen)))


def enabled_connectors(session: Session) -> list[tuple[str, str, str | None, datetime | None]]:
    """(name, kind, owner, lease_until) of each connector in use."""
    columns = (ConnectorRow.name, ConnectorRow.kind, ConnectorRow.owner, ConnectorRow.lease_until)
    rows = session.execute(select(*columns).where(ConnectorRow.enabled).order_by(ConnectorRow.name))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def unknown_messages(session: Session) -> dict[str, int]:
    """How many messages each connector has whose sending ended without an answer."""
    rows = session.execute(select(Message.connector, func.count()).where(text("state = 'unknown'")).group_by(Message.connector))
    return {row[0]: row[1] for row in rows}
