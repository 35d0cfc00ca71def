"""Handsets that serve a connector, what they are told, and the messages that lie with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gateway.domain.alphabet import Alphabet
from gateway.domain.sending import AttemptKey, Outgoing
from gateway.storage.batch import BatchStatement, execute, join_by_key
from gateway.storage.tables import ConnectorRow, ConnectorStanding, Handset, HandsetCommand, Pairing
from gateway.storage.types import moment_of

OWNER = "handset"
"""What stands as the owner of a connector that a handset serves."""
_KEY = {"account_id": "bigint", "order_id": "uuid", "position": "int", "number": "bigint"}
_SAME = "m.account_id = u.account_id AND m.order_id = u.order_id AND m.position = u.position"
_TRY = "a.account_id = m.account_id AND a.order_id = m.order_id AND a.position = m.position AND a.number = m.fence"
_DUE = "state IN ('scheduled', 'queued') AND due_at <= :now AND (expires_at IS NULL OR expires_at > :now)"

_NAME = BatchStatement(
    f"""
    UPDATE messages AS m SET lease_until = u.until, smsc_message_id = u.name FROM {{rows}}
    WHERE {_SAME} AND m.fence = u.number AND m.state = 'sending'
    """,
    _KEY | {"until": "timestamptz", "name": "text"},
)
_PUT_BACK = BatchStatement(
    f"""
    UPDATE messages AS m SET state = 'queued', fence = m.fence - 1, attempts = m.attempts - 1, lease_until = NULL FROM {{rows}}
    WHERE {_SAME} AND m.fence = u.number AND m.state = 'sending'
    """,
    _KEY,
)
_FORGET_TRY = BatchStatement(
    """
    DELETE FROM attempts WHERE (account_id, order_id, position, number) IN (SELECT account_id, order_id, position, number FROM {rows})
    """,
    _KEY,
)
_LENT_COLUMNS = """
    m.account_id, m.order_id, m.position, m.fence, m.recipient, coalesce(m.text, o.text), coalesce(m.alphabet, o.alphabet), m.parts,
    o.originator, o.wants_receipt, m.expires_at, o.is_flash, o.is_encrypted, m.priority, m.lease_until, a.started_at, a.carrier_code
"""
_LENT = BatchStatement(f"""
    SELECT {_LENT_COLUMNS} FROM messages m
    JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id JOIN attempts a ON {_TRY}
    WHERE m.connector = :connector AND m.state = 'sending' AND a.started_at >= :since
    ORDER BY CASE WHEN a.carrier_code IS NULL THEN 0 ELSE 1 END, a.started_at, m.order_id, m.position LIMIT :most
""")
_LOST = BatchStatement(f"""
    SELECT {_LENT_COLUMNS} FROM messages m
    JOIN orders o ON o.account_id = m.account_id AND o.id = m.order_id JOIN attempts a ON {_TRY}
    WHERE m.connector = :connector AND m.state = 'unknown' AND a.started_at >= :since
    ORDER BY a.started_at DESC, m.order_id, m.position LIMIT :most
""")
_COUNT_LENT = BatchStatement("SELECT count(*) FROM messages WHERE connector = :connector AND state = 'sending'")
_TRIES = BatchStatement(
    f"""
    SELECT a.account_id, a.order_id, a.position, a.number, m.parts, a.carrier_code
    FROM {{rows}} JOIN messages m ON {_SAME}
    JOIN attempts a ON a.account_id = u.account_id AND a.order_id = u.order_id AND a.position = u.position AND a.number = u.number
    WHERE a.connector = :connector
    """,
    _KEY,
)
_MARK = BatchStatement(
    """
    UPDATE attempts AS a SET carrier_code = u.code FROM {rows}
    WHERE a.account_id = u.account_id AND a.order_id = u.order_id AND a.position = u.position AND a.number = u.number
        AND a.outcome IS NULL
    """,
    _KEY | {"code": "text"},
)
_CUT_SHORT = BatchStatement("UPDATE messages SET lease_until = :now WHERE connector = :connector AND state = 'sending'")
_WAITING = BatchStatement(
    f"""
    SELECT u.connector FROM {{rows}} WHERE {
        " OR ".join(f"EXISTS (SELECT 1 FROM messages WHERE connector = u.connector AND priority = {lane} AND {_DUE})" for lane in (1, 2, 3))
    }
    """,
    {"connector": "text"},
)


class Lent(NamedTuple):
    """A message that lies with a handset. ``until``: its lease; None once its outcome is unknown. ``word``: the handset's latest of it."""

    outgoing: Outgoing
    priority: int
    until: datetime | None
    started_at: datetime
    word: str | None


class Try(NamedTuple):
    """A try of a connector's: the parts of its message, and the handset's latest word of it."""

    parts: int
    word: str | None


# Messages


def name(session: Session, rows: Sequence[tuple[AttemptKey, datetime, str]]) -> None:
    """Gives just claimed messages their leases and the names that the handset will know them by."""
    execute(session, _NAME, {}, [(*key, until, known_as) for key, until, known_as in rows])


def put_back(session: Session, keys: Collection[AttemptKey]) -> None:
    """Undoes the claim of messages, in the transaction that claimed them: nobody saw it."""
    execute(session, _PUT_BACK, {}, list(keys))
    execute(session, _FORGET_TRY, {}, list(keys))


def lent(session: Session, connector: str, since: datetime, most: int) -> list[Lent]:
    """What a handset has, or shall get: claimed since a moment and without an outcome. What it has not spoken of comes first."""
    return [_lent(row) for row in execute(session, _LENT, {"connector": connector, "since": since, "most": most})]


def lost(session: Session, connector: str, since: datetime, most: int) -> list[Lent]:
    """Messages claimed since a moment whose outcome is unknown, the latest first."""
    return [_lent(row) for row in execute(session, _LOST, {"connector": connector, "since": since, "most": most})]


def count_lent(session: Session, connector: str) -> int:
    """How many messages lie with the connector's handset."""
    return int(execute(session, _COUNT_LENT, {"connector": connector})[0][0])


def tries(session: Session, connector: str, keys: Iterable[AttemptKey]) -> dict[AttemptKey, Try]:
    """Those of these tries that there are, and that were made by this connector."""
    join_by_key(session)
    rows = execute(session, _TRIES, {"connector": connector}, sorted(set(keys)))
    return {AttemptKey(row[0], _uuid(row[1]), row[2], row[3]): Try(row[4], row[5]) for row in rows}


def mark(session: Session, words: Sequence[tuple[AttemptKey, str]]) -> None:
    """Writes a handset's latest word on tries that have no outcome yet."""
    execute(session, _MARK, {}, [(*key, word) for key, word in words])


def cut_short(session: Session, connector: str, now: datetime) -> None:
    """Ends the leases of all that lies with a connector's handset: nobody will hear of it again."""
    execute(session, _CUT_SHORT, {"connector": connector, "now": now})


def with_work(session: Session, connectors: Iterable[str], now: datetime) -> set[str]:
    """Those of these connectors that have a message due."""
    return {row[0] for row in execute(session, _WAITING, {"now": now}, [(connector,) for connector in sorted(connectors)])}


def _lent(row: tuple[Any, ...]) -> Lent:
    key = AttemptKey(row[0], _uuid(row[1]), row[2], row[3])
    outgoing = Outgoing(
        key=key,
        recipient=row[4],
        text=row[5],
        alphabet=Alphabet(row[6]),
        parts=row[7],
        originator=row[8],
        wants_receipt=bool(row[9]),
        expires_at=row[10] and moment_of(row[10]),
        is_flash=bool(row[11]),
        is_encrypted=bool(row[12]),
    )
    return Lent(outgoing, row[13], row[14] and moment_of(row[14]), moment_of(row[15]), row[16])


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


# Handsets


def by_token(session: Session, digests: Collection[bytes]) -> Handset | None:
    """The live handset with one of these digests of its token."""
    return session.scalars(select(Handset).where(Handset.token_hmac.in_(digests), Handset.revoked_at.is_(None))).first()


def by_login(session: Session, login: str) -> Handset | None:
    """The live handset of this login."""
    return session.scalars(select(Handset).where(Handset.login == login, Handset.revoked_at.is_(None))).first()


def by_id(session: Session, handset_id: str) -> Handset | None:
    """The live handset of this id."""
    return session.scalars(select(Handset).where(Handset.id == handset_id, Handset.revoked_at.is_(None))).first()


def of_connector(session: Session, connector: str) -> Handset | None:
    """The handset that serves a connector."""
    return session.scalars(select(Handset).where(Handset.connector == connector, Handset.revoked_at.is_(None))).first()


def hold(session: Session, handset_id: str) -> Handset | None:
    """The live handset, locked."""
    return session.scalars(select(Handset).where(Handset.id == handset_id, Handset.revoked_at.is_(None)).with_for_update()).first()


def login_is_free(session: Session, login: str) -> bool:
    """Whether no handset, live or not, has this login."""
    return session.scalar(select(Handset.id).where(Handset.login == login)) is None


def every(session: Session) -> Sequence[Handset]:
    """All live handsets, by connector."""
    return session.scalars(select(Handset).where(Handset.revoked_at.is_(None)).order_by(Handset.connector)).all()


