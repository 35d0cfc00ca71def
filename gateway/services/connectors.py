"""Looking at the connectors, adding them, and changing what the operator sets for them: policies, speed, settings, on and off.

Policies are read with every outcome, so they count at once. The rest is read by a connector's dispatcher when it renews its
lease, at the latest after a third of a lease.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.sending import RefundPolicy, UnknownPolicy
from gateway.services import vault, ways
from gateway.services.connector_secrets import closed, every_setting, opened, purpose
from gateway.services.core import Gateway
from gateway.services.story import account_id_of
from gateway.storage import connectors as stored
from gateway.storage.connectors import Standing
from gateway.storage.tables import TEST_CONNECTOR, ConnectorRow
from gateway.storage.types import storable

MOST_PARTS_PER_SECOND = 100_000
MOST_TEXT = 1000  # characters of one setting
KEY = re.compile("[a-z][a-z0-9_]{0,63}")
NAME = re.compile("[a-z][a-z0-9_-]{0,31}")

Fits = Callable[[str, Mapping[str, Any]], object]
"""Given a kind and settings, raises ValueError, with words for the operator, where no connector can be made of them."""


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """A connector as it stands. ``secrets`` are the names of the secret settings that are set. ``waiting`` counts messages that are
    accepted and not sent yet, scheduled ones too.
    """

    name: str
    kind: str
    enabled: bool
    settings: Mapping[str, Any] = field(repr=False)
    secrets: Collection[str]
    parts_per_second: int
    unknown_policy: UnknownPolicy
    refund_policy: RefundPolicy
    owner: str | None
    is_served: bool
    waiting: int
    unknown: int
    inbound_account: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be different; None and absent settings stay as they are. ``parts_per_second`` 0 means no limit.

    ``secrets`` are settings too, stored encrypted. ``unset`` names settings of either sort. ``inbound_account`` "" means none.
    """

    parts_per_second: int | None = None
    unknown_policy: UnknownPolicy | None = None
    refund_policy: RefundPolicy | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unset: Collection[str] = ()
    inbound_account: str | None = None


