"""Ids of orders and of their messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import first_uuid7, message_id, of_message, order_id

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@given(st.binary(min_size=10, max_size=10), st.integers(0, 1_000_000))
def test_a_message_s_id_leads_to_its_order_and_place(random: bytes, position: int) -> None:
    order = order_id(NOW, random)
    assert of_message(message_id(order, position)) == (order, position)
    assert (order.version, message_id(order, position).version) == (7, 7)


def test_the_first_message_has_the_order_s_id() -> None:
    order = order_id(NOW, b"\xff" * 10)
    assert message_id(order, 0) == order


def test_orders_sort_by_time() -> None:
    assert first_uuid7(NOW) <= order_id(NOW, bytes(10)) < order_id(NOW + timedelta(milliseconds=1), bytes(10))
