"""``/v1/bulk-messages`` (contract 4.7): a message for each row of a file, all of them or none."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from openpyxl import Workbook

from gateway.domain.parts import TextPolicy
from gateway.services import keys, ledger
from gateway.storage import billing
from gateway.storage.tables import Order
from tests.dialects.httpsms.client import CONTACT, NUMBER, Client, data, refused, wrong
from tests.dialects.httpsms.conftest import a_user, an_account
from tests.support.builders import messages

HEAD = ["FromPhoneNumber", "ToPhoneNumber", "Content", "SendTime(optional)", "AttachmentURLs(optional)"]
SECOND = "+18005550101"
PHONE = "+18005550142"
BATCH_KEYS = {
    "request_id", "total", "scheduled_count", "pending_count", "failed_count", "expired_count", "sent_count", "delivered_count",
    "created_at",
}  # fmt: skip
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def csv(*rows: list[str], head: list[str] = HEAD, separator: str = ",") -> bytes:
    return "".join(separator.join(f'"{cell}"' for cell in row) + "\r\n" for row in [head, *rows]).encode()


def xlsx(*rows: list[Any]) -> bytes:
    book = Workbook()
    for row in [HEAD, *rows]:
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def form(content: bytes, name: str, field: str = "document") -> bytes:
    """A multipart body with the boundary "b"."""
    part = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'.encode()
    return b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nnobody asked\r\n' + part + content + b"\r\n--b--\r\n"


def upload(client, content: bytes, name: str = "march.csv", field: str = "document", **headers: str):
    headers = {"x-api-key": client.key, "Content-Type": "multipart/form-data; boundary=b", **headers}
    return client.call("POST", "/bulk-messages", data=form(content, name, field), headers=headers)


def problems(answer) -> list[str]:
    fields = wrong(answer)
    assert fields.keys() == {"document"}, fields
    return fields["document"]


def sent(gateway) -> list[tuple[str, str, datetime]]:
    """(recipient, text, when due) of every message, by recipient."""
    with gateway.reading() as session:
        texts = {order.id: order.text for order in session.query(Order)}
    return sorted((row.recipient, row.own_text or texts[row.order_id], row.due_at) for row in messages(gateway))


def orders(gateway) -> int:
    with gateway.reading() as session:
        return session.query(Order).count()


def test_every_row_of_a_csv_file_becomes_a_message_of_one_order(gateway, owner, clock):
    answer = upload(owner, csv([NUMBER, CONTACT, "Hello, Anna", "", ""], ["18005550199", " +1 800 555 0101", "Hello, Bruno", "", ""]))
    assert answer.status_code == 202
    assert "2 out of 2" in answer.json["message"] and "data" not in answer.json
    assert sent(gateway) == [(CONTACT, "Hello, Anna", clock.now()), (SECOND, "Hello, Bruno", clock.now())]
    assert orders(gateway) == 1
    found = {row["contact"]: row for row in owner.search()}
    assert {(row["contact"], row["content"], row["owner"]) for row in found.values()} == {
        (CONTACT, "Hello, Anna", NUMBER), (SECOND, "Hello, Bruno", NUMBER),
    }  # fmt: skip
    assert re.fullmatch(r"bulk-[0-9A-Za-z]{7}-march\.csv", found[CONTACT]["request_id"])
    assert {row["last_message_content"] for row in owner.threads()} == {"Hello, Anna", "Hello, Bruno"}
    assert list(ledger.verify(gateway)) == []


def test_a_spreadsheet_does_the_same_with_numbers_and_dates_of_its_own(gateway, owner, clock):
    rows = [[18005550199, 18005550100, "Hello €", datetime.fromisoformat("2026-01-05T10:30:00"), None], [NUMBER, SECOND, 42, None, ""]]
    assert "2 out of 2" in upload(owner, xlsx(*rows), "Übersicht März.XLSX").json["message"]
    at = datetime.fromisoformat("2026-01-05T09:30:00+00:00")  # the user's zone is Rome
    assert sent(gateway) == [(CONTACT, "Hello €", at), (SECOND, "42", clock.now())]
    assert {row["request_id"].partition("-")[2].partition("-")[2] for row in owner.search()} == {"-bersicht-M-rz.XLSX"}


def test_times_are_read_with_their_offset_or_in_the_user_s_zone(gateway, owner, clock):
    owner.call("PUT", "/users/me", json={"timezone": "Asia/Tokyo"})
    written = ["2026-01-06T09:00:00Z", "2026-01-06T09:00:00.5+09:00", "2026-01-06T09:00:00", "2026-01-06 09:00:00", "2020-01-01 00:00:00"]
    upload(owner, csv(*([NUMBER, f"+1800555010{number}", "Hi", at, ""] for number, at in enumerate(written))))
    assert [due.isoformat() for _, _, due in sent(gateway)] == [
        "2026-01-06T09:00:00+00:00", "2026-01-06T00:00:00.500000+00:00", "2026-01-06T00:00:00+00:00", "2026-01-06T00:00:00+00:00",
        clock.now().isoformat(),
    ]  # fmt: skip


@sqlite_only
def test_numbers_and_times_make_orders_and_duplicates_are_kept(gateway, owner):
    owner.call("PUT", "/phones", json={"phone_number": PHONE})
    later = "2026-01-06T09:00:00Z"
    rows = [
        [NUMBER, CONTACT, "same", "", ""],
        [PHONE, CONTACT, "same", "", ""],
        [NUMBER, CONTACT, "same", "", ""],
        [NUMBER, CONTACT, "x", later, ""],
    ]
    assert "4 out of 4" in upload(owner, csv(*rows)).json["message"]
    assert (orders(gateway), len(messages(gateway))) == (3, 4)


@sqlite_only
def test_every_row_that_is_wrong_is_told_by_its_number_and_nothing_is_sent(gateway, owner):
    told = problems(
        upload(
            owner,
            csv(
                [NUMBER, CONTACT, "good", "", ""],
                ["+18005550177", CONTACT, "not my phone", "", ""],
                ["", "", "", "", "x"],
                ["5550199", "call me", "x" * 1025, "tomorrow", "https://acme.example/a.png"],
                [NUMBER, CONTACT, "too far", "2026-02-05T08:00:00Z", ""],
                [NUMBER, CONTACT, "\x00", "2026-02-31T08:00:00Z", ""],
                [NUMBER, CONTACT, "é" * 513, "", ""],
            ),
        )
    )
    assert [re.search(r"in row (\d+): (\w+)", each).groups() for each in told] == [  # type: ignore[union-attr]
        ("3", "FromPhoneNumber"),
        ("4", "FromPhoneNumber"), ("4", "ToPhoneNumber"), ("4", "Content"), ("4", "AttachmentURLs"),
        ("5", "FromPhoneNumber"), ("5", "ToPhoneNumber"), ("5", "Content"), ("5", "SendTime"), ("5", "AttachmentURLs"),
        ("6", "SendTime"), ("7", "Content"), ("7", "SendTime"), ("8", "Content"),
    ]  # fmt: skip
    assert messages(gateway) == []
    assert list(ledger.verify(gateway)) == []


@sqlite_only
def test_a_text_that_the_account_refuses_is_told_by_its_row(gateway, http):
    an_account(gateway, "plain", text_policy=TextPolicy.REFUSE)
    plain = a_user(gateway, http, "plain", "plain")
    told = problems(upload(plain, csv([NUMBER, CONTACT, "good", "", ""], [NUMBER, CONTACT, "Добрый день", "", ""])))
    assert [each.rpartition("in row ")[2].partition(" ")[0] for each in told] == ["3:"]
    assert messages(gateway) == []


def test_credit_for_all_rows_is_there_or_none_is_sent(gateway, owner):
    ledger.add_credit(gateway, "owner", -998_500)
    owner.call("PUT", "/phones", json={"phone_number": PHONE})
    refused(upload(owner, csv([NUMBER, CONTACT, "one", "", ""], [PHONE, CONTACT, "two", "", ""])), 402)
    assert messages(gateway) == []
    assert "1 out of 1" in upload(owner, csv([NUMBER, CONTACT, "one", "", ""])).json["message"]


@sqlite_only
def test_when_a_later_order_is_refused_the_sentence_says_how_many_were_queued(gateway, owner, http):
    owner.call("PUT", "/phones", json={"phone_number": PHONE})
    capped = Client(http, keys.create(gateway, keys.HTTPSMS, "owner", terms=keys.KeyTerms(daily_cap=2)).key)
    content = csv([NUMBER, CONTACT, "one", "", ""], [PHONE, CONTACT, "three", "", ""], [NUMBER, CONTACT, "two", "", ""])
    assert "2 out of 3" in upload(capped, content).json["message"]
    assert len(messages(gateway)) == 2
    refused(upload(capped, content), 402)
    assert len(messages(gateway)) == 2


def test_a_repeat_with_the_same_key_sends_nothing(gateway, owner, clock):
    owner.call("PUT", "/phones", json={"phone_number": PHONE})
    rows = [[NUMBER, CONTACT, "one", "", ""], [NUMBER, CONTACT, "two", "2026-01-05T09:00:30", ""], [PHONE, CONTACT, "three", "", ""]]
    ledger.add_credit(gateway, "owner", 3000 - 1_000_000)
    for _ in range(2):  # the second time all credit is spent, and the second row's time is past
        assert "3 out of 3" in upload(owner, csv(*rows), **{"Idempotency-Key": "k" * 255}).json["message"]
        clock.forward(minutes=1)
    assert len(messages(gateway)) == 3


@sqlite_only
def test_a_repeat_is_known_by_its_rows(gateway, owner):
    rows, key = [[NUMBER, CONTACT, "one", "", ""]], {"Idempotency-Key": "k"}
    upload(owner, csv(*rows), **key)
    other = form(csv(*rows), "again.csv").replace(b"--b", b"--other")
    headers = {"x-api-key": owner.key, "Content-Type": "multipart/form-data; boundary=other", **key}
    assert "1 out of 1" in owner.call("POST", "/bulk-messages", data=other, headers=headers).json["message"]
    assert len(messages(gateway)) == 1
    assert wrong(upload(owner, csv(rows[0], rows[0]), **key)).keys() == {"Idempotency-Key"}
    refused(upload(owner, csv([NUMBER, CONTACT, "other", "", ""]), **key), 422)
    assert len(messages(gateway)) == 1


@sqlite_only
def test_a_repeat_goes_on_where_the_first_try_ended(gateway, owner, http, clock):
    owner.call("PUT", "/phones", json={"phone_number": PHONE})
    capped = Client(http, keys.create(gateway, keys.HTTPSMS, "owner", terms=keys.KeyTerms(daily_cap=2)).key)
    rows = [[NUMBER, CONTACT, "one", "", ""], [PHONE, CONTACT, "two", "", ""], [NUMBER, CONTACT, "three", "2026-01-05T20:00:00", ""]]
    assert "2 out of 3" in upload(capped, csv(*rows), **{"Idempotency-Key": "k"}).json["message"]
    clock.forward(days=1)
    assert "3 out of 3" in upload(capped, csv(*rows), **{"Idempotency-Key": "k"}).json["message"]
    assert [text for _, text, _ in sent(gateway)] == ["one", "three", "two"]
    (batch,) = data(owner.get("/bulk-messages"))
    assert batch["total"] == 3


@sqlite_only
@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_a_mark_blank_lines_and_plain_names_are_fine(gateway, owner, separator):
    content = csv(head=["content", "TOPHONENUMBER ", "FromPhoneNumber", "SendTime", "Unknown"], separator=separator)
    rows = csv(["line one\nline two", CONTACT, NUMBER, "", "x"], head=["", "", "", "", ""], separator=separator)
    assert "1 out of 1" in upload(owner, b"\xef\xbb\xbf" + content + b"\r\n" + rows).json["message"]
    assert [text for _, text, _ in sent(gateway)] == ["line one\nline two"]


@sqlite_only
def test_a_thousand_rows_are_taken_and_no_more(gateway, owner):
    rows = [[NUMBER, f"+1800555{number:04}", f"Hello {number}", "", ""] for number in range(1000)]
    assert "has more than 1000 rows" in problems(upload(owner, csv(*rows, rows[0])))[0]
    assert "has more than 1000 rows" in problems(upload(owner, xlsx(*rows, *[[None] * 5] * 50, rows[0]), "a.xlsx"))[0]
    assert messages(gateway) == []
    assert "1000 out of 1000" in upload(owner, csv(*rows)).json["message"]
    assert (orders(gateway), len(messages(gateway))) == (1, 1000)
    assert list(ledger.verify(gateway)) == []


def packed(**members: bytes) -> bytes:
    """A zip of these members."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return kept.getvalue()


