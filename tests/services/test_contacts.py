"""Address books, on both databases: keeping them, finding whom a name means, files in and out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from gateway.domain.addressbook import Problem
from gateway.domain.errors import Conflict, InvalidField, InvalidRecipient, NotFound
from gateway.services import contacts
from gateway.services.accounts import NewAccount, create_account
from gateway.services.contacts import GroupFound, GroupSize, Imported, find_contact, find_group
from gateway.storage.tables import Account
from tests.support.builders import an_account

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def acme(gateway) -> Account:
    return an_account(gateway, "acme", credit=0)


def a_contact(gateway, name: str, number: str = "+393471234567", account: str = "acme") -> int:
    """The id of a new contact."""
    return contacts.add_contact(gateway, account, name, number).id


def a_group(gateway, name: str, *members: str, account: str = "acme") -> int:
    """The id of a new group."""
    made = contacts.add_group(gateway, account, name)
    contacts.join_group(gateway, account, name, members)
    return made.id


def book(gateway, account: str = "acme") -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.name, each.number, each.groups) for each in contacts.contacts(gateway, account)]


def imported(gateway, text: str, **options: bool) -> Imported:
    return contacts.import_contacts(gateway, "acme", text.encode(), **options)


@contextmanager
def statements(gateway) -> Iterator[list[str]]:
    """What is asked of the database meanwhile; a statement run for many rows counts for each."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: list[object], _context: object, many: bool) -> None:
        asked.extend([statement] * (len(parameters) if many else 1))

    event.listen(gateway.engine, "before_cursor_execute", note)
    yield asked
    event.remove(gateway.engine, "before_cursor_execute", note)


