"""The files of Swagger UI are those that were taken, ask no other host, and are served as a browser must get them."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.web import swagger

VENDORED = json.loads((swagger.FOLDER / "vendored.json").read_text(encoding="utf-8"))
OURS = {"README.md", "page.css", "page.js", "vendored.json"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("name", sorted(VENDORED["files"]))
def test_a_shipped_file_is_the_one_that_was_taken(name: str) -> None:
    assert hashlib.sha256((swagger.FOLDER / name).read_bytes()).hexdigest() == VENDORED["files"][name]


def test_nothing_else_is_shipped() -> None:
    assert {path.name for path in swagger.FOLDER.iterdir()} == VENDORED["files"].keys() | OURS


@pytest.mark.parametrize("name", sorted(swagger.ASSETS))
def test_no_file_names_a_source_map_a_font_or_a_foreign_picture(name: str) -> None:
    text = (swagger.FOLDER / name).read_text(encoding="utf-8")
    assert "sourceMappingURL" not in text
    if name.endswith(".css"):
        assert not re.search(r"@import|@font-face", text)
        assert all(start == "data:" for start in re.findall(r"url\([\"']?(.{5})", text))


@on_sqlite
@pytest.mark.parametrize("path", ["/docs", "/api/v2"])
def test_the_page_allows_only_its_own_origin(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    rules = dict(rule.strip().partition(" ")[::2] for rule in page.headers["Content-Security-Policy"].split(";"))
    assert rules == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
        "font-src": "'self'", "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=|\sstyle=|https?://", page.text)


@on_sqlite
def test_everything_the_page_names_is_there_and_may_be_kept(client: FlaskClient) -> None:
    named = re.findall(r'(?:src|href)="(/[^"]+\?[^"]+)"', client.get("/docs").text)
    assert len(named) == 4
    for url in named:
        answer = client.get(url)
        assert answer.status_code == 200
        assert answer.mimetype == ("text/css" if ".css" in url else "text/javascript")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert client.get(url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        assert client.get(url.partition("?")[0]).headers["Cache-Control"] == "no-cache"


@on_sqlite
@pytest.mark.parametrize("name", ["README.md", "vendored.json", "..%2Fswagger%2Fpage.js", "..", "nothing.js", ".", "page.js%00"])
def test_nothing_but_those_files_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/assets/{name}").status_code == 404


@on_sqlite
def test_names_in_the_page_are_escaped(app: Flask) -> None:
    with app.test_request_context("/"):
        assert 'data-spec-url="/&#34;&gt;&lt;b&gt;"' in swagger.swagger_page("/docs/assets", '/"><b>').get_data(as_text=True)
