"""A link that signs a user in to the console once, for a few minutes."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import update

from gateway.domain.errors import UnknownKey
from gateway.services.core import Gateway
from gateway.services.identity import signed, unsigned
from gateway.storage.tables import SessionRow

SALT = "dragoman.console-login"
PURPOSE = "console-login"
LIFE = timedelta(minutes=5)
PATH = "/console/enter/"


def path(gateway: Gateway, user_id: int) -> str:
    """The path of a fresh link. It works once, within five minutes."""
    now = gateway.clock.now()
    row = SessionRow(id=uuid4(), user_id=user_id, purpose=PURPOSE, created_at=now, last_seen=now)
    key = signed(gateway, SALT, row.id)
    with gateway.writing() as session:
        session.add(row)
    return PATH + key


def enter(gateway: Gateway, key: str) -> int:
    """Uses up a link; the id of the user that it signs in.

    Raises:
        UnknownKey: forged, used before, or too old.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        user_id: int | None = session.scalar(
            update(SessionRow)
            .where(
                SessionRow.id == unsigned(gateway, SALT, key),
                SessionRow.purpose == PURPOSE,
                SessionRow.revoked_at.is_(None),
                SessionRow.created_at > now - LIFE,
            )
            .values(revoked_at=now)
            .returning(SessionRow.user_id)
        )
    if user_id is None:
        raise UnknownKey
    return user_id
