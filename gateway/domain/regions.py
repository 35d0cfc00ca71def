"""Countries, as far as numbers without a country code are read in them."""

from __future__ import annotations

import phonenumbers

from gateway.domain.errors import InvalidField


def checked_region(region: str) -> str:
    """The country's two letters in capitals, if the number library can read numbers of that country.

    Raises:
        InvalidField
    """
    letters = region.upper()
    if not region.isascii() or letters not in phonenumbers.SUPPORTED_REGIONS:  # a dotless i would become a plain one
        raise InvalidField("region", f"{region[:20]!r} is unknown; give a country's two letters (ISO 3166), such as IT, UG or GB")
    return letters
