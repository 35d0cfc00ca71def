"""Keys of handsets: each of one user, known by a name, bound to the numbers that a handset registered with it.

The key itself is told once, when it is made (:mod:`gateway.services.keys`); only its beginning is kept.
Source: contract httpsms 5.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, NotFound
from gateway.services import keys
from gateway.services.core import Gateway
from gateway.services.keys import HTTPSMS_PHONE, KeyTerms
from gateway.storage import keys as stored
from gateway.storage import phones
from gateway.storage.identity import Caller
from gateway.storage.tables import Credential, Phone

MOST_KEYS = 1000


class TooManyKeys(Conflict):
    """The user has as many phone keys as a user may have."""


@dataclass(frozen=True, slots=True)
class PhoneKey:
    """A handset's key. ``key`` is the whole, known only when it was just made; ``prefix`` its beginning."""

    id: UUID
    name: str
    key: str | None = field(repr=False)
    prefix: str
    phones: Sequence[tuple[UUID, str]]
    created_at: datetime


def listed(gateway: Gateway, caller: Caller, offset: int, limit: int) -> list[PhoneKey]:
    """Some of the user's keys, newest first."""
    with gateway.reading() as session:
        chosen = _live(session, caller)[offset : offset + limit]
        bound = phones.bound_to(session, caller.account_id, [key.id for key in chosen])
        return [_read(key, bound) for key in chosen]


def create(gateway: Gateway, caller: Caller, name: str) -> PhoneKey:
    """Makes a key that is bound to no number yet. It may do no more, and lasts no longer, than the key that it was asked for with.

    Calls per minute are not among its terms: they count for keys of the kind ``bulk`` alone. A daily cap counts for each key.

    Raises:
        TooManyKeys
        InvalidField: field "label", a name that cannot be used.
    """
    with gateway.reading() as session:
        if len(_live(session, caller)) >= MOST_KEYS:
            raise TooManyKeys
        asking = session.get_one(Credential, caller.credential_id)
        terms = KeyTerms(asking.permissions, asking.allowed_networks, asking.daily_cap, is_test=asking.is_test, label=name)
        expires_at = asking.expires_at
    made = keys.create(gateway, HTTPSMS_PHONE, caller.username, expires_at, terms)
    return PhoneKey(made.id, name, made.key, made.prefix, [], made.created_at)


def revoke(gateway: Gateway, caller: Caller, key_id: UUID) -> None:
    """Ends a key at once, and frees its numbers.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        key = _found(session, caller, key_id)
        phones.unbind(session, caller.account_id, key.id)
        stored.revoke(session, [key.id], gateway.clock.now())


def unbind(gateway: Gateway, caller: Caller, key_id: UUID, phone_id: UUID) -> None:
    """Frees one number from a key.

    Raises:
        NotFound: no such key, or the phone is not bound to it.
    """
    with gateway.writing() as session:
        key = _found(session, caller, key_id)
        phone = phones.by_id(session, caller.account_id, phone_id)
        if phone is None or phone.credential_id != key.id:
            raise NotFound("phone")
        phone.credential_id = None


def _live(session: Session, caller: Caller) -> list[Credential]:
    return [key for key in stored.live(session, caller.account_id, HTTPSMS_PHONE) if key.user_id == caller.user_id]


def _found(session: Session, caller: Caller, key_id: UUID) -> Credential:
    key = next((key for key in _live(session, caller) if key.id == key_id), None)
    if key is None:
        raise NotFound("phone API key")
    return key


def _read(key: Credential, bound: Sequence[Phone]) -> PhoneKey:
    own = [(phone.id, phone.number) for phone in bound if phone.credential_id == key.id]
    return PhoneKey(key.id, key.label, None, key.prefix or "", own, key.created_at)
