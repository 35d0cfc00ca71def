"""smSend's delivery callback: four parameters for every change of a message's state, unsigned.

Source: contract smsend 2.17; the words for states 3.8. GET is the reading recommended where the method is not documented.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from gateway.config import Settings
from gateway.domain import dates
from gateway.domain.callback import OF_STATE, MessageNews, News
from gateway.domain.message import State
from gateway.domain.smsend_words import STATES, word
from gateway.services.callbacks.calls import Call, Delivery, Kind, Target, Told, is_ok

EVENTS = tuple(happening.value for happening in OF_STATE.values())
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def told(news: News) -> Told | None:
    """Messages only: there is no callback of this kind for what comes in."""
    if not isinstance(news, MessageNews):
        return None
    values = {
        "order_id": news.reference,
        "recipient": news.recipient,
        "status": word(news.state, news.wants_receipt),
        "delivery_date": dates.render(news.at, ZoneInfo(news.zone)),
    }
    return Told(news.happening.value, values)


def call(target: Target, delivery: Delivery, now: datetime, settings: Settings) -> Call:
    """The parameters behind those that the address has of its own, or as a form."""
    values = urlencode(delivery.payload)
    if target.method == "POST":
        return Call("POST", target.url, FORM, values.encode())
    joint = "" if target.url.endswith(("?", "&")) else "&" if "?" in target.url else "?"
    return Call("GET", f"{target.url}{joint}{values}", {})


def sample(now: datetime) -> Told:
    """A delivered message that is none of anybody's."""
    values = {"order_id": "test", "recipient": "+10000000000", "status": STATES[State.DELIVERED], "delivery_date": f"{now:%Y%m%d%H%M%S}"}
    return Told("test", values)


KIND = Kind(EVENTS, told, call, is_ok, sample)
