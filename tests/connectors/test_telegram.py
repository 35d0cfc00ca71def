"""The Telegram connector keeps the contract against a Bot API over a real socket, and tells who registered and who wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.connectors import made
from gateway.connectors.base import Event, FailureKind, Inbound, Outcome, Outgoing
from gateway.connectors.settings import REQUIRED
from gateway.connectors.telegram import KIND, Bot
from gateway.domain.inbound import Registered
from tests.connectors.contract import ConnectorContract, Rig, an_outgoing, events_until, outcomes, receipts
from tests.support.databases import settings_for
from tests.support.http_carrier import HttpCarrier, Reply
from tests.support.programs import ROOT
from tests.support.telegram import TOKEN, FakeTelegram, Fault

PROCESS = settings_for("sqlite:///unused.sqlite3", connector_networks="127.0.0.0/8")
ANNA, BERT = 77001, 77002
FAULTS = {1: Fault.BLOCKED, 2: Fault.THROTTLED, 3: Fault.NEVER, 4: Fault.ERROR_AFTER, 5: Fault.NO_CHAT, 6: Fault.BROKEN, 7: Fault.GARBAGE}
WISHES = {"refused": 1, "throttled": 2, "no_answer": 3, "unknown_status": 4}


class Addressed:
    """The connector with the chats of numbers, as the dispatcher hands messages to it: the number's last digit is what goes wrong."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bot, name)

    def __repr__(self) -> str:
        return repr(self._bot)

    def submit(self, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        left = self._bot.submit([to(each, int(each.recipient[-1])) for each in batch])
        return batch[len(batch) - len(left) :]


def to(outgoing: Outgoing, chat: int) -> Outgoing:
    return replace(outgoing, address=str(chat))


def opened(far_end: FakeTelegram, **settings: Any) -> Bot:
    """A connector that its far end has let in."""
    bot = made("telegram", far_end.settings | {"token": TOKEN} | settings, PROCESS)
    assert isinstance(bot, Bot)
    bot.open()
    events_until(bot, lambda _events: bot.standing().is_connected)
    assert bot.standing().is_connected, bot.standing()
    return bot


class TelegramRig(Rig):
    secrets = (TOKEN, TOKEN.partition(":")[2])

    def __init__(self) -> None:
        self.far_end = FakeTelegram(lambda chat, _try: FAULTS.get(chat))
        self.bot = opened(self.far_end)
        self.connector = Addressed(self.bot)

    def recipient(self, wish: str) -> str:
        return f"+39347123456{WISHES.get(wish, 9)}"


@pytest.fixture
def rig() -> Iterator[TelegramRig]:
    rig = TelegramRig()
    yield rig
    rig.bot.close(0.1)
    rig.far_end.close()


class TestContract(ConnectorContract):
    """Telegram has no receipts but its answer: they cannot come first, nor twice unless asked for."""

    def test_a_receipt_that_comes_twice_is_handed_out_twice(self, rig: TelegramRig):  # type: ignore[override]
        rig.connector.submit([an_outgoing(rig.recipient("delivered"))])
        (receipt,) = receipts(events_until(rig.connector, lambda events: bool(receipts(events))))
        assert rig.connector.query(receipt.smsc_message_id, "+393471234569") is None
        (again,) = receipts(events_until(rig.connector, lambda events: bool(receipts(events))))
        assert (again.smsc_message_id, again.state) == (receipt.smsc_message_id, receipt.state)

    def test_a_receipt_before_the_answer_is_handed_out_as_it_comes(self, rig: TelegramRig):  # type: ignore[override]
        rig.connector.submit([an_outgoing(rig.recipient("delivered"))])
        events = events_until(rig.connector, lambda events: bool(receipts(events)))
        assert isinstance(events[0], Outcome)


def outcome_of(rig: TelegramRig, outgoing: Outgoing) -> Outcome:
    rig.bot.submit([outgoing])
    (outcome,) = outcomes(events_until(rig.bot, lambda events: bool(outcomes(events))))
    return outcome


GOOD = an_outgoing("+393471234569")


@pytest.mark.parametrize(
    ("outgoing", "expected"),
    [
        (to(GOOD, 1), (FailureKind.FINAL, "403", "Forbidden: bot was blocked by the user", None)),
        (to(GOOD, 2), (FailureKind.THROTTLED, "429", "Too Many Requests: retry after 7", 7.0)),
        (to(GOOD, 4), (FailureKind.UNKNOWN, "502", "the answer is not Telegram's", None)),
        (to(GOOD, 5), (FailureKind.FINAL, "400", "Bad Request: chat not found", None)),
        (to(GOOD, 6), (FailureKind.UNKNOWN, "200", "the answer ended early", None)),
        (to(GOOD, 7), (FailureKind.UNKNOWN, "200", "the answer is not Telegram's", None)),
        (GOOD, (FailureKind.FINAL, "no_chat", "no chat registered", None)),
        (to(replace(GOOD, text="x" * 4097), 9), (FailureKind.FINAL, "too_long", "the text has more than 4096 characters", None)),
        (to(replace(GOOD, text="😀" * 2049), 9), (FailureKind.FINAL, "too_long", "the text has more than 4096 characters", None)),
        (to(replace(GOOD, is_encrypted=True), 9), (FailureKind.FINAL, "encrypted", "the text is for a handset's own program", None)),
    ],
)
def test_what_answers_mean(rig, outgoing, expected):
    rig.far_end.retry_after = 7
    outcome = outcome_of(rig, outgoing)
    assert (outcome.failure, outcome.carrier_code, outcome.detail, outcome.retry_after_seconds) == expected


def test_what_stands_in_the_chat_is_what_was_sent(rig):
    texts = ["*Plain* <b>text</b>", "Grüße & 100% +1\n\nline", '😀 “quoted” \\ "x"', "😀" * 2048]
    names = [outcome_of(rig, replace(to(GOOD, 9), text=text)).smsc_message_id for text in texts]
    assert [each.text for each in rig.far_end.shown] == texts
    assert names == [f"9:{each.number}" for each in rig.far_end.shown]
    request = next(each for each in rig.far_end.server.requests if each.path.endswith("/sendMessage"))
    assert request.json == {"chat_id": 9, "text": texts[0], "link_preview_options": {"is_disabled": True}}


@pytest.mark.parametrize(("status", "words"), [(401, "Unauthorized"), (404, "Not Found")])
def test_a_token_that_is_refused_is_our_own_fault(rig, status, words):
    rig.far_end.away = (status, words)
    outcome = outcome_of(rig, to(GOOD, 9))
    assert (outcome.failure, outcome.carrier_code, outcome.detail) == (FailureKind.MISCONFIGURED, str(status), words)
    events_until(rig.bot, lambda _events: not rig.bot.standing().is_connected)
    assert rig.bot.standing().note == f"Telegram knows no bot of this token (status {status})"


def test_an_answer_of_something_in_between_is_not_telegrams():
    proxy = HttpCarrier(lambda request: Reply(403, b"Blocked by policy") if "sendMessage" in request.path else Reply.of({"ok": True}))
    bot = made("telegram", {"token": TOKEN, "api_base": proxy.url, "listen": False}, PROCESS)
    assert isinstance(bot, Bot)
    bot.open()
    events_until(bot, lambda _events: bot.standing().is_connected)
    bot.submit([to(GOOD, 9)])
    (outcome,) = outcomes(events_until(bot, bool))
    bot.close(0.1)
    proxy.close()
    assert (outcome.failure, outcome.detail) == (FailureKind.MISCONFIGURED, "the answer is not Telegram's")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"token": "bot123:abc"}, "^token must look like"),
        ({"token": TOKEN + "/../x"}, "^token must look like"),
        ({"api_base": "ftp://x"}, "^api_base must be https"),
        ({"poll_seconds": 0}, "^poll_seconds must be"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_the_token(settings, words):
    with pytest.raises(ValueError, match=words) as refused:
        made("telegram", {"token": TOKEN} | settings, PROCESS)
    assert "abc" not in str(refused.value) and TOKEN not in str(refused.value)


# Registrations and messages


def told(events: list[Event]) -> list[Registered | Inbound]:
    return [event for event in events if isinstance(event, Registered | Inbound)]


def listened(rig: TelegramRig, count: int = 1) -> list[Registered | Inbound]:
    """What the bot tells, and one further poll, by which it is recorded."""
    events = told(events_until(rig.bot, lambda events: len(told(events)) >= count))
    return events + told(rig.bot.poll(0))


def said(rig: TelegramRig, person: int, count: int) -> list[str]:
    """What the bot wrote to someone, once it is so much."""
    events_until(rig.bot, lambda _events: len(rig.far_end.chat(person)) >= count)
    return rig.far_end.chat(person)


DEFAULTS = {each.name: each.default for each in KIND.settings}
WELCOME, DONE, STOPPED = DEFAULTS["welcome_text"], DEFAULTS["done_text"], DEFAULTS["stopped_text"]


def test_somebody_registers_writes_and_stops(rig):
    rig.far_end.says(ANNA, "/start")
    assert said(rig, ANNA, 1) == [WELCOME]
    button = {"text": DEFAULTS["button_text"], "request_contact": True}
    assert rig.far_end.shown[0].markup["keyboard"] == [[button]]
    rig.far_end.shares(ANNA, "491701234567")
    assert listened(rig) == [Registered(str(ANNA), "+491701234567")]
    assert said(rig, ANNA, 2)[1:] == [DONE]
    before = datetime.now(UTC).replace(microsecond=0)
    rig.far_end.says(ANNA, "Grüße 😀")
    (message,) = listened(rig)
    assert isinstance(message, Inbound)
    assert (message.text, message.address, message.recipient, message.at >= before) == ("Grüße 😀", str(ANNA), None, True)
    assert message.provider_id.startswith(f"{ANNA}:")
    rig.far_end.says(ANNA, "/stop@alarm_bot please")
    assert listened(rig) == [Registered(str(ANNA), None)]
    assert said(rig, ANNA, 3)[2:] == [STOPPED]


def test_only_the_own_number_counts_and_only_in_private(rig):
    rig.far_end.says_in_group(BERT, "/stop")
    rig.far_end.shares(ANNA, "+491701234567", user_id=BERT)
    rig.far_end.shares(ANNA, "not a number")
    rig.far_end.says(ANNA, "/Start payload")
    rig.far_end.says(BERT, "last")
    (last,) = listened(rig)
    assert isinstance(last, Inbound) and last.text == "last"
    assert said(rig, ANNA, 3) == [WELCOME] * 3


def test_an_update_is_confirmed_and_answered_when_it_is_recorded():
    far_end = FakeTelegram()
    bot = opened(far_end)
    far_end.shares(ANNA, "491701234567")
    events = told(events_until(bot, lambda events: bool(told(events))))
    assert (events, far_end.confirmed, far_end.chat(ANNA)) == ([Registered(str(ANNA), "+491701234567")], 0, [])
    bot.close(1)  # as if the process ended before it wrote it down
    after = made("telegram", far_end.settings | {"token": TOKEN}, PROCESS)
    assert isinstance(after, Bot)
    after.open()
    assert told(events_until(after, lambda events: bool(told(events)))) == events
    events_until(after, lambda _events: far_end.confirmed > 0)
    assert far_end.chat(ANNA) == [DONE]
    assert told(after.poll(0)) == []
    after.close(1)
    far_end.close()


def test_a_webhook_is_told_to_the_operator_and_sending_goes_on():
    far_end = FakeTelegram()
    far_end._webhook = "https://other.example/"
    bot = opened(far_end)
    events_until(bot, lambda _events: bool(bot.standing().note))
    assert bot.standing().is_connected
    assert bot.standing().note == "registrations cannot be fetched: another program fetches them, or a webhook is set"
    bot.submit([to(GOOD, 9)])
    assert outcomes(events_until(bot, lambda events: bool(outcomes(events))))[0].failure is None
    far_end._webhook = ""
    far_end.says(ANNA, "hello")
    assert told(events_until(bot, lambda events: bool(told(events))))
    events_until(bot, lambda _events: not bot.standing().note)
    assert bot.standing().note == ""
    bot.close(1)
    far_end.close()


def test_what_was_told_holds_no_token_text_or_number(rig, caplog, capfd):
    rig.far_end.away = (401, f"Unauthorized {TOKEN}")
    outcome = outcome_of(rig, to(an_outgoing("+393471234569", "a very private text"), 9))
    events_until(rig.bot, lambda _events: not rig.bot.standing().is_connected)
    rig.far_end.close()
    rig.far_end.server.close()
    shown = repr((outcome, rig.bot.standing(), rig.bot, Registered("77001", "+491701234567"))) + caplog.text + "".join(capfd.readouterr())
    assert outcome.detail == "Unauthorized …"
    assert not [word for word in (*rig.secrets, "a very private text", "3471234569", "77001", "491701234567") if word in shown]


def test_the_page_lists_every_setting():
    page = (ROOT / "docs" / "connectors" / "telegram.md").read_text(encoding="utf-8").partition("## Settings")[2]
    rows = re.findall(r"^\| `(\w+)` \| (must be set|none|`[^`]*`)(, secret)? \| .+ \|$", page, re.MULTILINE)
    shown = {REQUIRED: "must be set", None: "none", True: "`true`"}
    assert {name: (default, bool(secret)) for name, default, secret in rows} == {
        each.name: (shown.get(each.default, f"`{each.default}`"), each.secret) for each in KIND.settings
    }
