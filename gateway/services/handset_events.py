"""What connected telephones should hear of now: due messages, and what was kept for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from gateway.services.core import Gateway
from gateway.services.handsets import ONLINE
from gateway.storage import handsets as stored

KEPT = timedelta(days=7)
"""How long something is kept for a telephone that does not come for it."""
MOST_COMMANDS = 500


class Command(NamedTuple):
    """Something that a telephone is told, as it goes over the wire."""

    id: int
    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class News:
    """For telephones that are connected: which of them may still be, what each is told, and which connectors have messages due."""

    live: frozenset[str]
    commands: Mapping[str, Sequence[Command]]
    with_work: frozenset[str]


def look(gateway: Gateway, connected: Mapping[str, str]) -> News:
    """What there is for these telephones (id → connector), by three questions however many they are."""
    with gateway.reading() as session:
        live = stored.live(session, connected)
        commands: dict[str, list[Command]] = {}
        for row in stored.told(session, live, MOST_COMMANDS):
            commands.setdefault(row.handset_id, []).append(Command(row.id, row.name, dict(row.data)))
        work = stored.with_work(session, {connected[each] for each in live}, gateway.clock.now())
    return News(frozenset(live), commands, frozenset(work))


def told(gateway: Gateway, news: News) -> None:
    """Forgets what the telephones were told."""
    ids = [command.id for each in news.commands.values() for command in each]
    if ids:
        with gateway.writing() as session:
            stored.forget_told(session, ids, gateway.clock.now() - KEPT)


def connected(gateway: Gateway, held: Mapping[str, str]) -> None:
    """Notes that these telephones are connected now."""
    now = gateway.clock.now()
    if held:
        with gateway.writing() as session:
            stored.touch(session, list(held), sorted(set(held.values())), now, now + ONLINE)