def repacked(content: bytes, change) -> bytes:
    """A spreadsheet whose sheet was changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = change(members["xl/worksheets/sheet1.xml"])
    return packed(**members)


ROW = [NUMBER, CONTACT, "Hi", None, None]


@sqlite_only
def test_a_spreadsheet_that_lies_about_its_size_is_read_whole(gateway, owner):
    lying = repacked(xlsx(ROW, ROW), lambda sheet: sheet.replace(b'ref="A1:E3"', b'ref="A1:E2"'))
    assert "2 out of 2" in upload(owner, lying, "a.xlsx").json["message"]


def test_the_reader_of_spreadsheets_refuses_entities_by_itself():
    assert openpyxl.DEFUSEDXML is True


@sqlite_only
def test_pictures_and_printer_settings_do_not_matter(gateway, owner):
    content = io.BytesIO(xlsx(ROW))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/printerSettings/printerSettings1.bin", b"\x00\xff" * 100)
    assert "1 out of 1" in upload(owner, content.getvalue(), "a.xlsx").json["message"]


def declared(sheet: bytes, encoding: str) -> bytes:
    """A sheet in this encoding whose text comes out of an entity."""
    head = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE worksheet [<!ENTITY a "from an entity">]>'
    return (head + sheet[sheet.index(b"<worksheet") :].decode().replace(">Hi<", ">&a;<")).encode(encoding)


def elsewhere(content: bytes) -> bytes:
    """A spreadsheet whose sheet is in UTF-16 under a name that is none of XML."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members["xl/worksheets/sheet1.bin"] = members.pop("xl/worksheets/sheet1.xml").decode().encode("utf-16")
    for name in ("xl/_rels/workbook.xml.rels", "[Content_Types].xml"):
        members[name] = members[name].replace(b"sheet1.xml", b"sheet1.bin")
    return packed(**members)


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
BROKEN = {
    "nothing": ("a.csv", b""),
    "a header alone": ("a.csv", csv()),
    "open quotes": ("a.csv", b'"' + csv(["a", "b", "c", "d", "e"])),
    "a huge cell": ("a.csv", csv([NUMBER, CONTACT, "x" * 100_000, "", ""])),
    "an old spreadsheet": ("a.xls", b"\xd0\xcf\x11\xe0"),
    "no kind": ("document", csv(["a", "b", "c", "d", "e"])),
    "no spreadsheet": ("a.xlsx", b"PK\x03\x04 not really"),
    "a zip of something else": ("a.xlsx", packed(a=b"b")),
    "a bomb": ("a.xlsx", packed(**{"xl/sharedStrings.xml": b" " * 30_000_000})),
    "many members": ("a.xlsx", packed(**{str(number): b"" for number in range(300)})),
    "entities": ("a.xlsx", repacked(xlsx(ROW), lambda sheet: sheet.replace(b"<worksheet", ENTITIES + b"<worksheet", 1))),
    "entities in UTF-16": ("a.xlsx", repacked(xlsx(ROW), lambda sheet: declared(sheet, "utf-16"))),
    "another alphabet": ("a.xlsx", repacked(xlsx(ROW), lambda sheet: sheet.decode().encode("utf-16"))),
    "another alphabet and name": ("a.xlsx", elsewhere(xlsx(ROW))),
    "a row far down": ("a.xlsx", repacked(xlsx(ROW), lambda sheet: sheet.replace(b'<row r="2"', b'<row r="999999999"'))),
    "a cut spreadsheet": ("a.xlsx", xlsx(ROW)[:-200]),
}


