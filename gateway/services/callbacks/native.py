"""The gateway's own callback: JSON, signed with a key of the endpoint's over time and body.

Dragoman-Event       what happened, such as message.delivered
Dragoman-Delivery    the call's id, the same for every try
Dragoman-Timestamp   seconds since 1970 of this try
Dragoman-Key-Id      which key signed
Dragoman-Signature   HMAC-SHA256 of timestamp, a full stop and the body, in hex
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.config import Settings
from gateway.domain.callback import HandsetNews, Happening, InboundNews, MessageNews, News, OperatorNews
from gateway.services.callbacks.calls import Call, Delivery, Kind, Target, Told, compact, is_ok, stamp

EVENTS = tuple(happening.value for happening in Happening)


def told(news: News) -> Told:
    """Every event."""
    return _told(news.happening.value, news.at, news.account, _data(news))


def call(target: Target, delivery: Delivery, now: datetime, settings: Settings) -> Call:
    """The signed request. What is stored is the body but for its id."""
    body = compact({"id": str(delivery.id), **delivery.payload})
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Dragoman-Event": delivery.event,
        "Dragoman-Delivery": str(delivery.id),
        "Dragoman-Timestamp": timestamp,
        "Dragoman-Key-Id": target.key_id or "",
        "Dragoman-Signature": signature(target.signing_key, timestamp, body),
    }
    return Call("POST", target.url, headers, body)


def signature(key: str, timestamp: str, body: bytes) -> str:
    """The proof that whoever holds the key said this at that time."""
    return hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def sample(now: datetime) -> Told:
    """A trial of the endpoint."""
    return _told("test", now, None, {})


def _told(event: str, at: datetime, account: str | None, data: Mapping[str, Any]) -> Told:
    return Told(event, {"event": event, "at": stamp(at), "account": account, "data": dict(data)})


def _data(news: News) -> Mapping[str, Any]:
    match news:
        case MessageNews():
            return _message(news)
        case InboundNews():
            return _inbound(news)
        case HandsetNews():
            return {"handset": news.handset, "number": news.owner, "last_seen_at": stamp(news.last_at)}
        case OperatorNews():
            return news.data
    raise TypeError(f"no words for {type(news).__name__}")


def _message(news: MessageNews) -> dict[str, Any]:
    return {
        "message_id": str(news.message_id),
        "order_id": str(news.order_id),
        "client_ref": news.client_ref,
        "recipient": news.recipient,
        "originator": news.owner,
        "state": news.state.value,
        "parts": news.parts,
        "attempts": news.attempts,
        "failure": news.failure,
    }


def _inbound(news: InboundNews) -> dict[str, Any]:
    return {
        "inbound_id": str(news.inbound_id),
        "kind": news.kind,
        "sender": news.sender,
        "recipient": news.owner,
        "text": news.content,
        "is_encrypted": news.is_encrypted,
        "sim": news.sim,
        "keyword": news.keyword,
        "attachments": [{"name": name, "content_type": content_type} for name, content_type, _ in news.attachments],
    }


KIND = Kind(EVENTS, told, call, is_ok, sample)
