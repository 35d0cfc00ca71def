"""What a foreign SMSC must tell and do, so that our connector can be held against it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Seen:
    """One submit_sm as the other side saw it. ``header`` and ``octets`` are the user data in bytes, ``place`` (reference, total,
    position) as that side read it, ``text`` what it decoded; None where it does not decode."""

    destination: str = field(repr=False)
    header: bytes
    octets: bytes = field(repr=False)
    coding: int
    place: tuple[int, int, int] | None
    text: str | None = field(repr=False)


class Peer(ABC):
    """A running SMSC that knows system_id "gateway" and password "pa55word"."""

    name: ClassVar[str]
    ways: ClassVar[tuple[str, ...]] = ("udh8", "udh16", "sar", "payload")
    """How long texts may go to it."""
    defects: ClassVar[tuple[str, ...]] = ()
    """What is known to be wrong at its side, told below the table."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The connector's: host, port, TLS."""

    @abstractmethod
    def seen(self) -> list[Seen]:
        """Every submit_sm so far."""

    @abstractmethod
    def is_bound(self) -> bool:
        """Whether we are bound so that it may send to us."""

    @abstractmethod
    def deliver(self, parts: Sequence[str], coding: int, source: str, destination: str) -> None:
        """Sends an inbound message, each part in a deliver_sm of its own, with headers where there are several."""

    def troubles(self) -> list[str]:
        """What it complains of."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Ends it."""
