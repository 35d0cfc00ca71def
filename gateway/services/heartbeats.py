"""Signs of life that handsets send, so that their owners see whether they run.

Source: contracts httpsms 5.3 and android-devices A.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from gateway.domain.callback import SILENT
from gateway.domain.errors import InvalidField
from gateway.services.callbacks import outbox
from gateway.services.core import Gateway
from gateway.storage import heartbeats as stored
from gateway.storage import phones
from gateway.storage.tables import Heartbeat as Heartbeat

KEPT = 100
"""Of each number; at one every quarter of an hour, a day's worth."""
LONGEST_VERSION = 64


def note(gateway: Gateway, account_id: int, numbers: Sequence[str], version: str, *, charging: bool) -> list[Heartbeat]:
    """Stores a heartbeat for each of the numbers (E.164) and forgets the oldest ones.

    Raises:
        InvalidField: a number that is not the account's; nothing was stored.
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        known = phones.numbers(session, account_id)
        strange = [each for each in numbers if each not in known]
        if strange:
            raise InvalidField("phone_numbers", f"holds {strange[0]}, which is not a phone of yours")
        rows = [
            Heartbeat(id=uuid4(), account_id=account_id, owner=each, version=version[:LONGEST_VERSION], charging=charging, at=now)
            for each in dict.fromkeys(numbers)
        ]
        outbox.heard_of(session, account_id, numbers, now - SILENT, now)
        session.add_all(rows)
        session.flush()
        for row in rows:
            stored.forget_old(session, account_id, row.owner, KEPT)
        session.expunge_all()
        return rows


def listed(gateway: Gateway, account_id: int, owner: str, offset: int, limit: int) -> Sequence[Heartbeat]:
    """Some of the heartbeats of one number, newest first."""
    with gateway.reading() as session:
        rows = stored.page(session, account_id, owner, offset, limit)
        session.expunge_all()
        return rows
