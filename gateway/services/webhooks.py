"""Where an account wants to be told of events. Keeping the list; the calls are :mod:`gateway.services.callbacks`.

Addresses are checked for their form only: whether one leads into a private network is asked when it is called, as names change.
Source: contract httpsms 6.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.services import vault
from gateway.services.core import Gateway
from gateway.storage import phones
from gateway.storage import webhooks as stored
from gateway.storage.keys import hold_account
from gateway.storage.tables import Webhook

PURPOSE = "webhook signing key"
MOST_WEBHOOKS = 10
EVENTS = (
    "message.phone.received", "message.phone.sent", "message.phone.delivered", "message.send.failed", "message.send.expired",
    "message.call.missed", "phone.heartbeat.online", "phone.heartbeat.offline",
)  # fmt: skip


class TooManyWebhooks(Conflict):
    """The account has as many webhooks as it may have."""


@dataclass(frozen=True, slots=True)
class WebhookTerms:
    """What a webhook says. ``phone_numbers`` are numbers of the account as it wrote them, ``events`` of :data:`EVENTS`."""

    url: str
    signing_key: str = field(repr=False)
    phone_numbers: Sequence[str]
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class WebhookRead:
    """A webhook with its signing key in clear; "" is none."""

    id: UUID
    url: str
    signing_key: str = field(repr=False)
    phone_numbers: Sequence[str]
    events: Sequence[str]
    created_at: datetime
    updated_at: datetime


def listed(gateway: Gateway, account_id: int, part: str, offset: int, limit: int) -> list[WebhookRead]:
    """Some of the webhooks whose address holds ``part``, newest first.

    Raises:
        Unavailable: a signing key cannot be decrypted.
    """
    with gateway.reading() as session:
        return [_read(gateway, row) for row in stored.page(session, account_id, part, offset, limit)]


def create(gateway: Gateway, account_id: int, terms: WebhookTerms) -> WebhookRead:
    """Makes a webhook.

    Raises:
        InvalidField: a number that is not the account's; named ``from``, as httpSMS does.
        TooManyWebhooks
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        hold_account(session, account_id)
        row = Webhook(id=uuid4(), account_id=account_id, created_at=now)
        _write(gateway, session, row, terms, now)
        if stored.count(session, account_id) >= MOST_WEBHOOKS:
            raise TooManyWebhooks
        session.add(row)
        return _read(gateway, row)


def change(gateway: Gateway, account_id: int, webhook_id: UUID, terms: WebhookTerms) -> WebhookRead:
    """Replaces all that a webhook says.

    Raises:
        NotFound, InvalidField: as :func:`create`.
    """
    with gateway.writing() as session:
        row = _found(session, account_id, webhook_id)
        _write(gateway, session, row, terms, gateway.clock.now())
        return _read(gateway, row)


def delete(gateway: Gateway, account_id: int, webhook_id: UUID) -> None:
    """Removes a webhook.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        session.delete(_found(session, account_id, webhook_id))


def _found(session: Session, account_id: int, webhook_id: UUID) -> Webhook:
    row = stored.by_id(session, account_id, webhook_id)
    if row is None:
        raise NotFound("webhook")
    return row


def _write(gateway: Gateway, session: Session, row: Webhook, terms: WebhookTerms, now: datetime) -> None:
    row.phone_numbers = _owned(phones.numbers(session, row.account_id), terms.phone_numbers)
    row.url = terms.url
    row.signing_key = vault.encrypt(gateway.settings, PURPOSE, terms.signing_key) if terms.signing_key else None
    row.events = list(dict.fromkeys(terms.events))
    row.updated_at = now


def _owned(numbers: set[str], wanted: Sequence[str]) -> list[str]:
    """The wanted numbers as the account has them; a plus may be missing."""
    found = {}
    for each in wanted:
        number = next((known for known in (each, f"+{each}") if known in numbers), None)
        if number is None:
            raise InvalidField("from", f"holds {each[:20]}, which is not a phone of yours")
        found[number] = True
    return list(found)


def _read(gateway: Gateway, row: Webhook) -> WebhookRead:
    signing_key = vault.decrypt(gateway.settings, PURPOSE, row.signing_key) if row.signing_key else ""
    return WebhookRead(row.id, row.url, signing_key, row.phone_numbers, row.events, row.created_at, row.updated_at)


def renew_secrets(gateway: Gateway) -> int:
    """Encrypts every stored signing key anew, under the newest secret; their number.

    Raises:
        Unavailable: one was encrypted under a secret that is gone. Nothing was changed.
    """
    with gateway.writing() as session:
        rows = stored.with_signing_key(session)
        for row in rows:
            row.signing_key = vault.renewed(gateway.settings, PURPOSE, row.signing_key or b"")
        return len(rows)
