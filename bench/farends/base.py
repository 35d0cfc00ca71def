"""What a far end must be able to do so that a connector can be held against its faults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as the gateway has it: whose it is, its number (E.164) and its text."""

    order_id: UUID
    position: int
    recipient: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What the far end knows of a message.

    Args:
        handed: how often the whole message reached it.
        taken: how often it took it, so that a handset may show it.
        partly: whether it took a part of a long message whose other parts it refused or never got.
        said: the states it has reported, whether our side heard so or not: sent, delivered, undelivered, expired.
        reported: those of them that our side has confirmed.
        texts: what a handset would show; empty where the far end cannot say.
    """

    handed: int = 0
    taken: int = 0
    partly: bool = False
    said: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    texts: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Hardship:
    """A fault that a far end can do. ``hides``: it may take a message without the gateway hearing so, which then ends unknown."""

    words: str
    hides: bool = False


class FarEnd(ABC):
    """A far end with one fault, for one run.

    Args:
        fault: a name of ``faults``.
        seed: draws everything that is drawn.
        folder: for whatever it writes.
    """

    kind: ClassVar[str]
    """The connector's kind, as in ``CONNECTORS``."""
    faults: ClassVar[Mapping[str, Hardship]]
    environment: ClassVar[Mapping[str, str]] = {}
    """Settings of the gateway's process, by their names in lower case."""

    def __init__(self, fault: str, seed: int, folder: Path) -> None:
        self.fault, self.seed, self.folder = fault, seed, folder

    @abstractmethod
    def open(self, app: Flask) -> None:
        """Starts. ``app`` is the gateway, for far ends that call it (telephones, receipts by HTTP)."""

    @abstractmethod
    def connector(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The connector's settings, and those that are secret."""

    def added(self, app: Flask, name: str) -> None:  # noqa: B027 - most have nothing to do
        """Called when the connector is in the database under this name, for what must come after that (pairing)."""

    def recipient(self, number: int) -> str:
        """The number (E.164) of the message of this place, from 0."""
        return f"+39347{number:07d}"

    @abstractmethod
    def told(self, sent: Sent) -> Told:
        """What it knows of a message. Asked again and again while the run goes on."""

    def is_done(self) -> bool:
        """Whether it has nothing more to say by itself: no answer and no receipt is still to come."""
        return True

    def complaints(self) -> list[str]:
        """What it has against our side: breaches of the protocol, messages that nobody sent."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Ends it."""
