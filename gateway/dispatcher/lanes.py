"""How a batch is divided among the three lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Lane → its part of a full batch, in hundredths. The lowest keeps its tenth however much waits above it.
WEIGHTS: Mapping[int, int] = {1: 60, 2: 30, 3: 10}
WHOLE = 100 // min(WEIGHTS.values())
"""The smallest batch in which every lane has its part. Smaller ones are what a small window or a low speed limit leaves room for."""


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


class Turns:
    """Divides the batches of one connector, small ones too: what a lane missed in one it gets in those that follow.

    Without that a connector that takes messages one by one would never come to the lower lanes.
    """

    def __init__(self) -> None:
        self._owed = dict.fromkeys(WEIGHTS, 0.0)

    def __call__(self, waiting: Mapping[int, int], most: int) -> dict[int, int]:
        """See :func:`shares`."""
        if most >= WHOLE:
            return shares(waiting, most)
        given = dict.fromkeys(WEIGHTS, 0)
        for _ in range(min(most, sum(waiting.get(lane, 0) for lane in WEIGHTS))):
            given[self._next([lane for lane in WEIGHTS if waiting.get(lane, 0) > given[lane]])] += 1
        return given

    def _next(self, lanes: Sequence[int]) -> int:
        """Whose turn it is among lanes where something waits. One where nothing waits saves nothing up."""
        total = sum(WEIGHTS[lane] for lane in lanes)
        self._owed = {lane: self._owed[lane] + WEIGHTS[lane] / total if lane in lanes else 0.0 for lane in WEIGHTS}
        chosen = max(lanes, key=lambda lane: (self._owed[lane], -lane))
        self._owed[chosen] -= 1.0
        return chosen
