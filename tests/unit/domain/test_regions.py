"""Countries that an account can be of."""

from __future__ import annotations

import pytest

from gateway.domain.errors import InvalidField
from gateway.domain.regions import checked_region


@pytest.mark.parametrize(("given", "kept"), [("IT", "IT"), ("ug", "UG"), ("Gb", "GB")])
def test_countries(given, kept):
    assert checked_region(given) == kept


@pytest.mark.parametrize("wrong", ["", "ZZ", "UK", "ITA", "001", "1T", "\u0131t"])
def test_what_is_none(wrong):
    with pytest.raises(InvalidField, match=r"^region .* is unknown; give a country's two letters"):
        checked_region(wrong)
