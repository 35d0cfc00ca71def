"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator

BigKey = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key that counts up by itself on both databases (SQLite does so for INTEGER only)."""


_unstorable = re.compile("[\x00\ud800-\udfff]").search


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds.

    SQLite drops the zone of a datetime without converting it, so values are turned to UTC on the way in and
    get their zone back on the way out. Naive values are refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone was given to the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def storable(text: str) -> bool:
    """Whether both databases can hold the text, or be asked for it: no U+0000, no half of a surrogate pair."""
    return _unstorable(text) is None


def sqlite_moment(value: datetime) -> str:
    """The text that :class:`UtcDateTime` stores on SQLite, for statements given to the driver directly."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def moment_of(value: str | datetime) -> datetime:
    """The aware UTC instant behind a column read through the driver directly, on either database."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
