"""When to try again: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

_JITTER_SHARE = 0.2
_MAX_DOUBLINGS = 62  # far beyond any ceiling, and keeps the shift small for absurd attempt numbers


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds before the second attempt, the ceiling in seconds, and how many attempts there are in all."""

    base_seconds: int = 15
    max_seconds: int = 3600
    max_attempts: int = 8

    def __post_init__(self) -> None:
        if self.base_seconds < 1 or self.max_seconds < self.base_seconds or self.max_attempts < 1:
            raise ValueError("a retry policy needs 1 <= base_seconds <= max_seconds and max_attempts >= 1")


def delay_seconds(policy: RetryPolicy, attempt: int, jitter: float) -> float | None:
    """Seconds to wait after the failure of ``attempt`` (1 is the first), or None when attempts are used up.

    The wait doubles each time up to the ceiling; then up to a fifth of it is added, ceiling included, so that messages
    that failed together do not come back together.

    Args:
        jitter: a random number from 0 (inclusive) to 1 (exclusive), drawn by the caller.

    Raises:
        ValueError: ``attempt`` below 1 or ``jitter`` out of range.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    if not 0 <= jitter < 1:
        raise ValueError("jitter is at least 0 and below 1")
    if attempt >= policy.max_attempts:
        return None
    wait = min(policy.base_seconds << min(attempt - 1, _MAX_DOUBLINGS), policy.max_seconds)
    return wait * (1 + _JITTER_SHARE * jitter)
