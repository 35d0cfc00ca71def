"""What programs are called about, and what is known of each event when it happens.

The words of each way of calling are its own (:mod:`gateway.services.callbacks`); these are the gateway's, and those of native callbacks.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from gateway.domain.message import State


class Happening(enum.StrEnum):
    """Something that programs may want to be told of."""

    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_UNDELIVERED = "message.undelivered"
    MESSAGE_EXPIRED = "message.expired"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_UNKNOWN = "message.unknown"
    MESSAGE_BLOCKED = "message.blocked"
    INBOUND_RECEIVED = "inbound.received"
    CALL_MISSED = "call.missed"
    HANDSET_ONLINE = "handset.online"
    HANDSET_OFFLINE = "handset.offline"
    ALERT_VELOCITY = "alert.velocity"


OF_STATE: Mapping[State, Happening] = MappingProxyType(
    {
        State.SENT: Happening.MESSAGE_SENT,
        State.DELIVERED: Happening.MESSAGE_DELIVERED,
        State.UNDELIVERED: Happening.MESSAGE_UNDELIVERED,
        State.EXPIRED: Happening.MESSAGE_EXPIRED,
        State.FAILED: Happening.MESSAGE_FAILED,
        State.UNKNOWN: Happening.MESSAGE_UNKNOWN,
        State.BLOCKED: Happening.MESSAGE_BLOCKED,
    }
)
"""The states whose reaching is an event. Waiting and sending are none; what a customer cancels, the customer knows."""


SILENT, LONG_SILENT = timedelta(minutes=64), timedelta(minutes=80)
"""A telephone that gave no sign of life for so long is away, and told so once before the second. Source: contract httpsms 5.3."""


@dataclass(frozen=True, slots=True)
class Telephone:
    """A telephone that was heard of or was not: whose it is (None: it serves every account), its number (E.164) where that is known, the
    id that it is known by, and its last sign of life before now.
    """

    account_id: int | None
    number: str | None = field(repr=False)
    id: str
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What every event has. ``account_id`` None: nobody's but the operator's. ``owner`` is the number of ours that it is about, where
    there is one; ``zone`` the account's.
    """

    happening: Happening
    at: datetime
    account_id: int | None
    account: str | None
    zone: str
    owner: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNews(News):
    """A message reached ``state``. ``reference`` is how its customer names the order, ``request_id`` how httpSMS clients do, "" for not
    at all. ``content`` is what the customer wrote.
    """

    state: State
    message_id: UUID
    order_id: UUID
    client_ref: str | None
    request_id: str
    recipient: str = field(repr=False)
    content: str = field(repr=False)
    parts: int
    attempts: int
    failure: str | None
    wants_receipt: bool
    is_encrypted: bool
    sim: str | None

    @property
    def reference(self) -> str:
        """The order as smSend's clients know it."""
        return self.client_ref or self.order_id.hex


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundNews(News):
    """A message or a call came in. ``kind`` as :class:`gateway.domain.inbound.InboundKind`; files are named and not held: name, content
    type, and whether there is something to be fetched.
    """

    inbound_id: UUID
    kind: str
    sender: str = field(repr=False)
    content: str = field(repr=False)
    is_encrypted: bool
    sim: str | None
    keyword: str | None
    attachments: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsetNews(News):
    """A telephone fell silent or was heard of again. ``handset`` is its id as text, ``last_at`` its last sign of life before ``at``."""

    handset: str
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorNews(News):
    """Something for the operator; ``data`` is what is told of it, as JSON takes it."""

    data: Mapping[str, Any] = field(repr=False)
