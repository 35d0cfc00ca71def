"""Address books: an account's contacts and groups, whom a name means, and the file they are imported from and exported to.

A contact or a group is named by its id or by its name, everywhere by the same rule (:func:`find_contact`). The operator names
the account by its name, a dialect by its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.domain import addressbook, msisdn
from gateway.domain.addressbook import MOST_CONTACTS, MOST_GROUPS, Entry, Problem
from gateway.domain.errors import Conflict, NotFound
from gateway.services.core import Gateway
from gateway.storage import contacts as stored
from gateway.storage.contacts import Named
from gateway.storage.identity import account_by_name
from gateway.storage.tables import Account, Contact, ContactGroup


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact with the names of its groups."""

    id: int
    name: str
    number: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupFound:
    """A group and the numbers of its members in E.164, each once, those of the oldest contacts first."""

    id: int
    name: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupSize:
    """A group and how many contacts it has."""

    id: int
    name: str
    members: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. With ``done`` False it did nothing and ``problems`` says why.

    ``added``, ``renumbered`` and ``unchanged`` count contacts, ``groups_added`` new groups, ``joined`` new memberships.
    """

    done: bool
    problems: tuple[Problem, ...]
    added: int = 0
    renumbered: int = 0
    unchanged: int = 0
    groups_added: int = 0
    joined: int = 0


def find_contact(gateway: Gateway, account_id: int, id_or_name: str) -> Contact | None:
    """The account's contact that is meant: digits are an id first, then a name; upper and lower case count unless one name fits.

    Source: contract brevisone 3.4.
    """
    with gateway.reading() as session:
        found = _meant(session, Contact, account_id, id_or_name)
        session.expunge_all()
        return found


def find_group(gateway: Gateway, account_id: int, id_or_name: str) -> GroupFound | None:
    """The account's group that is meant, by the same rule, and whom it reaches.

    Source: contract brevisone 3.4.
    """
    with gateway.reading() as session:
        group = _meant(session, ContactGroup, account_id, id_or_name)
        if group is None:
            return None
        numbers = dict.fromkeys(number for _, _, number in stored.contacts(session, account_id, group.id))
        return GroupFound(group.id, group.name, tuple(numbers))


def add_contact(gateway: Gateway, account_name: str, name: str, number: str, groups: Sequence[str] = ()) -> Contact:
    """Makes a contact, in groups that are there.

    Raises:
        InvalidInput: an unusable name or number.
        NotFound: no such account or group.
        Conflict: the name is taken, or the address book is full.
    """
    addressbook.checked_name("name", name)
    with gateway.writing() as session:
        account = _locked(session, account_name)
        contact = Contact(
            account_id=account.id, name=name, number=msisdn.normalise(number, account.default_region), created_at=gateway.clock.now()
        )
        _check_free(session, Contact, account.id, name)
        _check_room("contacts", stored.count(session, Contact, account.id) + 1, MOST_CONTACTS)
        group_ids = {_known(session, ContactGroup, account.id, group).id for group in groups}
        session.add(contact)
        session.flush()
        stored.join(session, [(group_id, contact.id) for group_id in group_ids])
        session.expunge(contact)
        return contact


def rename_contact(gateway: Gateway, account_name: str, id_or_name: str, name: str) -> Contact:
    """Gives a contact another name. Its id and its groups stay.

    Raises:
        InvalidInput: an unusable name.
        NotFound: no such account or contact.
        Conflict: the name is taken.
    """
    addressbook.checked_name("name", name)
    with gateway.writing() as session:
        account = _locked(session, account_name)
        contact = _known(session, Contact, account.id, id_or_name)
        if contact.name != name:
            _check_free(session, Contact, account.id, name)
            contact.name = name
            session.flush()
        session.expunge(contact)
        return contact


def remove_contact(gateway: Gateway, account_name: str, id_or_name: str) -> Contact:
    """Removes a contact, from its groups too; the contact that was.

    Raises:
        NotFound: no such account or contact.
    """
    with gateway.writing() as session:
        account = _locked(session, account_name)
        contact = _known(session, Contact, account.id, id_or_name)
        session.expunge(contact)
        stored.delete_contact(session, contact.id)
        return contact


def contacts(gateway: Gateway, account_name: str) -> list[Listed]:
    """The account's whole address book, by name.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account = _account(session, account_name)
        return _listed(session, account.id)