class TestKeeping:
    def test_a_contact_is_added_renamed_and_removed(self, gateway, acme, clock):
        made = contacts.add_contact(gateway, "acme", "Anna Rossi", "347 123 4567")
        assert (made.account_id, made.name, made.number, made.created_at) == (acme.id, "Anna Rossi", "+393471234567", clock.now())
        a_group(gateway, "Night", "Anna Rossi")
        assert contacts.rename_contact(gateway, "acme", "anna rossi", "Anna Bianchi").id == made.id
        assert book(gateway) == [("Anna Bianchi", "+393471234567", ("Night",))]
        gone = contacts.remove_contact(gateway, "acme", str(made.id))
        assert (gone.id, gone.name, gone.number) == (made.id, "Anna Bianchi", "+393471234567")
        assert book(gateway) == []
        assert contacts.groups(gateway, "acme")[0].members == 0

    def test_numbers_are_read_in_the_account_s_region(self, gateway):
        create_account(gateway, NewAccount("berlin", region="DE"))
        assert contacts.add_contact(gateway, "berlin", "Anna", "0151 23456789").number == "+4915123456789"

    @pytest.mark.usefixtures("acme")
    def test_a_contact_may_change_the_case_of_its_name_and_keep_it(self, gateway):
        a_contact(gateway, "anna")
        assert contacts.rename_contact(gateway, "acme", "anna", "Anna").name == "Anna"
        assert contacts.rename_contact(gateway, "acme", "Anna", "Anna").name == "Anna"

    @pytest.mark.usefixtures("acme")
    def test_names_differ_in_case(self, gateway):
        ids = {a_contact(gateway, name) for name in ("Anna", "anna", "ANNA")}
        assert len(ids) == 3
        assert [name for name, _, _ in book(gateway)] == ["ANNA", "Anna", "anna"]

    @pytest.mark.usefixtures("acme")
    def test_lists_are_by_name_on_every_database(self, gateway):
        for name in ("Zoe", "émile", "anna", "Über", "Bruno", "2", "10"):
            a_contact(gateway, name)
            a_group(gateway, name)
        expected = ["10", "2", "anna", "Bruno", "émile", "Über", "Zoe"]
        assert [each.name for each in contacts.contacts(gateway, "acme")] == expected
        assert [each.name for each in contacts.groups(gateway, "acme")] == expected

    @pytest.mark.usefixtures("acme")
    def test_groups_and_members(self, gateway):
        for name in ("Bruno", "Anna", "Carla"):
            a_contact(gateway, name)
        night, day = a_group(gateway, "Night"), a_group(gateway, "Day", "Anna")
        assert contacts.join_group(gateway, "acme", "Night", ["Bruno", "Anna", "bruno"]) == 2
        assert contacts.join_group(gateway, "acme", str(night), ["Anna", "Carla"]) == 1
        assert contacts.groups(gateway, "acme") == [GroupSize(day, "Day", 1), GroupSize(night, "Night", 3)]
        assert contacts.leave_group(gateway, "acme", "Night", ["Carla", "Bruno"]) == 2
        assert contacts.leave_group(gateway, "acme", "Night", ["Carla"]) == 0
        size, members = contacts.group_with_members(gateway, "acme", "Night")
        assert (size, [(each.name, each.groups) for each in members]) == (GroupSize(night, "Night", 1), [("Anna", ("Day", "Night"))])
        assert contacts.remove_group(gateway, "acme", "Night") == GroupSize(night, "Night", 1)
        assert [groups for _, _, groups in book(gateway)] == [("Day",), (), ()]

    @pytest.mark.usefixtures("acme")
    def test_one_unknown_member_and_nobody_joins_or_leaves(self, gateway):
        a_contact(gateway, "Anna")
        a_group(gateway, "Night")
        with pytest.raises(NotFound, match="contact Bruno not found"):
            contacts.join_group(gateway, "acme", "Night", ["Anna", "Bruno"])
        assert contacts.groups(gateway, "acme")[0].members == 0
        contacts.join_group(gateway, "acme", "Night", ["Anna"])
        with pytest.raises(NotFound):
            contacts.leave_group(gateway, "acme", "Night", ["Anna", "Bruno"])
        assert contacts.groups(gateway, "acme")[0].members == 1

    @pytest.mark.usefixtures("acme")
    def test_an_unknown_group_and_the_contact_is_not_made(self, gateway):
        a_group(gateway, "Night")
        with pytest.raises(NotFound, match="group Day not found"):
            contacts.add_contact(gateway, "acme", "Anna", "3471234567", ["Night", "Day"])
        assert book(gateway) == []
        contacts.add_contact(gateway, "acme", "Anna", "3471234567", ["night", "Night"])
        assert book(gateway) == [("Anna", "+393471234567", ("Night",))]

    @sqlite_only
    @pytest.mark.usefixtures("acme")
    def test_names_and_numbers_that_cannot_be(self, gateway):
        a_contact(gateway, "Anna")
        for name in ("", " a", "a\n", "x" * 101, "\ud83d"):
            with pytest.raises(InvalidField):
                contacts.add_contact(gateway, "acme", name, "3471234567")
            with pytest.raises(InvalidField):
                contacts.rename_contact(gateway, "acme", "Anna", name)
            with pytest.raises(InvalidField):
                contacts.add_group(gateway, "acme", name)
        with pytest.raises(InvalidRecipient):
            contacts.add_contact(gateway, "acme", "Bruno", "12")
        with pytest.raises(InvalidField):
            contacts.add_group(gateway, "acme", "a;b")
        assert (len(book(gateway)), contacts.groups(gateway, "acme")) == (1, [])

    @sqlite_only
    @pytest.mark.usefixtures("acme")
    def test_taken_names(self, gateway):
        for name in ("Anna", "Bruno"):
            a_contact(gateway, name)
        a_group(gateway, "Night")
        with pytest.raises(Conflict, match="contact Anna exists already"):
            a_contact(gateway, "Anna")
        with pytest.raises(Conflict, match="contact Anna exists already"):
            contacts.rename_contact(gateway, "acme", "Bruno", "Anna")
        with pytest.raises(Conflict, match="group Night exists already"):
            a_group(gateway, "Night")

    @sqlite_only
    @pytest.mark.usefixtures("acme")
    def test_what_is_not_there(self, gateway):
        for account in ("nobody", "issuer"):
            with pytest.raises(NotFound, match="account not found"):
                contacts.contacts(gateway, account)
            with pytest.raises(NotFound, match="account not found"):
                contacts.import_contacts(gateway, account, b"name,number\n")
        for change in (contacts.remove_contact, contacts.remove_group, contacts.group_with_members):
            with pytest.raises(NotFound):
                change(gateway, "acme", "Anna")

    @sqlite_only
    @pytest.mark.usefixtures("acme")
    def test_a_full_address_book(self, gateway, monkeypatch):
        monkeypatch.setattr(contacts, "MOST_CONTACTS", 2)
        monkeypatch.setattr(contacts, "MOST_GROUPS", 1)
        a_contact(gateway, "Anna")
        a_group(gateway, "Night")
        with pytest.raises(Conflict, match="would have 2 groups, at most 1"):
            a_group(gateway, "Day")
        with pytest.raises(Conflict, match="would have 3 contacts, at most 2"):
            imported(gateway, "name,number\nAnna,3471234567\nBruno,3471234567\nCarla,3471234567\n")
        with pytest.raises(Conflict, match="would have 2 groups"):
            imported(gateway, "name,number,groups\nBruno,3471234567,Night;Day\n")
        assert len(book(gateway)) == 1
        imported(gateway, "name,number,groups\nAnna,3471234567,Night\nBruno,3471234567,\n")
        with pytest.raises(Conflict, match="would have 3 contacts"):
            a_contact(gateway, "Carla")


