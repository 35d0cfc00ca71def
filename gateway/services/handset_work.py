"""Work for telephones that fetch it: handing messages over, offering them again, and taking the telephone's word for what became of them.

One connector is one telephone. A message is claimed when it is handed over, so "attempt started" is committed before the telephone can
have it. It is offered again until the telephone first says something of it: the telephone knows messages by their ticket and never sends
one twice. A telephone that fell silent leaves its messages unknown when their time ends; when it comes back they are offered again, and
its word settles them.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.domain import ids
from gateway.domain.errors import NotFound
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome, Outgoing
from gateway.services import dispatching
from gateway.services.connector_secrets import every_setting
from gateway.services.core import Gateway
from gateway.storage import connectors, dispatch
from gateway.storage import handset_work as stored

OWNER = "handset"
"""Whom a connector belongs to whose telephone called a moment ago."""
LONGEST = timedelta(days=1)
"""How long a telephone that calls may keep a message without an end of it."""
MOST_EXTENDED = 500
DIGITS = string.digits + string.ascii_lowercase
UUID_DIGITS = 25  # 36 ** 25 > 2 ** 128


@dataclass(frozen=True, slots=True)
class Served:
    """A connector that a telephone calls for: ``settings`` as the operator set them, secrets in clear."""

    name: str
    enabled: bool
    settings: Mapping[str, Any] = field(repr=False)
    owner: str | None
    lease_until: datetime | None


def served(gateway: Gateway, name: str, kind: str) -> Served:
    """The connector of this name and kind.

    Raises:
        NotFound
        Unavailable: its secrets cannot be read.
    """
    with gateway.reading() as session:
        row = connectors.find(session, name)
        if row is None or row.kind != kind:
            raise NotFound("connector")
        settings = every_setting(gateway, row.name, row.settings, row.secrets)
        return Served(row.name, row.enabled, settings, row.owner, row.lease_until)


def called(gateway: Gateway, connector: Served, patience: timedelta) -> None:
    """Notes that the telephone called: its connector counts as served for ``patience`` from now. Written once in half of that."""
    now = gateway.clock.now()
    if connector.owner == OWNER and connector.lease_until is not None and connector.lease_until > now + patience / 2:
        return
    with gateway.writing() as session:
        stored.serve(session, connector.name, OWNER, now, now + patience)


def fetch(gateway: Gateway, connector: Served, most: int, keep: timedelta) -> list[Outgoing]:
    """Up to ``most`` messages for the telephone: first those it was handed and has not said a word of, then waiting ones. A connector
    that is switched off gives none.

    Args:
        keep: after how long without a call of the telephone its messages count as unknown.
    """
    if not connector.enabled:
        return []
    now = gateway.clock.now()
    with gateway.reading() as session:
        again = stored.silent(session, connector.name, now, most)
        ending = stored.ending(session, connector.name, now + keep / 2, now - LONGEST, MOST_EXTENDED)
    if len(again) < most:
        claimed = dispatching.claim(gateway, connector.name, most - len(again), in_turn)
        again += claimed
        ending += [outgoing.key for outgoing in claimed]
    if ending:
        with gateway.writing() as session:
            dispatch.extend(session, ending, now + keep)
    return again


def heard(gateway: Gateway, connector: str, said: Mapping[AttemptKey, str]) -> None:
    """Notes that the telephone has these messages and has not sent them yet: they are not offered any more.

    Args:
        said: the telephone's word for each, up to 64 characters.
    """
    if said:
        with gateway.writing() as session:
            stored.heard(session, connector, said)


def open_tries(gateway: Gateway, connector: str, keys: Collection[AttemptKey]) -> dict[AttemptKey, bool]:
    """Of these tries, those that the connector really made: whether each still waits for its outcome, one that was given up included."""
    with gateway.reading() as session:
        return {key: each.outcome in (None, FailureKind.UNKNOWN) for key, each in stored.tries(session, connector, keys).items()}


def sent(key: AttemptKey, name: str, code: str) -> Outcome:
    """The telephone sent the message. ``name`` is what its receipt will be found by."""
    return Outcome.accepted(key, name, code)


def delivered(key: AttemptKey, name: str, code: str, at: datetime) -> list[Event]:
    """The telephone has word that the message arrived. Whether it said before that it was sent makes no difference."""
    return [sent(key, name, code), Receipt(name, State.DELIVERED, at, code)]


def not_sent(key: AttemptKey, name: str, is_open: bool, kind: FailureKind, reason: str, at: datetime) -> Event:
    """The telephone gave the message up: before it was sent, or (not ``is_open``) after, when the network could not deliver it."""
    if is_open:
        return Outcome.failed(key, kind, detail=reason)
    return Receipt(name, State.UNDELIVERED, at, reason)


def in_turn(waiting: Mapping[int, int], most: int) -> dict[int, int]:
    """Divides a small batch among the lanes: one message for each lane where there is room, and the rest from the highest down."""
    given = dict.fromkeys(waiting, 0)
    for lane in [*sorted(waiting), *(lane for lane in sorted(waiting) for _ in range(waiting[lane]))]:
        if sum(given.values()) < most and given[lane] < waiting[lane]:
            given[lane] += 1
    return given


def ticket(key: AttemptKey) -> str:
    """What a telephone knows one try of a message by: at most 36 letters, digits and hyphens. Another try is another message to it."""
    return "-".join((_text(ids.message_id(key.order_id, key.position).int).zfill(UUID_DIGITS), _text(key.account_id), _text(key.number)))


def key_of(ticket: str) -> AttemptKey | None:
    """The try behind a ticket; None for what is none of ours."""
    parts = ticket.split("-")
    if len(parts) != 3 or not all(part and len(part) <= UUID_DIGITS and set(part) <= set(DIGITS) for part in parts):
        return None
    message, account_id, number = (int(part, 36) for part in parts)
    if message >= 1 << 128 or max(account_id, number) >= 1 << 63:
        return None
    return AttemptKey(account_id, *ids.of_message(UUID(int=message)), number)


def moment_of(milliseconds: object, now: datetime) -> datetime:
    """A telephone's time in milliseconds since 1970; ``now`` where it has none or its clock is far off."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return now
    if not 0 < milliseconds <= (now + timedelta(days=1)).timestamp() * 1000:
        return now
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _text(number: int) -> str:
    """A whole number in base 36."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits
