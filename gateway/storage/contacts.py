"""Address books: the statements over contacts, groups and who belongs to which. All of one account at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import BigInteger, bindparam, delete, func, select, text
from sqlalchemy.orm import Session

from gateway.storage.batch import BatchStatement, execute
from gateway.storage.tables import Contact, ContactGroup, GroupMember
from gateway.storage.types import storable

Named = TypeVar("Named", Contact, ContactGroup)

LARGEST_KEY = 2**63 - 1
PAIRS_AT_ONCE = 20_000

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('dragoman address book', :account))").bindparams(
    bindparam("account", type_=BigInteger)
)

_INSERT_GROUPS = BatchStatement(
    """
    INSERT INTO contact_groups (account_id, name, created_at) SELECT :account, u.name, :now FROM {rows} WHERE true
    ON CONFLICT (account_id, name) DO NOTHING
    """,
    {"name": "text"},
)
_WRITE_CONTACTS = BatchStatement(
    """
    INSERT INTO contacts (account_id, name, number, created_at) SELECT :account, u.name, u.number, :now FROM {rows} WHERE true
    ON CONFLICT (account_id, name) DO UPDATE SET number = excluded.number
    """,
    {"name": "text", "number": "text"},
)
_JOIN = BatchStatement(
    """
    INSERT INTO group_members (group_id, contact_id) SELECT u.group_id, u.contact_id FROM {rows} WHERE true
    ON CONFLICT (group_id, contact_id) DO NOTHING
    RETURNING 1
    """,
    {"group_id": "bigint", "contact_id": "bigint"},
)
_LEAVE = BatchStatement(
    "DELETE FROM group_members WHERE group_id = :group_id AND contact_id {among} RETURNING 1",
    {"contact_id": "bigint"},
)


def lock(session: Session, account_id: int) -> None:
    """Makes other changes of this address book wait until the transaction ends. SQLite has one writer anyway.

    Not the account's row: a large import would hold up every charge.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(_LOCK, {"account": account_id})


def by_id(session: Session, table: type[Named], account_id: int, key: int) -> Named | None:
    """The account's contact or group with this id."""
    if key > LARGEST_KEY:
        return None
    return session.scalars(select(table).where(table.id == key, table.account_id == account_id)).first()


def by_name(session: Session, table: type[Named], account_id: int, name: str) -> Named | None:
    """The account's contact or group with exactly this name."""
    if not storable(name):
        return None
    return session.scalars(select(table).where(table.account_id == account_id, table.name == name)).first()


def names(session: Session, table: type[Named], account_id: int) -> list[tuple[int, str]]:
    """Ids and names of all contacts or groups of the account."""
    return [(row[0], row[1]) for row in session.execute(select(table.id, table.name).where(table.account_id == account_id))]


def count(session: Session, table: type[Named], account_id: int) -> int:
    """How many contacts or groups the account has."""
    return session.scalar(select(func.count()).select_from(table).where(table.account_id == account_id)) or 0


def contacts(session: Session, account_id: int, group_id: int | None = None) -> list[tuple[int, str, str]]:
    """Id, name and number of each contact of the account, or of one group, oldest first."""
    query = select(Contact.id, Contact.name, Contact.number).where(Contact.account_id == account_id).order_by(Contact.id)
    if group_id is not None:
        query = query.join(GroupMember, GroupMember.contact_id == Contact.id).where(GroupMember.group_id == group_id)
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def memberships(session: Session, account_id: int) -> list[tuple[int, str]]:
    """A contact's id and a group's name for each membership in the account."""
    query = select(GroupMember.contact_id, ContactGroup.name).join(ContactGroup, ContactGroup.id == GroupMember.group_id)
    return [(row[0], row[1]) for row in session.execute(query.where(ContactGroup.account_id == account_id))]


def group_sizes(session: Session, account_id: int) -> list[tuple[int, str, int]]:
    """Id, name and number of members of each group of the account."""
    query = (
        select(ContactGroup.id, ContactGroup.name, func.count(GroupMember.contact_id))
        .outerjoin(GroupMember, GroupMember.group_id == ContactGroup.id)
        .where(ContactGroup.account_id == account_id)
        .group_by(ContactGroup.id, ContactGroup.name)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def insert_groups(session: Session, account_id: int, names: Sequence[str], now: datetime) -> None:
    """Makes groups, in one statement. Names that are there already stay."""
    execute(session, _INSERT_GROUPS, {"account": account_id, "now": now}, [(name,) for name in names])


def write_contacts(session: Session, account_id: int, rows: Sequence[tuple[str, str]], now: datetime) -> None:
    """Makes contacts of names and numbers, or changes the numbers of those that are there, in one statement. No name twice."""
    execute(session, _WRITE_CONTACTS, {"account": account_id, "now": now}, rows)


def join(session: Session, pairs: Iterable[tuple[int, int]]) -> int:
    """Puts contacts into groups, given as ids of group and contact; how many were not in them before. No pair twice."""
    pairs = iter(pairs)
    joined = 0
    while some := list(islice(pairs, PAIRS_AT_ONCE)):
        joined += len(execute(session, _JOIN, {}, some))
    return joined


def leave(session: Session, group_id: int, contact_ids: Iterable[int]) -> int:
    """Takes contacts out of a group; how many were in it."""
    return len(execute(session, _LEAVE, {"group_id": group_id}, [(key,) for key in contact_ids]))


def delete_contact(session: Session, contact_id: int) -> None:
    """Removes a contact, from its groups too."""
    session.execute(delete(GroupMember).where(GroupMember.contact_id == contact_id))
    session.execute(delete(Contact).where(Contact.id == contact_id))


def delete_group(session: Session, group_id: int) -> None:
    """Removes a group. Its members stay in the address book."""
    session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
    session.execute(delete(ContactGroup).where(ContactGroup.id == group_id))
