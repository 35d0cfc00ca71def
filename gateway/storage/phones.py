"""Numbers that accounts own and send from: the one look-up of a send, and keeping the list of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from gateway.domain.pace import Window
from gateway.storage.driver import Statement, fetch
from gateway.storage.tables import Phone
from gateway.storage.types import storable

_FIND = Statement("""
    SELECT p.id, p.number, p.sim, p.messages_per_minute, p.max_send_attempts, p.message_expiration_seconds, p.connector, s.zone, s.windows
    FROM phones p LEFT JOIN send_schedules s ON s.id = p.schedule_id AND s.account_id = p.account_id
    WHERE p.account_id = :account_id AND p.number = :number
""")


@dataclass(frozen=True, slots=True)
class PhoneFound:
    """What a send needs to know of a number. ``zone`` and ``windows`` are those of its send schedule; without one, None and empty."""

    id: UUID
    number: str
    sim: str
    messages_per_minute: int
    max_send_attempts: int
    message_expiration_seconds: int
    connector: str | None
    zone: str | None
    windows: tuple[Window, ...]


def find(engine: Engine, account_id: int, number: str) -> PhoneFound | None:
    """The account's phone with exactly this number."""
    row = fetch(engine, _FIND, {"account_id": account_id, "number": number}) if storable(number) else None
    if row is None:
        return None
    return PhoneFound(
        id=row[0] if isinstance(row[0], UUID) else UUID(row[0]),
        number=row[1],
        sim=row[2],
        messages_per_minute=row[3],
        max_send_attempts=row[4],
        message_expiration_seconds=row[5],
        connector=row[6],
        zone=row[7],
        windows=_windows(row[8]),
    )


def hold(session: Session, account_id: int, number: str) -> Phone | None:
    """The account's phone with this number, locked on PostgreSQL."""
    return session.scalars(select(Phone).where(Phone.account_id == account_id, Phone.number == number).with_for_update()).first()


def by_number(session: Session, account_id: int, number: str) -> Phone | None:
    """The account's phone with exactly this number, as a row to change."""
    return session.scalars(select(Phone).where(Phone.account_id == account_id, Phone.number == number)).first()


def by_id(session: Session, account_id: int, phone_id: UUID) -> Phone | None:
    """The account's phone with this id."""
    return session.scalars(select(Phone).where(Phone.account_id == account_id, Phone.id == phone_id)).first()


def page(session: Session, account_id: int, part: str, offset: int, limit: int) -> Sequence[Phone]:
    """Phones whose number holds ``part``, newest first."""
    chosen = [Phone.account_id == account_id] + ([Phone.number.contains(part, autoescape=True)] if part else [])
    return session.scalars(
        select(Phone).where(*chosen).order_by(Phone.created_at.desc(), Phone.id.desc()).offset(offset).limit(limit)
    ).all()


def every(session: Session, account_id: int) -> Sequence[Phone]:
    """All phones of the account, by number."""
    return session.scalars(select(Phone).where(Phone.account_id == account_id).order_by(Phone.number)).all()


def numbers(session: Session, account_id: int) -> set[str]:
    """The numbers of all phones of the account."""
    return set(session.scalars(select(Phone.number).where(Phone.account_id == account_id)))


def bound_to(session: Session, account_id: int, credential_ids: Sequence[UUID]) -> Sequence[Phone]:
    """The phones bound to any of these keys, by number."""
    chosen = (Phone.account_id == account_id, Phone.credential_id.in_(credential_ids))
    return session.scalars(select(Phone).where(*chosen).order_by(Phone.number)).all()


def unbind(session: Session, account_id: int, credential_id: UUID) -> None:
    """Frees every phone from this key."""
    chosen = (Phone.account_id == account_id, Phone.credential_id == credential_id)
    session.execute(update(Phone).where(*chosen).values(credential_id=None))


def leave_schedule(session: Session, account_id: int, schedule_id: UUID) -> None:
    """Lets every phone that kept this send schedule go without one."""
    chosen = (Phone.account_id == account_id, Phone.schedule_id == schedule_id)
    session.execute(update(Phone).where(*chosen).values(schedule_id=None))


def _windows(stored: Any) -> tuple[Window, ...]:
    """A JSON list of windows: text on SQLite, already parsed on PostgreSQL."""
    listed = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(Window(each["day"], each["start_minute"], each["end_minute"]) for each in listed or ())
