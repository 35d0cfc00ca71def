"""The pages about this dialect say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from werkzeug.routing import Rule

from gateway.dialects.smsend import DIALECT, uncertain
from gateway.dialects.smsend.errors import ERRORS
from gateway.dialects.smsend.routes import blueprint
from gateway.dialects.smsend.uncertain import MESSAGE_TYPES, NOT_BUILT
from gateway.domain.message import State
from tests.support.programs import ROOT

GUIDE = ROOT / "docs" / "dialects" / "smsend.md"
API = ROOT / "gateway" / "dialects" / "smsend" / "API.md"


def rows(path: Path) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]


def test_the_error_table_is_the_code_s() -> None:
    documented = [(int(row[0]), row[1].strip("`")) for row in rows(GUIDE) if re.fullmatch("[0-9]{3}", row[0])]
    assert len(set(documented)) == len(documented)
    assert set(documented) == {(row.status, row.code) for row in ERRORS.values()}


def test_every_error_has_a_cause_and_a_remedy() -> None:
    for row in rows(GUIDE):
        if re.fullmatch("[0-9]{3}", row[0]):
            assert len(row) == 4 and all(cell.endswith((".", "`")) for cell in row[2:]), row


def test_every_call_is_in_the_developers_table() -> None:
    documented = {re.sub(r"[{?].*", "", word) for row in rows(API) for word in re.findall(r"`(?:[A-Z]+ )+(/[^`]+)`", row[0])}
    unbuilt = {rule for _, rule in NOT_BUILT}
    rules = {
        rule.rule.removeprefix(DIALECT.paths[0])
        for rule in _rules()
        if rule.endpoint.startswith("smsend.") and rule.rule.removeprefix(DIALECT.paths[0]) not in unbuilt
    }
    assert {rule.partition("<")[0] for rule in rules} == documented


def test_every_token_is_in_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [token for token in MESSAGE_TYPES if f"`{token}`" not in text] == []


def test_commands_exist() -> None:
    known = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for command in re.findall(
        r"`(dragoman [a-z]+(?: [a-z]+)?)|^ +(dragoman [a-z]+ [a-z]+)", GUIDE.read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert f"### {''.join(command)}\n" in known, command


def test_links_lead_somewhere() -> None:
    for path in (GUIDE, API):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def _rules() -> list[Rule]:
    app = Flask("rules", static_folder=None)
    app.register_blueprint(blueprint)
    return list(app.url_map.iter_rules())


def test_the_guide_s_table_of_states_is_the_one_in_code() -> None:
    page = GUIDE.read_text().partition("## What the state of a message means")[2].partition("## Errors")[0]
    told = {(word, int(number)) for word, number in re.findall(r"^\| `([A-Z0-9]+)` \| (\d+) \|", page, re.MULTILINE)}
    in_code = {(uncertain.STATES[state], uncertain.STATE_NUMBERS[state]) for state in State}
    assert told == in_code | {(uncertain.SENT_WITHOUT_RECEIPT, uncertain.DELIVERED)}
