"""Credit in whole units: 1 credit is 1000 units, and nothing smaller exists. Never a float."""

from __future__ import annotations

import re
from decimal import Context, Decimal

from gateway.domain.errors import InvalidField

UNITS_PER_CREDIT = 1000
DECIMALS = 3
MAX_UNITS = 2**63 - 1  # what a 64-bit column holds, either sign

_written = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_EXACT = Context(prec=50)  # more digits than the pattern lets in, so nothing is rounded


def parse_credits(value: str) -> int:
    """Units in a decimal number of credits, such as "12.345" → 12345. May be negative; zeros at the end do not count.

    Raises:
        InvalidField: field "credits": not a plain decimal number, more than three decimals, or beyond 64 bits of units.
    """
    if not _written(value):
        raise InvalidField("credits", "is not a decimal number")
    credits = _EXACT.normalize(_EXACT.create_decimal(value))
    exponent = credits.as_tuple().exponent
    if credits and credits.adjusted() > 17:
        raise InvalidField("credits", "is out of range")
    if not isinstance(exponent, int) or exponent < -DECIMALS:
        raise InvalidField("credits", f"has more than {DECIMALS} decimals")
    units = int(_EXACT.multiply(credits, Decimal(UNITS_PER_CREDIT)))
    if abs(units) > MAX_UNITS:
        raise InvalidField("credits", "is out of range")
    return units


def format_credits(units: int) -> str:
    """The units as credits, as short as is exact: 12345 → "12.345", 12500 → "12.5", 12000 → "12"."""
    whole, rest = divmod(abs(units), UNITS_PER_CREDIT)
    decimals = f".{rest:0{DECIMALS}}".rstrip("0") if rest else ""
    return f"{'-' if units < 0 else ''}{whole}{decimals}"


def credits_floor(units: int) -> int:
    """Whole credits, rounded down (towards minus infinity): what a balance buys."""
    return units // UNITS_PER_CREDIT


def credits_ceil(units: int) -> int:
    """Whole credits, rounded up: what a price asks for."""
    return -(-units // UNITS_PER_CREDIT)
