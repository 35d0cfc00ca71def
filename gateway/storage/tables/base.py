"""The declarative base, and what several tables share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, MetaData, Text
from sqlalchemy.orm import DeclarativeBase

from gateway.storage.types import UtcDateTime

ISSUER_ACCOUNT_ID = 1
"""The system account that credit comes from when an operator sells it."""
REVENUE_ACCOUNT_ID = 2
"""The system account that charges go to."""
TEST_CONNECTOR = "test"
"""The simulator that messages in test mode go to. It is never part of the offer."""
WITHOUT_ROWID = {"sqlite_with_rowid": False}
"""SQLite then keeps the rows in the key's own tree: fewer pages to write and sync for each accepted order."""


class Base(DeclarativeBase):
    """Declarative base of every table, handed to Flask-SQLAlchemy."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Base.registry.update_type_annotation_map(
    {
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON,
        str: Text,
    }
)
