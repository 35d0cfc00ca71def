"""What a user of httpSMS sets for itself, a new key for an old one, and leaving for good.

Source: contract httpsms 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.errors import NotFound, UnknownKey
from gateway.services import keys
from gateway.services.core import Gateway
from gateway.storage import identity as stored_users
from gateway.storage import profiles as stored
from gateway.storage.identity import Caller
from gateway.storage.tables import Credential, User

SECTION = "httpsms"
"""The part of a user's profile that is kept here."""
NOTIFICATIONS = ("message_status_enabled", "webhook_enabled", "heartbeat_enabled", "newsletter_enabled")


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as httpSMS shows it. ``notifications`` are by :data:`NOTIFICATIONS`."""

    username: str
    zone: ZoneInfo
    active_phone_id: UUID | None
    notifications: Mapping[str, bool]
    created_at: datetime
    updated_at: datetime


def read(gateway: Gateway, caller: Caller) -> Profile:
    """The caller's profile; the zone is the account's until the user sets one."""
    with gateway.reading() as session:
        return _profile(session.get_one(User, caller.user_id), caller.zone)


def zone_of(gateway: Gateway, caller: Caller) -> ZoneInfo:
    """The zone that the caller's times without one are meant in."""
    return read(gateway, caller).zone


def change(gateway: Gateway, caller: Caller, *, zone: ZoneInfo | None = None, active_phone_id: UUID | str | None = None) -> Profile:
    """Sets what is given; ``active_phone_id`` "" takes it away."""
    given: dict[str, Any] = {}
    if zone is not None:
        given["timezone"] = zone.key
    if active_phone_id is not None:
        given["active_phone_id"] = str(active_phone_id) or None
    return _set(gateway, caller, given)


def set_notifications(gateway: Gateway, caller: Caller, notifications: Mapping[str, bool]) -> Profile:
    """Sets of what the user wants to be told."""
    return _set(gateway, caller, {"notifications": {name: notifications[name] for name in NOTIFICATIONS}})


def new_key(gateway: Gateway, caller: Caller) -> str:
    """Ends the user's keys and gives a new one, with the terms of the one that the caller came by, and its last day.

    Raises:
        UnknownKey: the caller's key was ended meanwhile.
    """
    with gateway.reading() as session:
        expires_at = session.get_one(Credential, caller.credential_id).expires_at  # which no key ever changes
    try:
        return keys.replace(gateway, keys.HTTPSMS, caller.username, expires_at, of=caller.credential_id).key
    except NotFound:
        raise UnknownKey from None


def leave(gateway: Gateway, caller: Caller) -> None:
    """Shuts the user out for good, with all keys, tokens and sessions. Its messages, and the account's credit, stay."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        user = stored.held(session, caller.user_id)
        user.disabled = True
        user.revision += 1
        stored_users.revoke_sessions(session, caller.user_id, now)
        stored.revoke_credentials(session, caller.user_id, now)


def _set(gateway: Gateway, caller: Caller, given: Mapping[str, Any]) -> Profile:
    with gateway.writing() as session:
        user = stored.held(session, caller.user_id)
        section = {**_section(user), **given, "updated_at": gateway.clock.now().isoformat()}
        user.profile = {**(user.profile or {}), SECTION: section}
        return _profile(user, caller.zone)


def _section(user: User) -> dict[str, Any]:
    return dict((user.profile or {}).get(SECTION) or {})


def _profile(user: User, default: ZoneInfo) -> Profile:
    section = _section(user)
    phone_id, updated_at = section.get("active_phone_id"), section.get("updated_at")
    return Profile(
        username=user.username,
        zone=_zone(section.get("timezone"), default),
        active_phone_id=UUID(phone_id) if phone_id else None,
        notifications={name: bool(section.get("notifications", {}).get(name, False)) for name in NOTIFICATIONS},
        created_at=user.created_at,
        updated_at=datetime.fromisoformat(updated_at) if updated_at else user.created_at,
    )


def _zone(name: str | None, default: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else default
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return default
