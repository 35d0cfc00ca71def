"""API keys as rows: finding, making, revoking. The caller's statements on them are in :mod:`gateway.storage.identity`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.storage.tables import Account, Credential


def hold_account(session: Session, account_id: int) -> None:
    """Lets one maker of keys at a time into the account. On SQLite the writer is alone anyway."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))


def live(session: Session, account_id: int, kind: str) -> Sequence[Credential]:
    """The account's keys of this kind that were not revoked, newest first. One may have expired."""
    chosen = (Credential.account_id == account_id, Credential.kind == kind, Credential.revoked_at.is_(None))
    return session.scalars(select(Credential).where(*chosen).order_by(Credential.created_at.desc(), Credential.id)).all()


def every(session: Session, account_id: int) -> Sequence[Credential]:
    """All keys of the account, newest first."""
    return session.scalars(
        select(Credential).where(Credential.account_id == account_id).order_by(Credential.created_at.desc(), Credential.id)
    ).all()


def by_prefix(session: Session, prefix: str) -> Credential | None:
    """The key that begins so."""
    return session.scalars(select(Credential).where(Credential.prefix == prefix)).first()


def revoke(session: Session, ids: Sequence[UUID], now: datetime) -> None:
    """Ends these keys."""
    session.execute(update(Credential).where(Credential.id.in_(ids), Credential.revoked_at.is_(None)).values(revoked_at=now))
