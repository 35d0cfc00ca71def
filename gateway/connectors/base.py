"""The contract between the dispatcher and a way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome, Outgoing, Returned

__all__ = [
    "AttemptKey",
    "Connector",
    "Event",
    "FailureKind",
    "MakeConnector",
    "Outcome",
    "Outgoing",
    "ProcessSettings",
    "Receipt",
    "Returned",
]


class Connector(Protocol):
    """One open way to one carrier. One dispatcher thread makes every call, in the order open, any of the others, close.

    A connector MUST

    * report each message it took from :meth:`submit` once through :meth:`poll`: an outcome, or Returned when it never left;
    * say ``unknown`` when the message may have reached the carrier and no answer came, also after a broken connection;
    * use the closed set of failures, never raise for what a carrier answered, and read an unknown answer as ``unknown``
      or ``retry_later``, whichever is true;
    * hand out receipts as they come: early, twice, in any order. Sorting that out is not its work;
    * keep passwords, texts and numbers out of logs, outcomes and ``repr``;
    * return from :meth:`submit` and :meth:`room` at once. Slow work belongs to a thread of its own.

    It SHOULD keep a window of unanswered messages as large as the carrier allows, since the rate is window over round
    trip; come back by itself after a lost connection, with pauses; give :meth:`room` 0 while the carrier
    is away, so that messages wait and no attempt is used up; say ``retry_after_seconds`` where the carrier does.

    It MAY answer :meth:`query`. It need not be safe to call from several threads.
    """

    def open(self) -> None:
        """Starts connecting. Does not wait for the carrier; raises only for settings that can never work."""

    def room(self) -> int:
        """How many more messages :meth:`submit` takes now."""

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Takes messages to send; gives back those beyond its room, which were not sent."""

    def poll(self, timeout_seconds: float) -> list[Event]:
        """What happened since the last call, as soon as there is anything; empty after ``timeout_seconds``."""

    def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        """Asks for the receipt of a message accepted earlier, perhaps by a process that died. None: none yet, or cannot tell."""

    def close(self, timeout_seconds: float) -> list[Event]:
        """Ends the connection within the time and gives the last events. Messages still unanswered afterwards count as unknown."""


class ProcessSettings(Protocol):
    """The settings of the process that a connector reads; the gateway's own fit."""

    @property
    def simulator_delay_milliseconds(self) -> int: ...

    @property
    def simulator_receipt_milliseconds(self) -> int: ...


class MakeConnector(Protocol):
    """Makes a connector that is not open yet."""

    def __call__(self, stored: Mapping[str, Any], process: ProcessSettings) -> Connector:
        """``stored`` is what the operator set for this connector; ValueError for settings that cannot work."""
