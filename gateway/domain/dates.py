"""Dates as old programs write them → aware UTC, and back.

Every form is recognised by its own pattern before anything is computed: general parsers read fourteen digits wrongly
and without complaint. An offset in the value wins over the zone. Numbers of seconds since 1970 are never accepted.
Source: contract smsend 3.7.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from gateway.domain.errors import InvalidDate, InvalidField

MIN_YEAR = 1970
MAX_YEAR = 2199
_MAX_WRITTEN = 64  # characters
_MAX_OFFSET = timedelta(hours=18)  # as java.time allows

# By number of digits: eight are year first, six and ten day first with two digits of the year.
_DIGIT_FORMS = {
    6: re.compile(r"(?P<day>..)(?P<month>..)(?P<short_year>..)"),
    8: re.compile(r"(?P<year>....)(?P<month>..)(?P<day>..)"),
    10: re.compile(r"(?P<day>..)(?P<month>..)(?P<short_year>..)(?P<hour>..)(?P<minute>..)"),
    12: re.compile(r"(?P<year>....)(?P<month>..)(?P<day>..)(?P<hour>..)(?P<minute>..)"),
    14: re.compile(r"(?P<year>....)(?P<month>..)(?P<day>..)(?P<hour>..)(?P<minute>..)(?P<second>..)"),
}
# After minutes only zeros may follow a point: the documented ".0" is a relic, not a fraction of a minute.
_ISO = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?|\.0{1,9})?"
    r"(?: ?(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
# Before AM or PM: a blank, the narrow one newer JDKs write, or what an unfit charset left of it.
_JAVA = re.compile(
    r"(?P<month_name>[A-Z][a-z]{2}) (?P<day>[0-9]{1,2}), (?P<year>[0-9]{4}),? "
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})[ \u00a0\u202f?]?(?P<half>AM|PM)"
)
_MONTHS = {
    name: number
    for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1)
}
_only_digits = re.compile(r"[0-9]+").fullmatch

_zone_name = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}").fullmatch
_MAX_ZONE_NAME = 64
# Found in some systems' zone folders, and not the same thing everywhere (or not UTC-based at all).
_NOT_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/", "build/")


def parse(value: str, zone: tzinfo, field: str = "scheduled_delivery_time") -> datetime:
    """The moment meant by ``value``, in aware UTC, whole microseconds (finer digits are cut).

    A value without offset is local time in ``zone``; a date without time means 00:00 there. An hour that the change to
    summer time skips moves forward by the gap; an hour that comes twice means the first. Outer blanks are ignored.

    Args:
        field: the field's name for the error, as the customer wrote it.

    Raises:
        InvalidDate: no known form, an impossible date, or a year outside 1970 to 2199. Nothing else is raised.
    """
    text = value.strip()
    found = _match(text) if len(text) <= _MAX_WRITTEN else None
    if found is None:
        raise InvalidDate(field, value)
    parts = found.groupdict()
    try:
        local, offset = _local_time(parts), _offset(parts.get("offset"))
    except ValueError:
        raise InvalidDate(field, value, "is not a possible date") from None
    if not MIN_YEAR <= local.year <= MAX_YEAR:
        raise InvalidDate(field, value, f"is outside the years {MIN_YEAR} to {MAX_YEAR}")
    # fold=0 is both rules at once: the first of two equal hours, and the older offset inside a gap.
    return local.replace(tzinfo=offset or zone).astimezone(UTC)


def render(moment: datetime, zone: tzinfo) -> str:
    """``yyyyMMddHHmmss`` of the moment in ``zone``; parts of a second are cut.

    Raises:
        ValueError: a naive ``moment``.
    """
    if moment.utcoffset() is None:
        raise ValueError("a naive moment cannot be rendered")
    local = moment.astimezone(zone)
    return f"{local.year:04}{local.month:02}{local.day:02}{local.hour:02}{local.minute:02}{local.second:02}"


def zone(name: str, field: str = "scheduled_delivery_timezone") -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        InvalidField: unknown, empty, too long, or shaped like a path. Nothing else is raised.
    """
    if len(name) <= _MAX_ZONE_NAME and _zone_name(name) and not name.startswith(_NOT_ZONES):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown; not zone data; a folder such as "Europe"
            pass
    raise InvalidField(field, "is not the name of a time zone")


def _match(text: str) -> re.Match[str] | None:
    if _only_digits(text):
        form = _DIGIT_FORMS.get(len(text))
        return form.fullmatch(text) if form else None
    return _ISO.fullmatch(text) or _JAVA.fullmatch(text)


def _local_time(parts: dict[str, str | None]) -> datetime:
    """The naive local time. Raises ValueError for what no calendar or clock shows."""

    def number(name: str) -> int:
        return int(parts.get(name) or 0)

    year = 2000 + number("short_year") if parts.get("short_year") else number("year")
    month_name = parts.get("month_name")
    month = _MONTHS.get(month_name, 0) if month_name else number("month")
    hour = _hour_of_day(number("hour"), parts.get("half"))
    microsecond = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
    return datetime(year, month, number("day"), hour, number("minute"), number("second"), microsecond)  # noqa: DTZ001 - zone follows


def _hour_of_day(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("hours before AM or PM are 1 to 12")
    return hour % 12 + (12 if half == "PM" else 0)


def _offset(written: str | None) -> tzinfo | None:
    """The zone of ``Z``, ``±hh:mm`` or ``±hhmm``. Raises ValueError beyond 18 hours."""
    if written is None:
        return None
    if written in "Zz":
        return UTC
    hours, minutes = int(written[1:3]), int(written[-2:])
    distance = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or distance > _MAX_OFFSET:
        raise ValueError("no such offset")
    return timezone(-distance if written[0] == "-" else distance)