class TestFinding:
    """Contract brevisone 3.4."""

    def test_digits_are_an_id_before_they_are_a_name(self, gateway, acme):
        anna = a_contact(gateway, "Anna")
        shadowed, named = a_contact(gateway, str(anna)), a_contact(gateway, "4711")
        for id_or_name, expected in ((str(anna), anna), (str(shadowed), shadowed), ("4711", named), ("4712", None)):
            found = find_contact(gateway, acme.id, id_or_name)
            assert (found and found.id) == expected

    def test_an_exact_name_before_one_in_other_case(self, gateway, acme):
        upper, lower = a_contact(gateway, "ANNA"), a_contact(gateway, "anna")
        assert find_contact(gateway, acme.id, "ANNA").id == upper  # type: ignore[union-attr]
        assert find_contact(gateway, acme.id, "anna").id == lower  # type: ignore[union-attr]
        assert find_contact(gateway, acme.id, "Anna") is None

    @pytest.mark.parametrize(
        ("name", "asked"),
        [
            ("Anna Rossi", "anna rossi"),
            ("Müller", "MÜLLER"),
            ("Straße", "STRASSE"),
            ("Жанна", "ЖАННА"),
            ("ΟΔΟΣ", "Οδος"),
            ("Zoe\u0308", "ZO\u00cb"),
        ],
    )
    def test_a_name_in_other_case_if_only_one_fits(self, gateway, acme, name, asked):
        key = a_contact(gateway, name)
        a_contact(gateway, "somebody else")
        assert find_contact(gateway, acme.id, asked).id == key  # type: ignore[union-attr]
        a_contact(gateway, name.swapcase())
        assert find_contact(gateway, acme.id, asked) is None

    @pytest.mark.parametrize(
        "asked", ["", " ", " Anna", "An", "Ann%", "Ann_", "Anna\0", "\ud83d", "１", "²", "9" * 19, "9" * 5000, "-1", "+1", "x" * 9000]
    )
    def test_what_means_nobody(self, gateway, acme, asked):
        a_contact(gateway, "Anna")
        a_group(gateway, "Anna", "Anna")
        assert find_contact(gateway, acme.id, asked) is None
        assert find_group(gateway, acme.id, asked) is None

    def test_another_account_s_are_unknown(self, gateway, acme):
        other = an_account(gateway, "other", credit=0)
        contact, group = a_contact(gateway, "Anna"), a_group(gateway, "Night", "Anna")
        for asked in (str(contact), "Anna", "anna"):
            assert find_contact(gateway, other.id, asked) is None
            assert find_contact(gateway, acme.id, asked) is not None
        for asked in (str(group), "Night", "night"):
            assert find_group(gateway, other.id, asked) is None
            assert find_group(gateway, acme.id, asked) is not None
        a_contact(gateway, "Zoe", account="other")
        with pytest.raises(NotFound):
            contacts.add_contact(gateway, "other", "Bruno", "3471234567", [str(group)])
        with pytest.raises(NotFound):
            contacts.remove_contact(gateway, "other", str(contact))
        assert book(gateway, "other") == [("Zoe", "+393471234567", ())]

    def test_a_group_reaches_each_number_once_the_oldest_contact_first(self, gateway, acme):
        for name, number in (("Zoe", "3471234569"), ("Bruno", "3471234567"), ("Anna", "3471234568"), ("Zoe at home", "3471234569")):
            a_contact(gateway, name, number)
        key = a_group(gateway, "Night", "Anna", "Zoe at home", "Zoe", "Bruno")
        expected = GroupFound(key, "Night", ("+393471234569", "+393471234567", "+393471234568"))
        assert find_group(gateway, acme.id, "NIGHT") == expected
        assert find_group(gateway, acme.id, str(key)) == expected

    def test_an_empty_group_is_found_and_reaches_nobody(self, gateway, acme):
        key = a_group(gateway, "Night")
        assert find_group(gateway, acme.id, "Night") == GroupFound(key, "Night", ())


