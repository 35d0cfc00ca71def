"""The contract between the dispatcher and a way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

from gateway.connectors.settings import Setting
from gateway.domain.inbound import Inbound
from gateway.domain.receipt import Receipt
from gateway.domain.sending import AttemptKey, Event, FailureKind, Outcome, Outgoing, Returned

__all__ = [
    "AttemptKey",
    "Connector",
    "Event",
    "FailureKind",
    "Inbound",
    "Kind",
    "MakeConnector",
    "Outcome",
    "Outgoing",
    "ProcessSettings",
    "Receipt",
    "Returned",
    "Setting",
    "Standing",
]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a connector's way to its carrier is now. ``note``: the last trouble in words for the operator, no secrets; "" for none."""

    is_connected: bool
    note: str = ""


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

    It MAY answer :meth:`query` and :meth:`find`. It need not be safe to call from several threads.
    """

    def open(self) -> None:
        """Starts connecting. Does not wait for the carrier; raises only for settings that can never work."""

    def room(self) -> int:
        """How many more messages :meth:`submit` takes now."""

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Takes messages to send; gives back those beyond its room, which were not sent."""

    def poll(self, timeout_seconds: float) -> list[Event]:
        """What happened since the last call, as soon as there is anything; empty after ``timeout_seconds``."""

    def standing(self) -> Standing:
        """How the way to the carrier is now. Asked often: no waiting, no work."""

    def query(self, smsc_message_id: str, recipient: str) -> Receipt | None:
        """Asks for the receipt of a message accepted earlier, perhaps by a process that died.

        None: none yet, or cannot tell, or the carrier was asked and its answer comes through :meth:`poll`. Must not wait for the carrier.
        """

    def find(self, outgoing: Outgoing) -> None:
        """Asks by our own reference whether the carrier took a message whose try ended without an answer.

        What it says comes through :meth:`poll` as an outcome under the same key, or never. A connector whose carrier cannot be asked
        so does nothing.
        """

    def close(self, timeout_seconds: float) -> list[Event]:
        """Ends the connection within the time and gives the last events. Messages still unanswered afterwards count as unknown."""


class ProcessSettings(Protocol):
    """The settings of the process that a connector reads; the gateway's own fit."""

    @property
    def simulator_delay_milliseconds(self) -> int: ...

    @property
    def simulator_receipt_milliseconds(self) -> int: ...

    @property
    def connector_networks(self) -> tuple[IPv4Network | IPv6Network, ...]: ...

    @property
    def base_url(self) -> str: ...


class MakeConnector(Protocol):
    """Makes a connector that is not open yet."""

    def __call__(self, settings: Mapping[str, Any], process: ProcessSettings) -> Connector:
        """``settings`` has a value for each declared setting (:func:`gateway.connectors.settings.read`), secret ones in clear.

        Raises ValueError, with words for the operator, for settings that cannot work together.
        """


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connector.

    ``make`` None: telephones fetch its messages themselves through the web side, and no dispatcher owns it.
    ``takes_encrypted``: it hands on that a text is cipher text; for any other kind such a message fails, as nobody could read it.
    """

    title: str
    settings: tuple[Setting, ...]
    make: MakeConnector | None
    takes_encrypted: bool = False
