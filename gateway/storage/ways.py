"""How the ways out stand now: does a dispatcher serve this connector, is anything stuck before it, and whom does it serve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.domain.order import HIGHEST_PRIORITY, LOWEST_PRIORITY
from gateway.storage.driver import Statement, fetch
from gateway.storage.tables import TEST_CONNECTOR

_SERVED = "c.enabled AND c.owner IS NOT NULL AND c.lease_until > :now"


def _late(priority: int) -> str:
    """Whether a message of this lane waits since before ``:before``. Ordered as the index is, so that any plan reads one row."""
    return f"""
        EXISTS (SELECT due_at FROM messages WHERE connector = c.name AND priority = {priority}
            AND state IN ('scheduled', 'queued') AND due_at < :before ORDER BY due_at LIMIT 1)
    """


WAY = Statement(f"""
    SELECT {_SERVED}, {" OR ".join(map(_late, range(HIGHEST_PRIORITY, LOWEST_PRIORITY + 1)))}
    FROM connectors c WHERE c.name = :connector
""")
CONNECTED = Statement(f"""
    SELECT count(*) FROM devices d JOIN users u ON u.id = d.user_id JOIN accounts a ON a.id = d.account_id
    JOIN connectors c ON c.name = CASE WHEN u.is_test THEN '{TEST_CONNECTOR}' ELSE coalesce(d.connector, :usual) END
    WHERE NOT u.disabled AND a.status = 'active' AND {_SERVED}
""")


@dataclass(frozen=True, slots=True)
class Way:
    """A connector as it stands: ``is_served`` by a live dispatcher, ``is_late`` while a message waits longer than it should."""

    is_served: bool
    is_late: bool


def way(engine: Engine, connector: str, now: datetime, before: datetime) -> Way:
    """The connector as it stands; one that there is not is served by nobody.

    Args:
        before: messages due earlier than this, and still waiting, are late.

    Raises:
        StorageUnavailable
    """
    row = fetch(engine, WAY, {"connector": connector, "now": now, "before": before}) or (False, False)
    return Way(bool(row[0]), bool(row[1]))


def connected_devices(engine: Engine, usual: str, now: datetime) -> int:
    """How many devices that may sign in have a way out that is served. ``usual`` is the connector of those without one of their own.

    Raises:
        StorageUnavailable
    """
    row = fetch(engine, CONNECTED, {"usual": usual, "now": now})
    return int(row[0]) if row else 0
