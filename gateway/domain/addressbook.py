"""Address books: what a contact or a group may be called, which name is meant, and the file they travel in.

The file is CSV in UTF-8 with a header line that names ``name``, ``number`` and ``groups`` in any order. Excel writes ``;`` between
the columns where the comma is the decimal sign, so the header decides; within the cell of groups ``;`` and ``|`` both separate.
A first line ``sep=;``, which tells Excel the separator, is passed over. A cell that begins with ``=`` stays as it is: what is
written is what is read.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.domain import msisdn
from gateway.domain.errors import InvalidField, InvalidRecipient

LONGEST_NAME = 100
MOST_CONTACTS = 100_000
"""In one account, and so in one file."""
MOST_GROUPS = 1_000
"""In one account. One cell holds them all with room to spare: the csv module reads no cell above 131,072 characters."""
MOST_BYTES = 64 * 1024 * 1024

COLUMNS = ("name", "number", "groups")
_REQUIRED = {"name", "number"}
_between_groups = re.compile("[;|]")
_told_to_excel = re.compile('"?sep=."?\\s*', re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact: ``number`` in E.164, ``groups`` by their names."""

    name: str
    number: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the row that begins in this line of the file, counted from 1, cannot be used."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as read: the rows that can be used, and what is wrong with the others, both in the file's order."""

    entries: list[Entry]
    problems: list[Problem]


def checked_name(field: str, name: str) -> str:
    """The name, if a contact can have it.

    Raises:
        InvalidField
    """
    if not name or len(name) > LONGEST_NAME or name != name.strip() or not name.isprintable():
        raise InvalidField(field, f"must be 1 to {LONGEST_NAME} printable characters, with no blank at either end")
    return name


def checked_group_name(name: str) -> str:
    """The name, if a group can have it: one with a separator would come back from a file as two.

    Raises:
        InvalidField
    """
    if _between_groups.search(name):
        raise InvalidField("group", 'must not hold ";" or "|", which separate groups in a file')
    return checked_name("group", name)


def folded(name: str) -> str:
    """The name as names are compared when upper and lower case do not count.

    Source: The Unicode Standard, D145 (canonical caseless matching).
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def read_csv(data: bytes, default_region: str) -> Sheet:
    """Reads a file of contacts. Every row stands on its own; lines without any value are passed over.

    Args:
        data: UTF-8, with or without a byte order mark.
        default_region: the country of numbers without a country code.

    Raises:
        InvalidField: ``file`` as a whole cannot be used: its size, its encoding or its header.
    """
    file = io.StringIO(_decoded(data), newline="")
    line, above = file.readline(), 1
    if _told_to_excel(line):
        line, above = file.readline(), 2
    delimiter, columns = _header(line)
    entries: list[Entry] = []
    problems: list[Problem] = []
    first_lines: dict[str, int] = {}
    for number, cells in _rows(file, delimiter, above):
        if len(entries) + len(problems) == MOST_CONTACTS:
            raise InvalidField("file", f"has more than {MOST_CONTACTS} rows")
        if isinstance(cells, str):
            problems.append(Problem(number, cells))
        elif len(cells) != len(columns):
            problems.append(Problem(number, f"has {len(cells)} cells where the header has {len(columns)}"))
        else:
            entry, reasons = _entry(dict(zip(columns, cells, strict=True)), default_region)
            first = first_lines.setdefault(entry.name, number)
            if entry.name and first != number:
                reasons.append(f"name is that of line {first} already")
            if reasons:
                problems.append(Problem(number, "; ".join(reasons)))
            else:
                entries.append(entry)
    return Sheet(entries, problems)


def write_csv(entries: Iterable[Entry]) -> bytes:
    """The file that :func:`read_csv` reads back as these entries."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((entry.name, entry.number, ";".join(entry.groups)) for entry in entries)
    return text.getvalue().encode("utf-8")


def _decoded(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise InvalidField("file", f"is larger than {MOST_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        raise InvalidField("file", f"is not UTF-8 in line {line}; save it as CSV UTF-8") from error


def _header(line: str) -> tuple[str, list[str]]:
    """The delimiter and the columns in their order."""
    delimiter, columns = next(_readings(line), ("", []))
    if not columns:
        raise InvalidField("file", "must begin with a line that names the columns in these words: name,number,groups")
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise InvalidField("file", f"has the unknown column {unknown[0][:40]!r}; known are {', '.join(COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise InvalidField("file", "names a column twice")
    return delimiter, columns


def _readings(line: str) -> Iterator[tuple[str, list[str]]]:
    for delimiter in ",;":
        with suppress(csv.Error):
            cells = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])
            columns = [cell.strip().lower() for cell in cells]
            if set(columns) >= _REQUIRED:
                yield delimiter, columns


def _rows(file: io.StringIO, delimiter: str, above: int) -> Iterator[tuple[int, list[str] | str]]:
    """Each row below the ``above`` lines that end with the header, with the line it begins in: its cells, or why it has none."""
    reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + above + 1
        try:
            cells = [cell.strip(" \t") for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"is not CSV: {error}"
            continue
        if any(cells):
            yield line, cells


def _entry(cells: dict[str, str], default_region: str) -> tuple[Entry, list[str]]:
    """The row as an entry, and all that is wrong with it."""
    reasons = []
    name, number = cells["name"], cells["number"]
    groups = _groups(cells.get("groups", ""))
    try:
        checked_name("name", name)
    except InvalidField as error:
        reasons.append(str(error))
    try:
        number = msisdn.normalise(number, default_region)
    except InvalidRecipient as error:
        reasons.append(f"number {error.reason}")
    try:
        for group in groups:
            checked_group_name(group)
    except InvalidField as error:
        reasons.append(str(error))
    return Entry(name, number, groups), reasons


def _groups(cell: str) -> tuple[str, ...]:
    names: Sequence[str] = [name.strip(" \t") for name in _between_groups.split(cell)]
    return tuple(dict.fromkeys(name for name in names if name))
