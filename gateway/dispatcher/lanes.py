"""How a batch is divided among the three lanes."""

from __future__ import annotations

from collections.abc import Mapping

#: Lane → its part of a full batch, in hundredths. The lowest keeps its tenth however much waits above it.
WEIGHTS: Mapping[int, int] = {1: 60, 2: 30, 3: 10}


def shares(waiting: Mapping[int, int], most: int) -> dict[int, int]:
    """How many messages to claim from each lane.

    Every lane gets its part, as far as that many wait, and at least one where the batch has room for it; what is left goes to
    the highest lane that has more.

    Args:
        waiting: lane → messages that wait in it.
        most: messages in all.
    """
    given = {lane: min(waiting.get(lane, 0), most * weight // 100) for lane, weight in WEIGHTS.items()}
    rest = most - sum(given.values())
    for lane in sorted(WEIGHTS, reverse=True):
        if rest and not given[lane] and waiting.get(lane, 0) and most >= len(WEIGHTS):
            given[lane], rest = 1, rest - 1
    for lane in sorted(WEIGHTS):
        more = min(waiting.get(lane, 0) - given[lane], rest)
        given[lane] += more
        rest -= more
    return given