@sqlite_only
def test_files_that_cannot_be_read_are_told_so(gateway, owner):
    for what, (name, content) in BROKEN.items():
        assert problems(upload(owner, content, name)), what
    assert messages(gateway) == []


@sqlite_only
def test_a_file_of_more_than_five_megabytes(owner):
    assert "bytes" in problems(upload(owner, b"x" * 5_000_001))[0]


@sqlite_only
def test_forms_without_the_file(owner):
    assert problems(upload(owner, csv(), field="file"))
    headers = {"x-api-key": owner.key}
    assert problems(owner.call("POST", "/bulk-messages", data={"document": "text"}, headers=headers, content_type="multipart/form-data"))
    refused(owner.post("/bulk-messages", {"document": "x"}), 400)
    refused(
        owner.call(
            "POST", "/bulk-messages", data=b"--b\r\nnonsense", headers=headers | {"Content-Type": "multipart/form-data; boundary=b"}
        ),
        400,
    )
    refused(owner.call("POST", "/bulk-messages", data=b"x", headers=headers | {"Content-Type": "multipart/form-data"}), 400)


def test_the_newest_ten_batches_with_their_counts(gateway, owner, stranger, clock):
    for number in range(11):
        upload(owner, csv([NUMBER, CONTACT, "now", "", ""], [NUMBER, SECOND, "later", "2026-01-06T09:00:00Z", ""]), f"{number}.csv")
        clock.forward(seconds=1)
    owner.sent(request_id="bulk")
    found = data(owner.get("/bulk-messages"))
    assert [row["request_id"].rpartition("-")[2] for row in found] == [f"{number}.csv" for number in range(10, 0, -1)]
    assert found[0].keys() == BATCH_KEYS
    assert found[0] == found[0] | {
        "total": 2,
        "scheduled_count": 1,
        "pending_count": 1,
        "sent_count": 0,
        "created_at": "2026-01-05T08:00:10Z",
    }
    assert data(stranger.get("/bulk-messages")) == []


