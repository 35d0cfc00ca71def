"""Messages that go on by another connector: at once when theirs failed them, and in batches when it is away for long.

Both ask the rules as new orders do (:mod:`gateway.domain.routing`). What a carrier may have taken is never moved, nor what its caller
pinned to a connector, nor test mode.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.errors import StorageUnavailable, Unavailable
from gateway.domain.order import HIGHEST_PRIORITY, LOWEST_PRIORITY
from gateway.domain.routing import MOVABLE, Routing, Traffic
from gateway.domain.sending import Event, Outcome
from gateway.services import standings
from gateway.services.core import Gateway
from gateway.services.routing import current_offer
from gateway.storage import routes
from gateway.storage.dispatch import MessageKey
from gateway.storage.routes import Move, Passage, Place

PAGE = 500
PAGES_AT_ONCE = 10
"""How many pages of a lane one sweep looks through before it rests; the next goes on behind them."""
LANES = range(HIGHEST_PRIORITY, LOWEST_PRIORITY + 1)
BEGINNING: Place = (datetime(2000, 1, 1, tzinfo=UTC), 0, UUID(int=0), 0)


def routing_for(gateway: Gateway, events: Collection[Event]) -> Routing | None:
    """What failover needs to know, where one of the events may call for it. Read before the events' own transaction begins."""
    if not any(isinstance(event, Outcome) and event.failure in MOVABLE for event in events):
        return None
    try:
        return current_offer(gateway).routing
    except StorageUnavailable:
        raise
    except Unavailable:
        return None


def onward(session: Session, routing: Routing, failed: Mapping[MessageKey, Outcome]) -> dict[MessageKey, Move]:
    """Where messages go on whose running attempt failed, and which are locked. Those not in the answer stay with their connector."""
    moves: dict[MessageKey, Move] = {}
    found = routes.passages(session, failed.keys())
    leaving = {key: each for key, each in found.items() if failed[key].failure in routing.failover(each.route)}
    tried = routes.tried(session, leaving.keys())
    for key, passage in leaving.items():
        move = _move(routing, passage, tried.get(key, set()))
        if move is not None:
            moves[key] = move
    return moves


class Reroute:
    """The sweep for what waits before connectors that are switched off, or away for longer than the operator bears with.

    It remembers how far it looked, so that messages without another way do not hide those behind them.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[str, int], Place] = {}

    def run(self, gateway: Gateway) -> int:
        """Moves a bounded number of messages; how many. Without any to move nothing is written."""
        away = _away(gateway)
        self._places = {lane: place for lane, place in self._places.items() if lane[0] in away}
        if not away:
            return 0
        try:
            routing = current_offer(gateway).routing
        except StorageUnavailable:
            raise
        except Unavailable:
            return 0
        return sum(self._lane(gateway, routing, name, priority) for name in away for priority in LANES)

    def _lane(self, gateway: Gateway, routing: Routing, connector: str, priority: int) -> int:
        """Looks through some pages of a lane and moves what can move, a transaction for each page; how many."""
        moved = 0
        for _ in range(PAGES_AT_ONCE):
            after = self._places.get((connector, priority), BEGINNING)
            with gateway.reading() as session:
                page = routes.waiting(session, connector, priority, gateway.clock.now(), after, PAGE)
            if len(page) == PAGE:
                self._places[connector, priority] = page[-1][0]
            else:
                self._places.pop((connector, priority), None)
            moves = [_move(routing, passage, {connector}) for _, passage in page]
            moved += _write(gateway, connector, [move for move in moves if move is not None])
            if len(page) < PAGE:
                break
        return moved


def _away(gateway: Gateway) -> list[str]:
    """The connectors whose messages need not wait for them any longer."""
    seconds = gateway.settings.reroute_after_seconds
    if not seconds:
        return []
    now = gateway.clock.now()
    before = now - timedelta(seconds=seconds)
    found = standings.standings(gateway).values()
    since = {each.name: each.away_since(now) for each in found if each.is_enabled}
    away = [name for name, moment in since.items() if moment is not None and moment <= before]
    return [*(each.name for each in found if not each.is_enabled), *away]


def _write(gateway: Gateway, connector: str, moves: Sequence[Move]) -> int:
    if not moves:
        return 0
    with gateway.writing() as session:
        held = routes.hold_waiting(session, connector, [move.key for move in moves])
        mine = [move for move in moves if move.key in held]
        routes.move(session, mine)
        return len(mine)


def _move(routing: Routing, passage: Passage, excluded: Collection[str]) -> Move | None:
    key, recipient, route, dialect, message_type, originator = passage
    traffic = Traffic(dialect, key[0], message_type, recipient, originator)
    decision = routing.onward(traffic, route, random.random(), excluded)
    return None if decision is None or decision.connector is None else Move(key, decision.connector, decision.rule)
