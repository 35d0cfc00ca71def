"""Names of contacts and groups, and the file they travel in."""

from __future__ import annotations

from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import addressbook
from gateway.domain.addressbook import Entry, Problem, checked_group_name, checked_name, folded, read_csv, write_csv
from gateway.domain.errors import InvalidField

NAME = attrgetter("name")
ANNA = Entry("Anna", "+393471234567")


def read(text: str, encoding: str = "utf-8"):
    return read_csv(text.encode(encoding), "IT")


def problems(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in read(text).problems]


@pytest.mark.parametrize("name", ["a", "x" * 100, "Müller & Söhne, Inc.", "=SUM(A1)", "日本", "a  b", "😀" * 100])
def test_names_that_can_be(name):
    assert checked_name("name", name) == name
    assert checked_group_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 101, " a", "a ", "a\nb", "a\0", "\ud83d", "\u2028", "a\u00a0"])
def test_names_that_cannot_be(name):
    with pytest.raises(InvalidField):
        checked_name("name", name)
    with pytest.raises(InvalidField):
        checked_group_name(name)


@pytest.mark.parametrize("name", ["a;b", "a|b"])
def test_a_separator_is_for_contacts_only(name):
    assert checked_name("name", name) == name
    with pytest.raises(InvalidField, match="separate groups"):
        checked_group_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ANNA", "anna"), ("MÜLLER", "müller"), ("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος"), ("ЖАННА", "жанна"), ("Ren\u00e9", "RENE\u0301")],
)
def test_names_alike_but_for_case(one, other):
    assert one != other
    assert folded(one) == folded(other)


def test_names_that_differ_in_more_than_case():
    assert len({folded(name) for name in ("Rene", "René", "Renè", "Ren é")}) == 4


@pytest.mark.parametrize(
    "text",
    [
        "name,number,groups\nAnna,+393471234567,Night;Rome",
        "name,number,groups\nAnna,+393471234567,Night|Rome\n",
        "name;number;groups\r\nAnna;+393471234567;Night|Rome\r\n",
        'name;number;groups\rAnna;+393471234567;"Night;Rome"\r',
        "sep=;\r\nname;number;groups\r\nAnna;+393471234567;Night|Rome\r\n",
        '\ufeff"SEP=,"\nname,number,groups\nAnna,+393471234567,Night|Rome\n',
        "groups,number,name\nNight;Rome,+393471234567,Anna\n",
        "\ufeffName; Number; GROUPS\nAnna; 00393471234567; Night | Rome\n",
        '"name", "number", "groups"\n"Anna", "347 123 4567", "Night;;Rome;Night"\n',
    ],
)
def test_the_ways_to_write_one_file(text):
    assert read(text) == addressbook.Sheet([Entry("Anna", "+393471234567", ("Night", "Rome"))], [])


def test_groups_need_no_column():
    assert read("number;name\n3471234567;Anna").entries == [ANNA]


def test_lines_without_a_value_are_passed_over():
    sheet = read("name,number,groups\n\n,,\nAnna,3471234567,\n  \n")
    assert (sheet.entries, sheet.problems) == ([ANNA], [])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "must begin with a line that names the columns"),
        (b"Anna,+393471234567", "must begin with a line"),
        (b"\nname,number\n", "must begin with a line"),
        (b"Name;Nummer;Gruppen\nAnna;1;\n", "must begin with a line that names the columns in these words: name,number,groups"),
        (b"sep=;\n", "must begin with a line"),
        (b"name\tnumber\n", "must begin with a line"),
        (b"name,groups\n", "must begin with a line"),
        (b'name,number,"groups\nAnna,3471234567,\n', "must begin with a line"),
        (b"name,number,city\n", "unknown column 'city'"),
        (b"name,number,\n", "unknown column ''"),
        (b"name,number,name\n", "names a column twice"),
        ("name,number\nAnna,1\nJosé,2\n".encode("latin-1"), "is not UTF-8 in line 3; save it as CSV UTF-8"),
        ("name,number\n".encode("utf-16"), "is not UTF-8 in line 1"),
    ],
)
def test_files_that_cannot_be_read_at_all(data, words):
    with pytest.raises(InvalidField, match=f"^file .*{words}"):
        read_csv(data, "IT")


