"""Tables out of files that customers upload: CSV and .xlsx, each bounded before it is opened.

A spreadsheet is a zip of XML: what it unpacks to is bounded by what its directory says, and Python's zip reader gives no more than
that. Entities are refused: by defusedxml, which openpyxl reads with where it is installed, and by keeping everything from it that is
not plain UTF-8 or has a document type. Formulas count as the value that the program last showed.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime

from openpyxl import load_workbook  # type: ignore[import-untyped]

from gateway.domain.errors import InvalidField, MalformedRequest
from gateway.web.bodies import decoded

MOST_UNPACKED_BYTES = 10_000_000
MOST_SHEET_ROWS = 1_048_576
MOST_MEMBERS = 200
MOST_COLUMNS = 50
LONGEST_CELL = 20_000
XML_ENDINGS = (".xml", ".rels")

Cell = str | datetime
Row = tuple[int, dict[str, Cell]]
"""The row's number, the header being 1, and its cells by the header's words in lower case. Empty cells are left out."""


def rows(name: str, content: bytes, field: str, most: int) -> list[Row]:
    """The rows below the header that are not empty. ``name`` tells which of the two kinds the file is.

    Raises:
        InvalidField: another kind of file, one that cannot be read, or more than ``most`` rows.
    """
    kind = name.lower().rpartition(".")[2]
    if kind not in ("csv", "xlsx"):
        raise InvalidField(field, "must be a .csv or .xlsx file")
    try:
        table = _csv(content) if kind == "csv" else _xlsx(content)
        return list(_named(table, field, most))
    except InvalidField:
        raise
    except MalformedRequest as error:
        raise InvalidField(field, error.reason) from None
    except Exception as error:  # the reader of spreadsheets raises whatever a broken file makes it stumble over
        raise InvalidField(field, f"cannot be read as a .{kind} file") from error


def _named(table: Iterator[Sequence[Cell]], field: str, most: int) -> Iterator[Row]:
    header: list[str] | None = None
    for number, cells in enumerate(table, 1):
        if number > MOST_SHEET_ROWS:  # a row may claim any number, and the reader fills what is missing before it
            raise InvalidField(field, f"has more than {most} rows")
        if not any(cells):
            continue
        if header is None:
            header = [str(cell).strip().lower() for cell in cells]
            continue
        found = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell != ""}
        if found and number > most + 1:
            raise InvalidField(field, f"has more than {most} rows")
        if found:
            yield number, found


def _csv(content: bytes) -> Iterator[list[Cell]]:
    text = decoded(content)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)  # spreadsheet programs write ";" where "," stands in numbers
    for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
        yield [_bounded(cell) for cell in record[:MOST_COLUMNS]]


def _xlsx(content: bytes) -> Iterator[list[Cell]]:
    book = load_workbook(_plain(content), read_only=True, data_only=True, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what a file says of its size may be wrong, and rows behind it would be left out without a word
    for values in sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True):
        yield [_cell(value) for value in values] if any(values) else []


def _plain(content: bytes) -> io.BytesIO:
    """The spreadsheet without pictures and printer settings: a sheet may have any name, so nothing else keeps such members unread.

    Raises:
        MalformedRequest: a zip that would fill the memory, or XML that is not plain or declares a document type.
    """
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(kept, "w") as plain:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS or sum(each.file_size for each in members) > MOST_UNPACKED_BYTES:
            raise MalformedRequest("is too large when unpacked")
        for name in dict.fromkeys(archive.namelist()):  # of several with one name the last counts, as to every reader
            member = archive.read(name)
            if b"<!DOCTYPE" in member:
                raise MalformedRequest("holds XML with a document type")
            if _is_plain(member):
                plain.writestr(name, member)
            elif name.lower().endswith(XML_ENDINGS):
                raise MalformedRequest("holds XML that is not UTF-8")
    return kept


def _is_plain(member: bytes) -> bool:
    """Whether these bytes are UTF-8 without U+0000. In UTF-16 and UTF-32 every "<" has a zero byte."""
    try:
        member.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in member


def _cell(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # telephone numbers are numbers to a spreadsheet
    return _bounded(str(value))


def _bounded(cell: str) -> str:
    if len(cell) > LONGEST_CELL:
        raise MalformedRequest(f"has a cell with more than {LONGEST_CELL} characters")
    return cell
