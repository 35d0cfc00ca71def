"""Devices: names and passwords that send by a connector of their own or by the account's usual way.

A device signs in as a user of the same name, so that passwords, limits of guesses, permissions and the re-check of the charging
statement are those of every user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from gateway.domain.errors import NotFound
from gateway.domain.message import State
from gateway.services import accounts, identity, ways
from gateway.services.core import Gateway
from gateway.services.identity import usable_password
from gateway.services.passwords import hash_password
from gateway.storage import devices as stored
from gateway.storage import orders as stored_orders
from gateway.storage.identity import Caller
from gateway.storage.tables import TEST_CONNECTOR, Device

PERMISSIONS = ("smsnodes:send", "smsnodes:read")


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device for the operator. ``connector`` None is the account's usual way; ``is_online``: a dispatcher serves its connector now."""

    name: str
    account: str
    connector: str | None
    disabled: bool
    is_online: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RecipientState:
    """Where one message of a job stands, and since when that is known."""

    recipient: str
    state: State
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class JobState:
    """A job of a device: its messages in the order given."""

    number: int
    created_at: datetime
    recipients: Sequence[RecipientState]


def create(gateway: Gateway, account: str, name: str, password: str, connector: str | None = None) -> None:
    """Makes a device and the user that it signs in as.

    Raises:
        InvalidField: an unusable name or password.
        NotFound: no such account or connector.
        Conflict: a user of this name exists.
    """
    password_hash = hash_password(usable_password(password))
    with gateway.writing() as session:
        if connector is not None and not stored.connector_exists(session, connector):
            raise NotFound("connector")
        user = accounts.added_user(gateway, session, account, name, password_hash, PERMISSIONS)
        session.add(
            Device(id=uuid4(), account_id=user.account_id, user_id=user.id, name=name, connector=connector, created_at=user.created_at)
        )


def every(gateway: Gateway) -> list[DeviceState]:
    """All devices, by name."""
    with gateway.reading() as session:
        rows = [
            (device.name, account.name, device.connector, user.disabled, user.is_test, device.created_at)
            for device, user, account in stored.every(session)
        ]
    found = []
    for name, account_name, connector, disabled, is_test, created_at in rows:
        way = TEST_CONNECTOR if is_test else connector or ways.usual(gateway)
        served = ways.state(gateway, way).is_served
        found.append(DeviceState(name, account_name, connector, disabled, served and not disabled, created_at))
    return found


def set_disabled(gateway: Gateway, name: str, *, disabled: bool) -> None:
    """Shuts a device out at once, or lets it in again. Raises NotFound."""
    _require(gateway, name)
    accounts.set_user_disabled(gateway, name, disabled=disabled)


def change_password(gateway: Gateway, name: str, password: str) -> None:
    """Sets a new password of a device.

    Raises:
        NotFound, InvalidField
    """
    _require(gateway, name)
    identity.change_password(gateway, name, password)


def job(gateway: Gateway, caller: Caller, dialect: str, number: int) -> JobState:
    """What became of a job that this device sent.

    Raises:
        NotFound: the device sent no such job.
    """
    with gateway.reading() as session:
        order = stored_orders.by_number(session, caller.account_id, number)
        if order is None or order.user_id != caller.user_id or order.dialect != dialect:
            raise NotFound("message")
        rows = stored_orders.messages(session, order)
        recipients = [RecipientState(row.recipient, State(row.state), row.final_at or row.sent_at or order.created_at) for row in rows]
        return JobState(number, order.created_at, recipients)


def _require(gateway: Gateway, name: str) -> None:
    with gateway.reading() as session:
        if stored.by_name(session, name) is None:
            raise NotFound("device")
