"""What every use case needs: settings, database, clock and the caches of one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gateway.config import Settings
from gateway.services.clock import Clock, SystemClock
from gateway.services.kept import Kept
from gateway.services.limits import GuessLimits
from gateway.services.passwords import VerifiedPasswords
from gateway.services.pricing import Catalogue
from gateway.services.recent import Recent
from gateway.storage.db import db, reading, writing
from gateway.storage.driver import close_connections
from gateway.storage.identity import Caller, KeyFound
from gateway.storage.ways import Way

WAY_SECONDS = 0.5
"""How old an answer about a connector may be."""
PULSE_SECONDS = 5.0
"""How old an answer to anybody who asks how the gateway is may be."""


@dataclass(slots=True)
class Gateway:
    """One process's way to the database and to the time. Made by ``create_app``; used within its application context."""

    settings: Settings
    engine: Engine
    guesses: GuessLimits
    clock: Clock = field(default_factory=SystemClock)
    catalogue: Catalogue = field(default_factory=Catalogue)
    verified: VerifiedPasswords = field(default_factory=VerifiedPasswords)
    sessions: Recent[UUID, tuple[Caller, datetime]] = field(default_factory=Recent)
    users: Recent[str, tuple[Caller, str]] = field(default_factory=Recent)
    keys: Recent[str, KeyFound] = field(default_factory=Recent)
    ways: Kept[str, Way] = field(default_factory=lambda: Kept(WAY_SECONDS))
    restraints: Kept[str, Any] = field(default_factory=lambda: Kept(PULSE_SECONDS))
    pulse: Kept[str, int | None] = field(default_factory=lambda: Kept(PULSE_SECONDS))

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one writing transaction, committed at the end of the block."""
        session = db.session()
        with writing(session):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads."""
        session = db.session()
        with reading(session):
            yield session

    def close(self) -> None:
        """Closes every connection of this process. The next question opens a new one."""
        close_connections(self.engine)
        self.engine.dispose()
