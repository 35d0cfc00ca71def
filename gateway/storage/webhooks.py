"""Addresses that accounts want events sent to, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.storage.tables import Webhook


def by_id(session: Session, account_id: int, webhook_id: UUID) -> Webhook | None:
    """The account's webhook with this id."""
    return session.scalars(select(Webhook).where(Webhook.account_id == account_id, Webhook.id == webhook_id)).first()


def count(session: Session, account_id: int) -> int:
    """How many webhooks the account has."""
    return session.scalar(select(func.count()).select_from(Webhook).where(Webhook.account_id == account_id)) or 0


def page(session: Session, account_id: int, part: str, offset: int, limit: int) -> Sequence[Webhook]:
    """Webhooks whose address holds ``part`` in any case, newest first."""
    chosen = [Webhook.account_id == account_id] + ([Webhook.url.icontains(part, autoescape=True)] if part else [])
    newest = (Webhook.created_at.desc(), Webhook.id.desc())
    return session.scalars(select(Webhook).where(*chosen).order_by(*newest).offset(offset).limit(limit)).all()


def with_signing_key(session: Session) -> Sequence[Webhook]:
    """Every webhook of every account that has a signing key. Locks them on PostgreSQL."""
    return session.scalars(select(Webhook).where(Webhook.signing_key.is_not(None)).order_by(Webhook.id).with_for_update()).all()