@sqlite_only
def test_a_tag_of_the_client_s_own_that_begins_so_is_a_batch_too(owner):
    owner.sent(request_id="bulk-mine")
    owner.sent(request_id="bulk-mine")
    (batch,) = data(owner.get("/bulk-messages"))
    assert (batch["request_id"], batch["total"]) == ("bulk-mine", 2)


def test_a_batch_whose_messages_are_all_deleted_is_still_listed(owner):
    upload(owner, csv([NUMBER, CONTACT, "Hi", "", ""]))
    owner.call("DELETE", f"/messages/{owner.search()[0]['id']}")
    assert [row["total"] for row in data(owner.get("/bulk-messages"))] == [0]


@sqlite_only
def test_a_list_of_batches_looks_at_the_newest_orders_only(owner, clock, monkeypatch):
    monkeypatch.setattr(billing, "LOOK_BACK", 3)
    upload(owner, csv([NUMBER, CONTACT, "Hi", "", ""], [NUMBER, CONTACT, "Hi", "2026-01-06T09:00:00Z", ""]))
    totals = []
    for _ in range(4):
        totals.append([row["total"] for row in data(owner.get("/bulk-messages"))])
        clock.forward(seconds=1)
        owner.sent()
    assert totals == [[2], [2], [1], []]


@sqlite_only
def test_who_may_send_files(gateway, owner, teammate):
    refused(upload(teammate, csv([NUMBER, CONTACT, "Hi", "", ""])), 403)
    assert data(teammate.get("/bulk-messages")) == []
    refused(upload(owner, csv([NUMBER, CONTACT, "Hi", "", ""]), **{"x-api-key": "uk_wrong"}), 401)
    assert messages(gateway) == []