def add_group(gateway: Gateway, account_name: str, name: str) -> GroupSize:
    """Makes a group without members.

    Raises:
        InvalidInput: an unusable name.
        NotFound: no such account.
        Conflict: the name is taken, or there are too many groups.
    """
    addressbook.checked_group_name(name)
    with gateway.writing() as session:
        account = _locked(session, account_name)
        _check_free(session, ContactGroup, account.id, name)
        _check_room("groups", stored.count(session, ContactGroup, account.id) + 1, MOST_GROUPS)
        group = ContactGroup(account_id=account.id, name=name, created_at=gateway.clock.now())
        session.add(group)
        session.flush()
        return GroupSize(group.id, name, 0)


def remove_group(gateway: Gateway, account_name: str, id_or_name: str) -> GroupSize:
    """Removes a group; what it was. Its members stay in the address book.

    Raises:
        NotFound: no such account or group.
    """
    with gateway.writing() as session:
        account = _locked(session, account_name)
        group = _known(session, ContactGroup, account.id, id_or_name)
        size = GroupSize(group.id, group.name, len(stored.contacts(session, account.id, group.id)))
        stored.delete_group(session, size.id)
        return size


def groups(gateway: Gateway, account_name: str) -> list[GroupSize]:
    """The account's groups, by name.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account = _account(session, account_name)
        sizes = [GroupSize(*row) for row in stored.group_sizes(session, account.id)]
    return sorted(sizes, key=lambda size: _order(size.name))


def group_with_members(gateway: Gateway, account_name: str, id_or_name: str) -> tuple[GroupSize, list[Listed]]:
    """One group and its members, by name.

    Raises:
        NotFound: no such account or group.
    """
    with gateway.reading() as session:
        account = _account(session, account_name)
        group = _known(session, ContactGroup, account.id, id_or_name)
        members = _listed(session, account.id, group.id)
        return GroupSize(group.id, group.name, len(members)), members


def join_group(gateway: Gateway, account_name: str, group: str, members: Sequence[str]) -> int:
    """Puts contacts into a group, all or none; how many were not in it before.

    Raises:
        NotFound: no such account, group or contact.
    """
    with gateway.writing() as session:
        group_id, contact_ids = _group_and_contacts(session, account_name, group, members)
        return stored.join(session, [(group_id, contact_id) for contact_id in contact_ids])


def leave_group(gateway: Gateway, account_name: str, group: str, members: Sequence[str]) -> int:
    """Takes contacts out of a group, all or none; how many were in it.

    Raises:
        NotFound: no such account, group or contact.
    """
    with gateway.writing() as session:
        group_id, contact_ids = _group_and_contacts(session, account_name, group, members)
        return stored.leave(session, group_id, contact_ids)


def import_contacts(gateway: Gateway, account_name: str, data: bytes, *, skip_invalid: bool = False) -> Imported:
    """Adds the contacts of a CSV file. A name that is there gets the file's number, and joins the file's groups too.

    Args:
        data: the file; see :mod:`gateway.domain.addressbook`.
        skip_invalid: import the rows that can be used, instead of nothing, when some cannot.

    Raises:
        InvalidField: the file as a whole cannot be used.
        NotFound: no such account.
        Conflict: the address book would have too many contacts or groups. Nothing was imported.
    """
    with gateway.reading() as session:
        region = _account(session, account_name).default_region
    sheet = addressbook.read_csv(data, region)  # outside the transaction: large files take seconds
    problems = tuple(sheet.problems)
    if problems and not skip_invalid:
        return Imported(False, problems)
    with gateway.writing() as session:
        return _write(gateway, session, _locked(session, account_name).id, sheet.entries, problems)


def export_contacts(gateway: Gateway, account_name: str) -> bytes:
    """The address book as a CSV file that :func:`import_contacts` reads. Groups without members are not part of it.

    Raises:
        NotFound: no such account.
    """
    return addressbook.write_csv(Entry(each.name, each.number, each.groups) for each in contacts(gateway, account_name))


def _write(gateway: Gateway, session: Session, account_id: int, entries: Sequence[Entry], problems: tuple[Problem, ...]) -> Imported:
    before = {name: number for _, name, number in stored.contacts(session, account_id)}
    known_groups = {name for _, name in stored.names(session, ContactGroup, account_id)}
    new_groups = list(dict.fromkeys(group for entry in entries for group in entry.groups if group not in known_groups))
    added = sum(entry.name not in before for entry in entries)
    _check_room("contacts", len(before) + added, MOST_CONTACTS)
    _check_room("groups", len(known_groups) + len(new_groups), MOST_GROUPS)
    changed = [(entry.name, entry.number) for entry in entries if before.get(entry.name) != entry.number]
    now = gateway.clock.now()
    stored.insert_groups(session, account_id, new_groups, now)
    stored.write_contacts(session, account_id, changed, now)
    return Imported(
        done=True,
        problems=problems,
        added=added,
        renumbered=len(changed) - added,
        unchanged=len(entries) - len(changed),
        groups_added=len(new_groups),
        joined=stored.join(session, _memberships(session, account_id, entries)),
    )


def _memberships(session: Session, account_id: int, entries: Sequence[Entry]) -> Iterator[tuple[int, int]]:
    """What the entries say of groups, as ids of group and contact."""
    group_ids = {name: key for key, name in stored.names(session, ContactGroup, account_id)}
    contact_ids = {name: key for key, name in stored.names(session, Contact, account_id)}
    return ((group_ids[group], contact_ids[entry.name]) for entry in entries for group in entry.groups)


def _meant(session: Session, table: type[Named], account_id: int, id_or_name: str) -> Named | None:
    found = None
    if id_or_name.isascii() and id_or_name.isdigit() and len(id_or_name) <= addressbook.LONGEST_NAME:
        found = stored.by_id(session, table, account_id, int(id_or_name))
    return found or stored.by_name(session, table, account_id, id_or_name) or _meant_roughly(session, table, account_id, id_or_name)


def _meant_roughly(session: Session, table: type[Named], account_id: int, name: str) -> Named | None:
    """The only one whose name differs in case alone. Compared here, because SQLite knows the case of ASCII letters only."""
    wanted = addressbook.folded(name)
    alike = [key for key, each in stored.names(session, table, account_id) if addressbook.folded(each) == wanted]
    return stored.by_id(session, table, account_id, alike[0]) if len(alike) == 1 else None


def _known(session: Session, table: type[Named], account_id: int, id_or_name: str) -> Named:
    found = _meant(session, table, account_id, id_or_name)
    if found is None:
        raise NotFound(f"{'contact' if table is Contact else 'group'} {_shown(id_or_name)}")
    return found


def _group_and_contacts(session: Session, account_name: str, group: str, members: Sequence[str]) -> tuple[int, list[int]]:
    account = _locked(session, account_name)
    group_id = _known(session, ContactGroup, account.id, group).id
    return group_id, list(dict.fromkeys(_known(session, Contact, account.id, each).id for each in members))


def _listed(session: Session, account_id: int, group_id: int | None = None) -> list[Listed]:
    names: dict[int, list[str]] = {}
    for contact_id, group in stored.memberships(session, account_id):
        names.setdefault(contact_id, []).append(group)
    rows = stored.contacts(session, account_id, group_id)
    listed = [Listed(key, name, number, tuple(sorted(names.get(key, ()), key=_order))) for key, name, number in rows]
    return sorted(listed, key=lambda each: _order(each.name))


def _order(name: str) -> tuple[str, str]:
    """Sorts names alike on both databases, whatever their collation."""
    return addressbook.folded(name), name


def _account(session: Session, name: str) -> Account:
    account = account_by_name(session, name)
    if account is None:
        raise NotFound("account")
    return account


def _locked(session: Session, account_name: str) -> Account:
    """The account, whose address book nobody else changes until the transaction ends."""
    account = _account(session, account_name)
    stored.lock(session, account.id)
    return account


def _check_free(session: Session, table: type[Named], account_id: int, name: str) -> None:
    if stored.by_name(session, table, account_id, name) is not None:
        raise Conflict(f"{'contact' if table is Contact else 'group'} {name} exists already")


def _check_room(kind: str, number: int, most: int) -> None:
    if number > most:
        raise Conflict(f"the address book would have {number} {kind}, at most {most} are allowed")


def _shown(id_or_name: str) -> str:
    """A name from outside, fit for one line of a log or a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in id_or_name[:40])