def every(gateway: Gateway) -> list[ConnectorState]:
    """All connectors by name, the one of test mode among them."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        return [_state(gateway, each, now) for each in stored.standings(session)]


def one(gateway: Gateway, name: str) -> ConnectorState:
    """The connector of this name. Raises NotFound."""
    for each in every(gateway):
        if each.name == name:
            return each
    raise NotFound("connector")


def add(gateway: Gateway, name: str, kind: str, changes: Changes, fits: Fits, *, enabled: bool) -> ConnectorState:
    """Makes a connector.

    Args:
        name: small letters, digits, ``_`` and ``-``, beginning with a letter; at most 32.
        kind: one that ``fits`` knows.

    Raises:
        Conflict: there is one of this name.
        InvalidField: a name, speed or setting that cannot be used.
    """
    if not NAME.fullmatch(name):
        raise InvalidField("name", "is made of up to 32 small letters, digits, '_' and '-', and begins with a letter")
    with gateway.writing() as session:
        if stored.exists(session, name):
            raise Conflict(f"there is a connector {name} already")
        row = ConnectorRow(name=name, kind=kind, enabled=enabled, settings={}, created_at=gateway.clock.now())
        row.parts_per_second, row.unknown_policy, row.refund_policy = 0, UnknownPolicy.HOLD.value, RefundPolicy.UNSENT.value
        row.secrets, row.inbound_account_id = None, None
        _apply(gateway, session, row, changes, fits)
        session.add(row)
    gateway.catalogue.forget()
    return one(gateway, name)


def change(gateway: Gateway, name: str, changes: Changes, fits: Fits) -> ConnectorState:
    """Changes a connector, all or nothing.

    Raises:
        NotFound: no such connector or account.
        InvalidField: a speed out of range, a setting to be taken away that is not there, or settings that cannot work.
    """
    with gateway.writing() as session:
        row = stored.hold(session, name)
        if row is None:
            raise NotFound("connector")
        _apply(gateway, session, row, changes, fits)
    gateway.catalogue.forget()
    return one(gateway, name)


def secrets_of(gateway: Gateway, name: str) -> dict[str, Any]:
    """The secret settings of a connector in clear, for calls that a carrier makes to us. Raises NotFound, Unavailable."""
    with gateway.reading() as session:
        row = stored.find(session, name)
        if row is None:
            raise NotFound("connector")
        return opened(gateway, name, row.secrets)


def renew_secrets(gateway: Gateway) -> int:
    """Encrypts the secrets of every connector anew, under the newest key; the number of connectors.

    Raises:
        Unavailable: some were encrypted under a key that is gone. Nothing was changed.
    """
    with gateway.writing() as session:
        rows = [row for row in stored.every(session) if row.secrets is not None]
        for row in rows:
            row.secrets = vault.renewed(gateway.settings, purpose(row.name), row.secrets or b"")
        return len(rows)


def enable(gateway: Gateway, name: str, fits: Fits) -> ConnectorState:
    """Switches a connector on: any dispatcher may take it.

    Raises:
        NotFound: no such connector.
        InvalidField: its stored settings cannot work.
    """
    with gateway.writing() as session:
        row = stored.hold(session, name)
        if row is None:
            raise NotFound("connector")
        _require_fitting(gateway, row, fits)
        row.enabled = True
    gateway.catalogue.forget()
    return one(gateway, name)


def disable(gateway: Gateway, name: str) -> ConnectorState:
    """Switches a connector off. What waits for it goes on waiting; its dispatcher stops when it next renews its lease.

    Raises:
        NotFound: no such connector.
        Conflict: it is the one of test mode.
    """
    if name == TEST_CONNECTOR:
        raise Conflict("the connector of test mode is always on")
    with gateway.writing() as session:
        row = stored.hold(session, name)
        if row is None:
            raise NotFound("connector")
        row.enabled = False
    gateway.catalogue.forget()
    return one(gateway, name)


def usual(gateway: Gateway) -> str | None:
    """The connector that new orders go to by themselves; None while they are refused."""
    return ways.usual(gateway) or None


def seconds_to_notice(gateway: Gateway) -> int:
    """After how many seconds at most a living dispatcher knows of a change."""
    return math.ceil(gateway.settings.dispatch_lease_seconds / 3)


def _apply(gateway: Gateway, session: Session, row: ConnectorRow, changes: Changes, fits: Fits) -> None:
    speed = changes.parts_per_second
    if speed is not None and not 0 <= speed <= MOST_PARTS_PER_SECOND:
        raise InvalidField("parts_per_second", f"must be a whole number from 0 to {MOST_PARTS_PER_SECOND}")
    _require_storable(dict(changes.settings) | dict(changes.secrets))
    if speed is not None:
        row.parts_per_second = speed
    if changes.unknown_policy is not None:
        row.unknown_policy = changes.unknown_policy.value
    if changes.refund_policy is not None:
        row.refund_policy = changes.refund_policy.value
    if changes.inbound_account is not None:
        row.inbound_account_id = account_id_of(session, changes.inbound_account or None)
    _set(gateway, row, changes)
    _require_fitting(gateway, row, fits)


def _set(gateway: Gateway, row: ConnectorRow, changes: Changes) -> None:
    secrets = opened(gateway, row.name, row.secrets)
    for key in changes.unset:
        if key not in row.settings and key not in secrets:
            raise InvalidField("settings", f"hold no {key}")
    row.settings = _changed(row.settings, changes.settings, changes.unset)
    if changes.secrets or secrets.keys() & set(changes.unset):
        row.secrets = closed(gateway, row.name, _changed(secrets, changes.secrets, changes.unset))


def _changed(before: Mapping[str, Any], new: Mapping[str, Any], unset: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in before.items() if key not in unset} | dict(new)


def _require_storable(settings: Mapping[str, Any]) -> None:
    """Values stay out of the words: one may be a password."""
    for key, value in settings.items():
        if not KEY.fullmatch(key):
            raise InvalidField("settings", "have names of small letters, digits and underscores")
        if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
            raise InvalidField("settings", f"take for {key} a number, true, false or a text")
        if isinstance(value, str) and (len(value) > MOST_TEXT or not storable(value)):
            raise InvalidField("settings", f"take for {key} up to {MOST_TEXT} characters of ordinary text")


def _require_fitting(gateway: Gateway, row: ConnectorRow, fits: Fits) -> None:
    try:
        fits(row.kind, every_setting(gateway, row.name, row.settings, row.secrets))
    except ValueError as error:
        raise InvalidField("settings", f"cannot work: {error}") from error


def _state(gateway: Gateway, each: Standing, now: datetime) -> ConnectorState:
    row = each.row
    leased = row.lease_until is not None and row.lease_until > now
    return ConnectorState(
        name=row.name,
        kind=row.kind,
        enabled=row.enabled,
        settings=dict(row.settings),
        secrets=sorted(opened(gateway, row.name, row.secrets)),
        parts_per_second=row.parts_per_second,
        unknown_policy=UnknownPolicy(row.unknown_policy),
        refund_policy=RefundPolicy(row.refund_policy),
        owner=row.owner if leased else None,
        is_served=row.enabled and row.owner is not None and leased,
        waiting=each.waiting,
        unknown=each.unknown,
        inbound_account=each.inbound_account,
    )
