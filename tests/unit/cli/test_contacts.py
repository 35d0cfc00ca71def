"""Address books at the shell."""

from __future__ import annotations

import re
import stat

import pytest

FILE = "name,number,groups\nAnna Rossi,347 1234567,Night;Rome\nBruno,+393471234568,Night\n"


@pytest.fixture
def book(shell):
    """The shell, with Anna and Bruno in the address book of acme."""
    shell.ok("contact", "import", "acme", "-", stdin=FILE)
    return shell


def test_a_contact_is_added_listed_renamed_and_removed(shell):
    night = shell.json("group", "add", "acme", "Night")["id"]
    made = shell.json("contact", "add", "acme", "Anna Rossi", "347 1234567", "--group", str(night))
    assert made == {"id": made["id"], "name": "Anna Rossi", "number": "+393471234567"}
    assert shell.json("contact", "list", "acme") == [made | {"groups": ["Night"]}]
    renamed = made | {"name": "Anna Bianchi"}
    assert shell.json("contact", "rename", "acme", "anna rossi", "Anna Bianchi") == renamed
    assert shell.json("contact", "remove", "acme", str(made["id"])) == renamed
    assert shell.json("contact", "list", "acme") == []


def test_groups_are_joined_and_left(book):
    day = book.json("group", "add", "acme", "Day")
    assert (day["name"], day["members"]) == ("Day", 0)
    assert book.json("group", "join", "acme", "day", "Bruno", "anna rossi") == {"joined": 2}
    assert book.json("group", "leave", "acme", "Day", "Bruno") == {"left": 1}
    shown = book.json("group", "show", "acme", "Day")
    assert (shown["id"], shown["name"], [each["name"] for each in shown["members"]]) == (day["id"], "Day", ["Anna Rossi"])
    assert shown["members"][0]["groups"] == ["Day", "Night", "Rome"]
    assert [(each["name"], each["members"]) for each in book.json("group", "list", "acme")] == [("Day", 1), ("Night", 2), ("Rome", 1)]
    assert book.json("group", "remove", "acme", "Day") == day | {"members": 1}
    assert "Day" not in book.ok("group", "list", "acme")


def test_plain_output_is_for_people(book):
    assert re.search(r"^\d+ +Anna Rossi +\+393471234567 +Night, Rome$", book.ok("contact", "list", "acme"), re.MULTILINE)
    assert re.search(r"^\d+ +Night +2$", book.ok("group", "list", "acme"), re.MULTILINE)
    assert re.search(r"^\d+ +Bruno +\+393471234568 +Night$", book.ok("group", "show", "acme", "Night"), re.MULTILINE)
    added = book.ok("contact", "add", "acme", "Carla", "3471234569")
    assert re.fullmatch(r"Contact Carla with \+393471234569 added; its ID is \d+\.\n", added)
    assert re.fullmatch(r"Contact \d+ is now Clara\.\n", book.ok("contact", "rename", "acme", "Carla", "Clara"))
    assert re.match(r"Group Day made; its ID is (\d+)\. Next: dragoman group join acme \1 CONTACT", book.ok("group", "add", "acme", "Day"))
    assert book.ok("group", "show", "acme", "Day") == "Group Day has no members.\n"
    assert book.ok("group", "join", "acme", "Day", "Clara") == "1 joined.\n"
    assert book.ok("group", "leave", "acme", "Day", "Clara") == "1 left.\n"
    assert book.ok("group", "remove", "acme", "Day") == "Group Day removed; it had 0 members.\n"
    assert book.ok("contact", "remove", "acme", "Clara") == "Contact Clara with +393471234569 removed.\n"


