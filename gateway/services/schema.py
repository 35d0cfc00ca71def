"""Whether the database has the tables this code expects, and bringing it there."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from flask_migrate import upgrade as run_upgrade
from sqlalchemy.engine import make_url

from gateway.domain.errors import Unavailable
from gateway.services.core import Gateway
from gateway.storage import condition
from gateway.storage.db import translated

MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"


class NotMigrated(Unavailable):
    """The database lacks tables or columns of this version. ``at`` is where it stands, None for an empty one."""

    def __init__(self, at: str | None, head: str) -> None:
        self.at = at
        self.head = head
        stands = f"stands at {at}" if at else "has no tables yet"
        super().__init__(f"the database {stands}, this version needs {head}; run: flask db upgrade or dragoman migrate")


@dataclass(frozen=True, slots=True)
class Schema:
    """Where the database stands and where this code wants it."""

    at: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Whether nothing needs to be done."""
        return self.at == self.head


def schema(gateway: Gateway) -> Schema:
    """Where the database stands. Never makes an SQLite file.

    Raises:
        StorageUnavailable: the database is away.
    """
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None
    path = _file(gateway)
    if path is not None and not path.exists():
        return Schema(None, head)
    with gateway.reading() as session:
        return Schema(condition.revision(session), head)


def require_current(gateway: Gateway) -> None:
    """Refuses to work on a database of another version.

    Raises:
        NotMigrated
        StorageUnavailable: the database is away.
    """
    found = schema(gateway)
    if not found.is_current:
        raise NotMigrated(found.at, found.head)


def upgrade(gateway: Gateway) -> tuple[Schema, Schema]:
    """Brings the database to the newest schema; where it stood before and where it stands now.

    Within an application context. Raises StorageUnavailable when the database is away.
    """
    before = schema(gateway)
    if not before.is_current:
        path = _file(gateway)
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        with translated():
            run_upgrade(directory=str(MIGRATIONS))
    return before, schema(gateway)


def _file(gateway: Gateway) -> Path | None:
    """The embedded database's file; None on PostgreSQL."""
    name = make_url(str(gateway.engine.url)).database if gateway.settings.is_sqlite else None
    return Path(name) if name else None
