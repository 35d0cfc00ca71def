"""A monitoring program as the tests play it: it knows a URL, a name and a password, and checks our manners at every call."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

API, CHECK, STATE = "/api.php", "/check.php", "/state.php"
PASSWORD = "open.sesame-1"
WRITTEN = "00491701234567"
RECIPIENT = "+491701234567"

MISSING = "Error: Parameter miss"
SEE_LOGS = "Error. See Gateway logs for more information."
WRONG = "401 Unauthorized - Username or Password wrong"
NO_RIGHT = "403 Forbidden - Your User has no right to send SMS over API"
TIMEOUT = "FAILED - Timeout or see Gateway logs for more information."


class Program:
    """One program. Values are given as text or as the very bytes that go over the wire, escaped."""

    def __init__(self, http: FlaskClient, username: str, password: str = PASSWORD) -> None:
        self.http = http
        self.credentials = {"username": username, "password": password}

    def get(self, **values: Any) -> TestResponse:
        """``GET /api.php`` with the credentials and a usual message, but for the values given; None leaves one out."""
        return self.raw("GET", API + "?" + self.written(**values))

    def post(self, **values: Any) -> TestResponse:
        """The same as a form."""
        return self.raw("POST", API, data=self.written(**values).encode(), content_type="application/x-www-form-urlencoded")

    def written(self, **values: Any) -> str:
        """The values as a query, percent-encoded."""
        every = self.credentials | {"text": "Test", "to": WRITTEN} | values
        return urlencode({name: value for name, value in every.items() if value is not None}, quote_via=quote)

    def raw(self, method: str, url: str, **options: Any) -> TestResponse:
        """Any call, byte for byte."""
        answer = self.http.open(url, method=method, **options)
        check_manners(answer)
        return answer

    def sent(self, **values: Any) -> UUID:
        """Sends and expects success; the id."""
        return accepted(self.get(**values))


def accepted(answer: TestResponse) -> UUID:
    """Checks a success; the id in its header."""
    assert (answer.status, answer.data) == ("200 OK", b"OK")
    given = answer.headers["X-Message-Id"]
    assert given == str(UUID(given))
    return UUID(given)


def refused(answer: TestResponse, status: int, words: str) -> None:
    """Checks an error, to the byte."""
    assert (answer.status_code, answer.data) == (status, words.encode())
    assert "X-Message-Id" not in answer.headers


def check_manners(answer: TestResponse) -> None:
    """What every answer of this dialect is: plain text that no cache keeps, without a newline, a cookie, a redirect or a challenge."""
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.data.endswith(b"\n")
    assert not 300 <= answer.status_code < 400
    assert not {"Set-Cookie", "WWW-Authenticate", "Location"} & set(answer.headers.keys())