def live(session: Session, ids: Collection[str]) -> set[str]:
    """Those of these handsets that are not revoked."""
    return set(session.scalars(select(Handset.id).where(Handset.id.in_(ids), Handset.revoked_at.is_(None))))


def touch(session: Session, ids: Collection[str], connectors: Collection[str], now: datetime, until: datetime) -> None:
    """Notes that handsets were heard of, and that connectors are served until a moment."""
    if ids:
        session.execute(update(Handset).where(Handset.id.in_(ids)).values(last_seen=now))
    served = update(ConnectorRow).where(ConnectorRow.name.in_(connectors), ConnectorRow.enabled)
    session.execute(served.values(owner=OWNER, lease_until=until))
    _stand(session, connectors, connected=True, now=now)


def part(session: Session, connector: str, now: datetime) -> None:
    """Notes that no handset serves a connector any more."""
    session.execute(update(ConnectorRow).where(ConnectorRow.name == connector).values(owner=None, lease_until=None))
    _stand(session, [connector], connected=False, now=now)


def _stand(session: Session, connectors: Collection[str], *, connected: bool, now: datetime) -> None:
    values = {"is_connected": connected, "noted_at": now, "disconnected_at": None if connected else now}
    changed = update(ConnectorStanding).where(ConnectorStanding.connector.in_(connectors)).values(**values)
    known = set(session.scalars(changed.returning(ConnectorStanding.connector)))
    session.add_all(ConnectorStanding(connector=connector, **values) for connector in sorted(set(connectors) - known))


# What handsets are told


def tell(session: Session, handset_id: str, command: str, data: dict[str, Any], now: datetime) -> None:
    """Keeps something for the handset's stream of events."""
    session.add(HandsetCommand(handset_id=handset_id, name=command, data=data, created_at=now))


def told(session: Session, ids: Collection[str], most: int) -> Sequence[HandsetCommand]:
    """What is kept for these handsets, in order."""
    chosen = select(HandsetCommand).where(HandsetCommand.handset_id.in_(ids))
    return session.scalars(chosen.order_by(HandsetCommand.id).limit(most)).all()


def forget_told(session: Session, ids: Collection[int], before: datetime) -> None:
    """Deletes what was told, and what nobody came for since a moment."""
    session.execute(delete(HandsetCommand).where((HandsetCommand.id.in_(ids)) | (HandsetCommand.created_at < before)))


# Pairings


def pairing(session: Session, kind: str, digests: Collection[bytes], now: datetime) -> Pairing | None:
    """The pairing of one of these digests that may still be used, locked with all of its connector: whoever registers there by another
    one waits.
    """
    chosen = select(Pairing).where(Pairing.kind == kind, Pairing.secret_hmac.in_(digests), Pairing.used_at.is_(None))
    found = session.scalars(chosen.where(Pairing.expires_at > now)).first()
    if found is None:
        return None
    session.execute(select(Pairing.id).where(Pairing.connector == found.connector).order_by(Pairing.id).with_for_update())
    return session.scalars(chosen.execution_options(populate_existing=True)).first()


def pairings(session: Session, connector: str, kind: str, now: datetime) -> Sequence[Pairing]:
    """A connector's pairings that may still be used, the latest first."""
    chosen = select(Pairing).where(
        Pairing.connector == connector, Pairing.kind == kind, Pairing.used_at.is_(None), Pairing.expires_at > now
    )
    return session.scalars(chosen.order_by(Pairing.created_at.desc())).all()


def pairing_is_free(session: Session, digest: bytes) -> bool:
    """Whether no pairing has this digest."""
    return session.scalar(select(Pairing.id).where(Pairing.secret_hmac == digest)) is None


def forget_old_pairings(session: Session, connector: str, kind: str, kept: int, now: datetime) -> None:
    """Ends a connector's pairings but for the latest few that may still be used."""
    latest = [row.id for row in pairings(session, connector, kind, now)[:kept]]
    session.execute(delete(Pairing).where(Pairing.connector == connector, Pairing.kind == kind, Pairing.id.not_in(latest)))


def forget_pairings(session: Session, connector: str) -> None:
    """Ends every pairing of a connector."""
    session.execute(delete(Pairing).where(Pairing.connector == connector))


def kind_of(session: Session, connector: str) -> tuple[str, bool, dict[str, Any]] | None:
    """Kind, whether it is on, and the settings of a connector."""
    row = session.execute(
        select(ConnectorRow.kind, ConnectorRow.enabled, ConnectorRow.settings).where(ConnectorRow.name == connector)
    ).first()
    return None if row is None else (row[0], row[1], dict(row[2]))