def test_an_empty_address_book_says_what_to_do(shell):
    assert "dragoman contact add acme NAME NUMBER" in shell.ok("contact", "list", "acme")
    assert "dragoman group add acme NAME" in shell.ok("group", "list", "acme")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("contact", "add", "acme", "Bruno", "3471234567"), "contact Bruno exists already"),
        (("contact", "add", "acme", "Carla", "12"), "recipient is not a telephone number in IT"),
        (("contact", "add", "acme", "", "3471234567"), "name must be 1 to 100 printable characters"),
        (("contact", "add", "acme", "Carla", "3471234567", "--group", "Day"), "group Day not found"),
        (("contact", "add", "nobody", "Carla", "3471234567"), "account nobody not found"),
        (("contact", "list", "nobody"), "account nobody not found"),
        (("contact", "rename", "acme", "Carla", "Clara"), "contact Carla not found"),
        (("contact", "remove", "acme", "Carla"), "contact Carla not found"),
        (("contact", "remove", "acme", "a\x1b[31m\nb"), "contact a?[31m?b not found"),
        (("contact", "export", "nobody"), "account nobody not found"),
        (("contact", "import", "acme", "/no/such/file"), "/no/such/file: No such file or directory"),
        (("contact", "export", "acme", "--output", "/no/such/folder/file"), "/no/such/folder/file: No such file or directory"),
        (("group", "add", "acme", "Night"), "group Night exists already"),
        (("group", "add", "acme", "a;b"), 'group must not hold ";" or "|"'),
        (("group", "show", "acme", "Day"), "group Day not found"),
        (("group", "remove", "acme", "Day"), "group Day not found"),
        (("group", "join", "acme", "Rome", "Bruno", "Carla"), "contact Carla not found"),
        (("group", "leave", "acme", "Night", "Bruno", "Carla"), "contact Carla not found"),
    ],
)
def test_refusals_are_one_line_and_change_nothing(book, arguments, words):
    before = book.json("contact", "list", "acme")
    assert book.refused(*arguments).startswith(words)
    assert book.json("contact", "list", "acme") == before


def test_a_group_without_anybody_to_join_is_bad_usage(book):
    assert "CONTACT..." in book.refused("group", "join", "acme", "Night", code=2)


def test_a_file_from_excel_is_imported(shell, tmp_path):
    (tmp_path / "excel.csv").write_bytes("\ufeffName;Number;Groups\r\nJosé;3471234567;Night|Rome\r\n".encode())
    assert shell.ok("contact", "import", "acme", str(tmp_path / "excel.csv")) == (
        "contacts: 1 added, 0 with a new number, 0 as they were\ngroups: 2 made, 2 times a contact joined one\n"
    )
    (row,) = shell.json("contact", "list", "acme")
    assert (row["name"], row["number"], row["groups"]) == ("José", "+393471234567", ["Night", "Rome"])


def test_rows_that_cannot_be_used_are_told_by_line(book):
    text = FILE + "Carla,12,\nBruno,3471234567,\nDora,3471234569,\n"
    lines = ["line 4: number is not a telephone number in IT", "line 5: name is that of line 3 already"]
    told = book.refused("contact", "import", "acme", "-", stdin=text).splitlines()
    assert told == [*lines, "Error: nothing imported: 2 rows cannot be used; --skip-invalid imports the others"]
    assert len(book.json("contact", "list", "acme")) == 2
    done = book("contact", "import", "acme", "-", "--skip-invalid", stdin=text)
    assert (done.exit_code, done.stderr.splitlines()) == (0, lines)
    assert done.stdout.startswith("contacts: 1 added, 0 with a new number, 2 as they were\n")
    assert done.stdout.endswith("skipped: 2 rows cannot be used\n")


def test_an_import_for_programs(shell):
    done = shell("contact", "import", "acme", "-", "--json", stdin="name,number\nAnna,12\n")
    assert (done.exit_code, done.stderr) == (1, "")
    assert '"done": false' in done.stdout
    counts = {"added": 2, "renumbered": 0, "unchanged": 0, "groups_added": 2, "joined": 3}
    assert shell.json("contact", "import", "acme", "-", stdin=FILE) == {"done": True, "problems": []} | counts
    again = shell.json("contact", "import", "acme", "-", "--skip-invalid", stdin=FILE + "Anna,12,\n")
    assert again["problems"] == [{"line": 4, "reason": "number is not a telephone number in IT"}]
    assert (again["unchanged"], again["joined"]) == (2, 0)


def test_a_file_that_cannot_be_read_is_refused_in_one_line(shell):
    assert shell.refused("contact", "import", "acme", "-", stdin="Anna;347\n").startswith("file must begin with a line that names")


def test_an_export_is_what_an_import_reads(book, tmp_path):
    exported = "name,number,groups\nAnna Rossi,+393471234567,Night;Rome\nBruno,+393471234568,Night\n"
    assert book.ok("contact", "export", "acme") == exported
    path = tmp_path / "contacts.csv"
    assert book.ok("contact", "export", "acme", "--output", str(path)) == ""
    assert path.read_bytes() == exported.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    book.ok("account", "create", "copy")
    book.ok("contact", "import", "copy", str(path))
    assert book.ok("contact", "export", "copy") == exported
