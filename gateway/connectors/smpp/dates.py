"""Times as SMPP writes them.

Source: SMPP 3.4, 7.1.1 (absolute and relative time) and appendix B (receipts).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

LEAST_VALIDITY = timedelta(minutes=1)
EARLIEST_YEAR = 2000
"""Dates before are those of programs that have none: ``00010101000000``."""

_absolute = re.compile(r"([0-9]{12})([0-9])([0-9]{2})([+-])").fullmatch
#: How long a date of a receipt is → the ways to read it, the likeliest first.
_FORMS = {
    10: ("%y%m%d%H%M",),
    12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"),
    14: ("%Y%m%d%H%M%S",),
}


def relative(expires_at: datetime, now: datetime) -> bytes:
    """How long the SMSC may try from now, rounded up to whole seconds: ``000002000000000R`` for two days. At least a minute."""
    seconds = -(-max(expires_at - now, LEAST_VALIDITY) // timedelta(seconds=1))
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    months, day = divmod(min(days, 359), 30)
    return f"00{months:02}{day:02}{hour:02}{minute:02}{second:02}000R".encode()


def absolute(expires_at: datetime, now: datetime) -> bytes:
    """Until when the SMSC may try, in UTC: ``261123170500000+``. At least a minute from now."""
    return max(expires_at, now + LEAST_VALIDITY).astimezone(UTC).strftime("%y%m%d%H%M%S000+").encode()


def parsed_absolute(text: str) -> datetime | None:
    """The moment of an absolute time, None for anything else."""
    found = _absolute(text)
    if found is None:
        return None
    quarters = int(found[3]) * (1 if found[4] == "+" else -1)
    try:
        local = datetime.strptime(found[1], "%y%m%d%H%M%S")  # noqa: DTZ007 (its zone follows)
        return local.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    except ValueError:
        return None


def of_receipt(text: str, zone: tzinfo) -> datetime | None:
    """The moment of a receipt's "done date": 10, 12 or 14 digits, whatever stands between them. None where it is no date.

    Most carriers leave the seconds out; the minute's last one is taken then, lest a message be delivered before it was sent.
    """
    digits = re.sub(r"[^0-9]", "", text)
    for form in _FORMS.get(len(digits), ()):
        try:
            moment = datetime.strptime(digits, form).replace(tzinfo=zone)
            if moment.year >= EARLIEST_YEAR:
                return moment.astimezone(UTC) + timedelta(seconds=0 if form.endswith("%S") else 59)
        except (ValueError, OverflowError):
            continue
    return None
