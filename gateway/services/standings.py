"""How the connectors stand: what their dispatchers last wrote down, and what follows from it for the traffic."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.services.core import Gateway
from gateway.storage import standings as stored
from gateway.storage.standings import FULL_SCORE as FULL_SCORE
from gateway.storage.standings import Standing as Standing


def standings(gateway: Gateway) -> Mapping[str, Standing]:
    """Every connector but the one of test mode, by name, in the order in which they were made."""
    with gateway.reading() as session:
        return {each.name: each for each in stored.every(session)}


def note(gateway: Gateway, connector: str, *, is_connected: bool, note: str = "", score: int = FULL_SCORE) -> None:
    """Writes down how a connector does. For whoever serves it: its dispatcher, or the web side of telephones. Call it on changes only."""
    with gateway.writing() as session:
        stored.note(session, connector, is_connected=is_connected, score=score, note=_clean(note), now=gateway.clock.now())


def _clean(words: str) -> str:
    """Words as both databases take them: no NUL, no half of a surrogate pair."""
    return words.replace("\0", "").encode("utf-8", "replace").decode()
