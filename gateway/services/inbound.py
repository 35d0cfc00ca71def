"""What comes from handsets: stored once, given to its account, and acted on where it is a keyword."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.inbound import Inbound


def receive(session: Session, connector: str, came: Sequence[Inbound], now: datetime) -> None:
    """Stores what came in by a connector, in the caller's transaction. A repeat changes nothing."""
