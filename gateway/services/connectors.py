"""Looking at the connectors and changing what the operator sets for them: policies, speed, settings, on and off.

Policies are read with every outcome, so they count at once. The rest is read by a connector's dispatcher when it renews its
lease, at the latest after a third of a lease.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.sending import RefundPolicy, UnknownPolicy
from gateway.services import ways
from gateway.services.core import Gateway
from gateway.storage import connectors as stored
from gateway.storage.connectors import Standing
from gateway.storage.tables import TEST_CONNECTOR, ConnectorRow
from gateway.storage.types import storable

MOST_PARTS_PER_SECOND = 100_000
MOST_TEXT = 1000  # characters of one setting
KEY = re.compile("[a-z][a-z0-9_]{0,63}")

Fits = Callable[[str, Mapping[str, Any]], None]
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


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be different; None and absent settings stay as they are. ``parts_per_second`` 0 means no limit."""

    parts_per_second: int | None = None
    unknown_policy: UnknownPolicy | None = None
    refund_policy: RefundPolicy | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unset: Collection[str] = ()


def every(gateway: Gateway) -> list[ConnectorState]:
    """All connectors by name, the one of test mode among them."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        return [_state(each, each.row.lease_until is not None and each.row.lease_until > now) for each in stored.standings(session)]


def one(gateway: Gateway, name: str) -> ConnectorState:
    """The connector of this name. Raises NotFound."""
    for each in every(gateway):
        if each.name == name:
            return each
    raise NotFound("connector")


def change(gateway: Gateway, name: str, changes: Changes, fits: Fits) -> ConnectorState:
    """Changes a connector, all or nothing.

    Raises:
        NotFound: no such connector.
        InvalidField: a speed out of range, a setting to be taken away that is not there, or settings that cannot work.
    """
    speed = changes.parts_per_second
    if speed is not None and not 0 <= speed <= MOST_PARTS_PER_SECOND:
        raise InvalidField("parts_per_second", f"must be a whole number from 0 to {MOST_PARTS_PER_SECOND}")
    _require_storable(changes.settings)
    with gateway.writing() as session:
        row = stored.hold(session, name)
        if row is None:
            raise NotFound("connector")
        if speed is not None:
            row.parts_per_second = speed
        if changes.unknown_policy is not None:
            row.unknown_policy = changes.unknown_policy.value
        if changes.refund_policy is not None:
            row.refund_policy = changes.refund_policy.value
        if changes.settings or changes.unset:
            row.settings = _changed(row.settings, changes)
            _require_fitting(row, fits)
    return one(gateway, name)


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
        _require_fitting(row, fits)
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


def _changed(settings: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    for key in changes.unset:
        if key not in settings:
            raise InvalidField("settings", f"hold no {key}")
    return {key: value for key, value in settings.items() if key not in changes.unset} | dict(changes.settings)


def _require_storable(settings: Mapping[str, Any]) -> None:
    """Values stay out of the words: one may be a password."""
    for key, value in settings.items():
        if not KEY.fullmatch(key):
            raise InvalidField("settings", "have names of small letters, digits and underscores")
        if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
            raise InvalidField("settings", f"take for {key} a number, true, false or a text")
        if isinstance(value, str) and (len(value) > MOST_TEXT or not storable(value)):
            raise InvalidField("settings", f"take for {key} up to {MOST_TEXT} characters of ordinary text")


def _require_fitting(row: ConnectorRow, fits: Fits) -> None:
    try:
        fits(row.kind, row.settings)
    except ValueError as error:
        raise InvalidField("settings", f"cannot work: {error}") from error


def _state(each: Standing, leased: bool) -> ConnectorState:
    row = each.row
    return ConnectorState(
        name=row.name,
        kind=row.kind,
        enabled=row.enabled,
        settings=dict(row.settings),
        secrets=(),
        parts_per_second=row.parts_per_second,
        unknown_policy=UnknownPolicy(row.unknown_policy),
        refund_policy=RefundPolicy(row.refund_policy),
        owner=row.owner if leased else None,
        is_served=row.enabled and row.owner is not None and leased,
        waiting=each.waiting,
        unknown=each.unknown,
    )