class TestFiles:
    @pytest.fixture(autouse=True)
    def account(self, acme) -> None:
        """Every file here is of acme."""

    def test_new_contacts_and_groups(self, gateway, clock):
        done = imported(gateway, "name;number;groups\nAnna;347 1234567;Night|Rome\nBruno;+4915123456789;Night\nCarla;3471234568;\n")
        assert done == Imported(True, (), added=3, groups_added=2, joined=3)
        assert book(gateway) == [
            ("Anna", "+393471234567", ("Night", "Rome")),
            ("Bruno", "+4915123456789", ("Night",)),
            ("Carla", "+393471234568", ()),
        ]
        assert contacts.remove_contact(gateway, "acme", "Anna").created_at == clock.now()

    def test_known_names_get_the_number_and_join(self, gateway, clock):
        keys = [a_contact(gateway, name) for name in ("Anna", "Bruno", "Carla")]
        a_group(gateway, "Night", "Anna", "Bruno")
        made_at = clock.now()
        clock.forward(days=1)
        done = imported(gateway, "name,number,groups\nAnna,3471234567,Day;Night\nBruno,3471234568,Day\nanna,3471234569,\n")
        assert done == Imported(True, (), added=1, renumbered=1, unchanged=1, groups_added=1, joined=2)
        assert book(gateway) == [
            ("Anna", "+393471234567", ("Day", "Night")),
            ("anna", "+393471234569", ()),
            ("Bruno", "+393471234568", ("Day", "Night")),
            ("Carla", "+393471234567", ()),
        ]
        gone = [contacts.remove_contact(gateway, "acme", name) for name in ("Anna", "Bruno", "Carla")]
        assert [(each.id, each.created_at) for each in gone] == [(key, made_at) for key in keys]

    def test_one_bad_row_and_nothing_is_imported_unless_asked(self, gateway):
        text = "name,number,groups\nAnna,3471234567,Night\nBruno,12,Bad\nAnna,3471234568,Worse\n"
        problems = (Problem(3, "number is not a telephone number in IT"), Problem(4, "name is that of line 2 already"))
        assert imported(gateway, text) == Imported(False, problems)
        assert (book(gateway), contacts.groups(gateway, "acme")) == ([], [])
        assert imported(gateway, text, skip_invalid=True) == Imported(True, problems, added=1, groups_added=1, joined=1)
        assert book(gateway) == [("Anna", "+393471234567", ("Night",))]

    def test_a_header_alone_imports_nothing(self, gateway):
        assert imported(gateway, "name,number\n") == Imported(True, ())

    def test_there_and_back(self, gateway):
        names = ["=1+1", "+39", "@x", "-", 'say "hi"', "a,b", "a;b|c", "Müller", "名前 😀", "\\", "'", "%", "x" * 100]
        for index, name in enumerate(names):
            a_contact(gateway, name, f"+39347123456{index % 10}")
        a_group(gateway, "=cmd, (and) more", *names[::2])
        a_group(gateway, 'Größe "M"', *names[::3])
        a_group(gateway, "empty")
        file = contacts.export_contacts(gateway, "acme")
        an_account(gateway, "copy", credit=0)
        done = contacts.import_contacts(gateway, "copy", file)
        assert (done.added, done.groups_added, done.problems) == (13, 2, ())
        assert book(gateway, "copy") == book(gateway)
        assert contacts.export_contacts(gateway, "copy") == file
        again = contacts.import_contacts(gateway, "acme", file)
        assert again == Imported(True, (), unchanged=13)

    def test_ten_thousand_rows_take_a_few_statements(self, gateway):
        rows = "".join(f"Contact {number},+3934{number:08d},G{number % 10};G{number % 7}\n" for number in range(10_000))
        with statements(gateway) as asked:
            done = imported(gateway, "name,number,groups\n" + rows)
        assert (done.added, done.groups_added) == (10_000, 10)
        assert done.joined == sum(group.members for group in contacts.groups(gateway, "acme")) > 18_000
        assert len(asked) < 15
        with statements(gateway) as asked:
            file = contacts.export_contacts(gateway, "acme")
        assert file.count(b"\n") == 10_001
        assert len(asked) < 5

    def test_two_imports_of_the_same_names_at_once(self, gateway, app):
        text = "name,number,groups\n" + "".join(f"Contact {number},+3934{number:08d},Night\n" for number in range(300))
        backwards = "name,number,groups\n" + "\n".join(reversed(text.splitlines()[1:]))
        results: list[Imported] = []

        def run(file: str) -> None:
            with app.app_context():
                results.append(imported(gateway, file))

        threads = [threading.Thread(target=run, args=(file,)) for file in (text, backwards, text, backwards)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done.added for done in results) == [0, 0, 0, 300]
        assert sorted(done.joined for done in results) == [0, 0, 0, 300]

    @sqlite_only
    def test_a_file_that_cannot_be_read(self, gateway):
        with pytest.raises(InvalidField, match="file is not UTF-8 in line 2"):
            contacts.import_contacts(gateway, "acme", "name,number\nJosé,3471234567".encode("latin-1"))
