"""Tables out of files that customers upload: CSV and .xlsx, each bounded before it is opened.

A spreadsheet is a zip of XML: what it unpacks to is bounded by what its directory says, and Python's zip reader gives no more than
that; entities are refused. Formulas count as the value that the program last showed.
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
    _check(content)
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what a file says of its size may be wrong, and rows behind it would be left out without a word
    for values in sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True):
        yield [_cell(value) for value in values] if any(values) else []


def _check(content: bytes) -> None:
    """Refuses a zip that would fill the memory, or whose XML declares entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS or sum(each.file_size for each in members) > MOST_UNPACKED_BYTES:
            raise MalformedRequest("is too large when unpacked")
        for each in members:
            if b"<!DOCTYPE" in archive.read(each):
                raise MalformedRequest("holds XML with a document type")


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
