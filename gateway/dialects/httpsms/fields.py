"""Marshmallow fields of this dialect's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from marshmallow import ValidationError, fields

from gateway.web.fields import REQUIRED, UNSTORABLE, Whole

MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:(Z)|([+-])(\d\d):(\d\d))",
    re.ASCII | re.IGNORECASE,
)
"""A date and time of RFC 3339, with its offset; Go's parser takes a comma before the fraction too."""


class Strings(fields.Field[list[str]]):
    """A list of strings, each one storable.

    Args:
        most: entries at most.
        longest: characters of each at most.
    """

    def __init__(self, *, most: int, longest: int, **kwargs: Any) -> None:
        described = {"type": "array", "items": {"type": "string", "maxLength": longest}, "maxItems": most}
        super().__init__(**kwargs | {"metadata": described | kwargs.get("metadata", {})})
        self.most, self.longest = most, longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValidationError("must be a list of strings")
        if self.required and not value:
            raise ValidationError(REQUIRED)
        if len(value) > self.most:
            raise ValidationError(f"has {len(value)} entries, at most {self.most} are allowed")
        for number, each in enumerate(value):
            if len(each) > self.longest or UNSTORABLE.search(each):
                raise ValidationError(f"holds at index {number} what is too long or has a character that is not allowed")
        return value


class Moment(fields.Field[datetime]):
    """A moment as RFC 3339 with an offset, to an aware datetime in UTC. What has not that form is refused before (contract 1.3)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"metadata": {"type": "string", "format": "date-time"} | kwargs.get("metadata", {})})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        found = MOMENT.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("must be a date and time of RFC 3339 with an offset")
        try:
            return _moment(found)
        except (ValueError, OverflowError):
            raise ValidationError("is not a moment of the calendar") from None


class Rows(Whole):
    """How many rows: at least one; more than the most is that most, as clients that ask for too many get an answer (contract 1.5).

    Args:
        most: the documented maximum.
        default: without the parameter, and for 0.
    """

    def __init__(self, most: int, default: int, **kwargs: Any) -> None:
        super().__init__(0, 10**12, load_default=default, **kwargs)
        self.most, self.default = most, default

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        number = super()._deserialize(value, attr, data, **kwargs)
        return min(number or self.default, self.most)


def _moment(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(found[part]) for part in range(1, 7))
    micros = int((found[7] or "")[:6].ljust(6, "0"))
    offset = timedelta() if found[8] else timedelta(hours=int(found[10]), minutes=int(found[11])) * (-1 if found[9] == "-" else 1)
    leap = second == 60  # RFC 3339 allows it; the next second is meant
    local = datetime(year, month, day, hour, minute, 59 if leap else second, micros, tzinfo=timezone(offset))
    return local.astimezone(UTC) + timedelta(seconds=leap)
