"""The rows of contract brevisone 4, and of what sections 1, 3 and 5 refuse with its sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from werkzeug.test import TestResponse

from gateway.domain import errors
from gateway.services import accounts
from gateway.storage.tables import ConnectorRow
from tests.dialects.brevisone.program import API, MISSING, NO_RIGHT, SEE_LOGS, TIMEOUT, WRITTEN, WRONG
from tests.dialects.error_sections import Ask, Row
from tests.dialects.town import Town

TEXT = {"Content-Type": r"text/plain; charset=utf-8", "WWW-Authenticate": ""}


def get(**values: Any) -> Ask:
    """A usual request but for these parameters."""
    return lambda town: town.owner.get(**values)


def raw(method: str, path: str) -> Ask:
    return lambda town: town.owner.raw(method, path)


def limited(**terms: Any) -> Ask:
    """A request of a user of whom less is allowed; its number is bad too, and is not looked at."""

    def ask(town: Town) -> TestResponse:
        accounts.set_user_limits(town.gateway, "apiuser", lambda known: replace(known, **terms))
        return town.owner.get(to="None")

    return ask


def over_the_cap(town: Town) -> TestResponse:
    accounts.set_user_limits(town.gateway, "apiuser", lambda known: replace(known, daily_cap=0))
    return town.owner.get()


def disabled(town: Town) -> TestResponse:
    accounts.set_user_disabled(town.gateway, "apiuser", disabled=True)
    return town.owner.get()


def guessed(town: Town) -> TestResponse:
    for _ in range(town.gateway.settings.guesses_per_minute_user + 1):
        answer: TestResponse = town.owner.get(password="wrong")
    return answer


def without_connector(town: Town) -> TestResponse:
    town.change(ConnectorRow, enabled=False)
    return town.owner.get()


def database_away(path: str = "") -> Ask:
    def ask(town: Town) -> TestResponse:
        town.take_database_away()
        return town.owner.raw("GET", path) if path else town.owner.get()

    return ask


def silent_database(town: Town) -> TestResponse:
    town.strike(errors.OutcomeUnknown("lost"))
    return town.owner.get()


def broken(town: Town) -> TestResponse:
    town.break_view("brevisone.send")
    return town.owner.get()


def too_large(town: Town) -> TestResponse:
    return town.owner.post(text="a" * (17 << 20))


def reused(town: Town) -> TestResponse:
    for text in ("one", "two"):
        answer: TestResponse = town.owner.raw("GET", f"{API}?{town.owner.written(text=text)}", headers={"Idempotency-Key": "same"})
    return answer


def missing(name: str) -> Row:
    return Row("4", f"a required parameter is missing: {name}", f"GET /api.php without {name}", get(**{name: None}), 400, MISSING, TEXT)


def generic(row: str, asked: str, section: str = "4", **values: Any) -> Row:
    """A row of the one sentence for everything that is wrong with an order."""
    return Row(section, row, f"GET /api.php, {asked}", get(**values), 400, SEE_LOGS, TEXT)


ROWS: tuple[Row, ...] = (
    *map(missing, ("username", "password", "to", "text")),
    Row("3.2", "required means present and not empty", "GET /api.php, to=", get(to=""), 400, MISSING),
    Row("3.7", "list without regex", "GET /api.php, list=white", get(list="white"), 400, MISSING),
    Row("4", "parameters are looked at before credentials", "GET /api.php without to, wrong password", get(to=None, password="wrong"), 400,
        MISSING),
    generic("wrong mode: taken for `number`, where a name fails", "mode=nonsense, to=Admins", mode="nonsense", to="Admins"),
    generic("unknown group", "mode=group, to=Nobody", mode="group", to="Nobody"),
    generic("unknown contact", "mode=user, to=Nobody", mode="user", to="Nobody"),
    generic("bad number", "to=None", to="None"),
    generic("bad number", "to=+12", to="+12"),
    generic("bad hex: odd length", "hexmode=true, text=486", hexmode="true", text="486"),
    generic("bad hex: no digit", "hexmode=true, text=zz", hexmode="true", text="zz"),
    generic("bad pattern", "list=white, regex=(", list="white", regex="("),
    generic("nobody left", "list=black, regex=^49170", list="black", regex="^49170"),
    generic("a call where there is no voice", "ring=true", "3.2", ring="true"),
    generic("Telegram alone where there is none", "mode=telnumber, telauto=false", "5", mode="telnumber", telauto="false"),
    generic("not enough credit (ours)", "1,001 numbers", to=",".join(f"0170{number:07d}" for number in range(1001))),
    Row("4", "daily cap used up (ours)", "GET /api.php", over_the_cap, 400, SEE_LOGS),
    Row("4", "an Idempotency-Key used again (ours)", "GET /api.php, another text", reused, 400, SEE_LOGS),
    Row("4", "more than the gateway reads (ours)", "POST /api.php, 17 MB", too_large, 400, SEE_LOGS, {"Connection": "close"}),
    Row("4", "wrong password", "GET /api.php", get(password="wrong"), 401, WRONG, TEXT),
    Row("4", "unknown user", "GET /api.php", get(username="nobody"), 401, WRONG, TEXT),
    Row("4", "user disabled (ours)", "GET /api.php", disabled, 401, WRONG, TEXT),
    Row("4", "credentials are looked at before the order", "GET /api.php, to=None, wrong password", get(to="None", password="wrong"), 401,
        WRONG),
    Row("4", "too many guesses (ours)", "GET /api.php, the 11th", guessed, 401, WRONG, TEXT | {"Retry-After": "[1-6]?[0-9]"}),
    Row("4", "no API permission; looked at before the order", "GET /api.php, to=None", limited(permissions=("smsend:send",)), 403,
        NO_RIGHT, TEXT),
    Row("4", "another network (ours)", "GET /api.php", limited(networks=("192.0.2.0/24",)), 403, NO_RIGHT, TEXT),
    Row("4", "timed out and certainly not stored: no database", "GET /api.php, the file is gone", database_away(), 408, TIMEOUT, TEXT),
    Row("4", "timed out and certainly not stored: no carrier is on", "GET /api.php, connectors disabled", without_connector, 408, TIMEOUT,
        TEXT),
    Row("4", "timed out and perhaps stored: not 408, which callers take for not stored", "GET /api.php, the database falls silent",
        silent_database,
        500, SEE_LOGS, TEXT),
    Row("4", "a defect (ours)", "GET /api.php, its view raises", broken, 500, SEE_LOGS, TEXT),
    Row("7", "state without a database (ours)", "GET /state.php?uid=…",
        database_away("/state.php?uid=0197a3c2-f0de-7c4e-8e5d-1c2b3a400000"), 408, TIMEOUT),
    *(Row("1", "any other method", f"{method} {path}", raw(method, f"{path}?to={WRITTEN}"), 405, "405 Method Not Allowed",
        {"Allow": ".*GET.*"})
      for method, path in (("PUT", "/api.php"), ("DELETE", "/api.php"), ("POST", "/check.php"), ("POST", "/state.php"))),
    Row("1", "an unknown path below a script", "GET /api.php/x", raw("GET", "/api.php/x"), 404, "404 Not Found", TEXT),
)  # fmt: skip
