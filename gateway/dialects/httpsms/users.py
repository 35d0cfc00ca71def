"""The user behind the key (contract 5.4)."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from gateway.dialects.httpsms import owner_schemas, reading, render
from gateway.dialects.httpsms.authentication import HEADER, MISSING, caller, header_key
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.uncertain import EMAIL_HOST, PREFIX, SUBSCRIPTION
from gateway.domain import dates
from gateway.domain.errors import InvalidField, UnknownKey
from gateway.services import profiles
from gateway.services.profiles import Profile
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway

_body, _notifications = owner_schemas.UserBody(), owner_schemas.NotificationsBody()
_address = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch


@blueprint.get(PREFIX + "/users/me")
def read_user() -> Response:
    """The user of this key."""
    known = caller("read")
    return render.success(user_fields(profiles.read(current_gateway(), known), known, _key_given()), "user fetched")


@blueprint.put(PREFIX + "/users/me")
def change_user() -> Response:
    """Sets the user's zone and active phone. An unknown zone means UTC, without an error."""
    known = caller("manage")
    given = reading.values(_body)
    profile = profiles.change(current_gateway(), known, zone=_zone(given["timezone"]), active_phone_id=given["active_phone_id"])
    return render.success(user_fields(profile, known, _key_given()), "user changed")


@blueprint.delete(PREFIX + "/users/me")
def delete_user() -> Response:
    """Shuts the user out for good."""
    profiles.leave(current_gateway(), caller("manage"))
    return render.empty()


@blueprint.put(PREFIX + "/users/<user_id>/notifications")
def change_notifications(user_id: str) -> Response:
    """Sets of what the user wants to be told; what is absent is off."""
    known = _oneself(caller("manage"), user_id)
    profile = profiles.set_notifications(current_gateway(), known, reading.values(_notifications))
    return render.success(user_fields(profile, known, _key_given()), "notifications changed")


@blueprint.delete(PREFIX + "/users/<user_id>/api-keys")
def rotate_key(user_id: str) -> Response:
    """A new key for the user; the old ones are dead from that moment."""
    known = _oneself(caller("manage"), user_id)
    key = profiles.new_key(current_gateway(), known)
    return render.success(user_fields(profiles.read(current_gateway(), known), known, key), "API key replaced")


def user_fields(profile: Profile, known: Caller, key: str) -> dict[str, Any]:
    """A user as its object. ``key`` is the one that the request came with, or a new one: of no other is more than a digest known."""
    return {
        "id": known.user_key,
        "email": email_of(profile.username),
        "api_key": key,
        "timezone": profile.zone.key,
        "active_phone_id": None if profile.active_phone_id is None else str(profile.active_phone_id),
        **SUBSCRIPTION,
        **{f"notification_{name}": wanted for name, wanted in profile.notifications.items()},
        "created_at": render.moment(profile.created_at),
        "updated_at": render.moment(profile.updated_at),
    }


def email_of(username: str) -> str:
    """A user name as an address."""
    return username if _address(username) else f"{re.sub(r'[^A-Za-z0-9._-]', '-', username)}@{EMAIL_HOST}"


def _oneself(known: Caller, user_id: str) -> Caller:
    """The caller, if it names itself.

    Raises:
        UnknownKey: the key is not that user's.
    """
    if user_id != known.user_key:
        raise UnknownKey
    return known


def _key_given() -> str:
    """The key that :func:`caller` knew the user by."""
    given = (header_key(), reading.body_field(HEADER), request.args.get(HEADER))
    return next((each.strip() for each in given if isinstance(each, str) and each.strip() not in MISSING), "")


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return dates.zone(name, "timezone")
    except InvalidField:
        return ZoneInfo("UTC")