def test_lines_are_those_of_the_file_below_a_line_for_excel():
    assert [line for line, _ in problems("sep=;\nname;number\nAnna;3471234567\nBruno;none\n")] == [4]


def test_a_file_too_large(monkeypatch):
    monkeypatch.setattr(addressbook, "MOST_BYTES", 12)
    assert read("name,number\n").entries == []
    with pytest.raises(InvalidField, match="larger than 12 bytes"):
        read("name,number\n\n")


def test_a_file_too_long(monkeypatch):
    monkeypatch.setattr(addressbook, "MOST_CONTACTS", 2)
    text = "name,number\nAnna,3471234567\nBruno,\n\n"
    assert len(read(text).problems) == 1
    with pytest.raises(InvalidField, match="more than 2 rows"):
        read(text + "Carla,3471234567\n")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",3471234567,", "name must be 1 to 100 printable characters"),
        (f"{'x' * 101},3471234567,", "name must be 1 to 100 printable characters"),
        ('"An\nna",3471234567,', "name must be 1 to 100 printable characters"),
        ("Anna,,", "number is empty"),
        ("Anna,3.93E+11,", "number may hold digits"),
        ("Anna,12,", "number is not a telephone number in IT"),
        (f"Anna,3471234567,{'x' * 101}", "group must be 1 to 100"),
        ("Anna,3471234567", "has 2 cells where the header has 3"),
        ("Rossi, Anna,3471234567,", "has 4 cells where the header has 3"),
        ('"Anna"x,3471234567,', "is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_by_its_line_and_the_others_are_read(row, reason):
    sheet = read(f"name,number,groups\nBruno,3471234568,\n{row}\nCarla,3471234569,\n")
    assert [entry.name for entry in sheet.entries] == ["Bruno", "Carla"]
    assert [problem.line for problem in sheet.problems] == [3]
    assert sheet.problems[0].reason.startswith(reason)


def test_all_that_is_wrong_with_a_row_is_told():
    (problem,) = read("name,number\nx\u2028,12\n").problems
    assert "name must be" in problem.reason
    assert "; number is not" in problem.reason


def test_lines_are_counted_through_values_of_several_lines():
    assert [line for line, _ in problems('name,number\n"a\nb",3471234567\r\n\n"c\r\nd",\nAnna,3471234567\nBruno,\n')] == [2, 5, 8]


def test_a_quote_that_is_never_closed():
    assert problems('name,number\nAnna,3471234567\n"Bruno,3471234568\nCarla,3471234569\n') == [(3, "is not CSV: unexpected end of data")]


def test_repeated_names_are_told_even_behind_a_row_that_cannot_be_used():
    assert problems("name,number\nAnna,1\nBruno,3471234568\nAnna,3471234567\nBruno,3471234568\nbruno,3471234569\n") == [
        (2, "number is not a telephone number in IT"),
        (4, "name is that of line 2 already"),
        (5, "name is that of line 3 already"),
    ]


def test_what_is_written_is_what_is_read():
    names = ["=1+1", "+39 Anna", "-", "@x", 'say "hi"', "a,b", "a;b|c", "'", "名前", "x" * 100, "#", "name"]
    entries = [Entry(name, f"+39347123456{index % 10}", ("=cmd()", 'Q"', "a, b")[: index % 4]) for index, name in enumerate(names)]
    written = write_csv(entries)
    assert read_csv(written, "DE") == addressbook.Sheet(entries, [])
    assert written.startswith(b"name,number,groups\n=1+1,+393471234560,\n+39 Anna,+393471234561,=cmd()\n")


printable = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100).map(str.strip).filter(str.isprintable).filter(bool)
group_names = printable.filter(lambda name: not set(name) & set(";|"))


@given(st.lists(st.builds(Entry, printable, st.just("+393471234567"), st.lists(group_names, unique=True).map(tuple)), unique_by=NAME))
def test_every_address_book_comes_back(entries):
    assert read_csv(write_csv(entries), "IT") == addressbook.Sheet(entries, [])


def test_a_contact_in_as_many_groups_as_can_be_fits_a_cell():
    entry = Entry("Anna", "+393471234567", tuple(f"{number:0100}" for number in range(addressbook.MOST_GROUPS)))
    assert read_csv(write_csv([entry]), "IT").entries == [entry]


def test_a_problem_names_its_line():
    assert read("name,number\nAnna,").problems == [Problem(2, "number is empty")]
