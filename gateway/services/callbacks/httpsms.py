"""httpSMS webhooks: a CloudEvents body, the event's type in a header, and a token where the webhook has a signing key.

The message's id is ``id`` in what tells of sent, delivered and failed messages, and ``message_id`` in all else.
Source: contract httpsms 6.2 and 6.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from gateway.config import Settings
from gateway.domain.callback import HandsetNews, Happening, InboundNews, MessageNews, News
from gateway.domain.inbound import file_name
from gateway.services.callbacks.calls import Call, Delivery, Kind, Target, Told, compact, stamp

RECEIVED, MISSED = "message.phone.received", "message.call.missed"
TYPES: Mapping[Happening, str] = {
    Happening.MESSAGE_SENT: "message.phone.sent",
    Happening.MESSAGE_DELIVERED: "message.phone.delivered",
    Happening.MESSAGE_FAILED: "message.send.failed",
    Happening.MESSAGE_UNDELIVERED: "message.send.failed",
    Happening.MESSAGE_BLOCKED: "message.send.failed",
    Happening.MESSAGE_EXPIRED: "message.send.expired",
    Happening.INBOUND_RECEIVED: RECEIVED,
    Happening.CALL_MISSED: MISSED,
    Happening.HANDSET_ONLINE: "phone.heartbeat.online",
    Happening.HANDSET_OFFLINE: "phone.heartbeat.offline",
}
"""There is no type for a message of uncertain outcome, nor for what concerns the operator."""
EVENTS = tuple(dict.fromkeys(TYPES.values()))
MAY_BE_DATED, GOOD_FOR = timedelta(minutes=10), timedelta(minutes=10)
NO_SIM = "DEFAULT"
NO_REASON = "UNKNOWN ERROR"
NOBODY = UUID(int=0)


def told(news: News) -> Told | None:
    """Data in the type's own fields, and the path that the event came by. The user is put in when the call is made."""
    kind = TYPES.get(news.happening)
    match news:
        case MessageNews() if kind:
            return Told(kind, {"source": _source(news), "time": stamp(news.at), "data": _message(news)})
        case InboundNews() if kind:
            path = "/v1/messages/calls/missed" if kind == MISSED else "/v1/messages/receive"
            return Told(kind, {"source": path, "time": stamp(news.at), "data": _inbound(news)})
        case HandsetNews() if kind:
            return Told(kind, {"source": "/v1/heartbeats", "time": stamp(news.at), "data": _handset(news)})
    return None


def call(target: Target, delivery: Delivery, now: datetime, settings: Settings) -> Call:
    """The request. The token is good for ten minutes and does not cover the body."""
    data = dict(delivery.payload["data"]) | {"user_id": target.subject}
    if "attachments" in data:
        data["attachments"] = _links(settings.base_url, target.subject, data["message_id"], data["attachments"])
    body = compact(
        {
            "specversion": "1.0",
            "id": str(delivery.id),
            "source": delivery.payload["source"],
            "type": delivery.event,
            "datacontenttype": "application/json",
            "time": delivery.payload["time"],
            "data": data,
        }
    )
    headers = {"Content-Type": "application/json", "X-Event-Type": delivery.event}
    if target.signing_key.strip():
        headers["Authorization"] = f"Bearer {token(target, now, settings.httpsms_token_issuer)}"
    return Call("POST", target.url, headers, body)


def token(target: Target, now: datetime, issuer: str) -> str:
    """A JWT, signed with HS256 by the bytes of the signing key."""
    claims = {
        "iss": issuer,
        "sub": target.subject,
        "aud": [target.url],
        "exp": int((now + GOOD_FOR).timestamp()),
        "nbf": int((now - MAY_BE_DATED).timestamp()),
        "iat": int(now.timestamp()),
    }
    signed = b".".join(_base64(compact(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + _base64(hmac.new(target.signing_key.encode(), signed, hashlib.sha256).digest())).decode()


def is_success(status: int) -> bool:
    """Below 400: a redirect counts as taken, and is not followed."""
    return status < 400


def sample(now: datetime) -> Told:
    """A message that nobody sent: the API has no type for a trial."""
    data = {
        "message_id": str(NOBODY), "user_id": "", "owner": "+10000000000", "contact": "+10000000000", "timestamp": stamp(now),
        "content": "This is a trial of your webhook.", "encrypted": False, "sim": NO_SIM, "attachments": [],
    }  # fmt: skip
    return Told(RECEIVED, {"source": "/v1/messages/receive", "time": stamp(now), "data": data})


def _source(news: MessageNews) -> str:
    """The call that caused it: handsets report to their message's events; that its time is over nobody reports."""
    return "/v1/events" if news.happening is Happening.MESSAGE_EXPIRED else f"/v1/messages/{news.message_id}/events"


def _message(news: MessageNews) -> dict[str, Any]:
    is_expired = news.happening is Happening.MESSAGE_EXPIRED
    data: dict[str, Any] = {
        "message_id" if is_expired else "id": str(news.message_id),
        "user_id": "",
        "request_id": news.request_id or None,
        "owner": news.owner or "",
        "contact": news.recipient,
        "timestamp": stamp(news.at),
        "content": news.content,
        "encrypted": news.is_encrypted,
        "sim": news.sim or NO_SIM,
    }
    if is_expired:
        return data | {"send_attempt_count": news.attempts, "is_final": True}
    if TYPES[news.happening] == "message.send.failed":
        return data | {"error_message": news.failure or NO_REASON}
    return data


def _inbound(news: InboundNews) -> dict[str, Any]:
    data: dict[str, Any] = {
        "message_id": str(news.inbound_id),
        "user_id": "",
        "owner": news.owner or "",
        "contact": news.sender,
        "timestamp": stamp(news.at),
        "sim": news.sim or NO_SIM,
    }
    if news.happening is Happening.CALL_MISSED:
        return data
    files = [f"{place}/{file_name(name, place)}" for place, (name, _, is_kept) in enumerate(news.attachments) if is_kept]
    return data | {"content": news.content, "encrypted": news.is_encrypted, "attachments": files}


def _handset(news: HandsetNews) -> dict[str, Any]:
    """The original has an object that watches each number; here its id follows from the number's."""
    return {
        "phone_id": news.handset,
        "user_id": "",
        "monitor_id": str(uuid5(NOBODY, news.handset)),
        "owner": news.owner or "",
        "timestamp": stamp(news.at),
        "last_heartbeat_timestamp": stamp(news.last_at),
    }


def _links(base_url: str, subject: str, message_id: str, files: list[str]) -> list[str]:
    """Where received files can be fetched (contract httpsms 4.8)."""
    start = f"{base_url}/v1/attachments/{quote(subject, safe='')}/{message_id}"
    return [f"{start}/{file}" for file in files]


def _base64(value: bytes) -> bytes:
    """Base64url without padding. Source: RFC 7515, appendix C."""
    return base64.urlsafe_b64encode(value).rstrip(b"=")


KIND = Kind(EVENTS, told, call, is_success, sample)
