"""A telephone with the httpSMS program: told of each message by a push, it asks for that one over the httpSMS API.

Messages are fetched by the telephone (:mod:`gateway.dialects.httpsms.outstanding`), so no dispatcher owns such a connector. What a
dispatcher does for it is the push: a call in the form of Google's FCM v1, to whatever address the operator set.
Source: contract android-devices, A.1 and A.4.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from gateway.connectors.base import Kind, ProcessSettings, Setting
from gateway.connectors.settings import REQUIRED, text, whole
from gateway.net.client import CallFailed, Client, OutgoingError

MESSAGE = "KEY_MESSAGE_ID"


class Pushed(enum.Enum):
    """How a push ended.

    done       the push service took it
    impossible this telephone cannot be told: its token is not valid any more, or the push is refused for what it is
    later      the push service is away, too busy, or does not accept us; the next may go well
    """

    DONE = "done"
    IMPOSSIBLE = "impossible"
    LATER = "later"


def client_for(process: ProcessSettings) -> Client:
    """What pushes are made with; one for all connectors of a process."""
    return Client(process.connector_networks)


class Pusher:
    """Pushes for one connector.

    Args:
        settings: as :data:`KIND` declares them.
        client: shared by all.
    """

    def __init__(self, settings: Mapping[str, Any], client: Client) -> None:
        self._url = settings["push_url"]
        self._seconds = float(settings["push_timeout_seconds"])
        bearer = settings["push_token"]
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        self._client = client

    def push(self, token: str, message_id: UUID, ttl_seconds: int) -> tuple[Pushed, str]:
        """Tells a telephone that a message waits; how that ended, and words for the operator without token or address."""
        try:
            answer = self._client.request(
                "POST",
                self._url,
                headers=self._headers,
                body=_body(token, message_id, ttl_seconds),
                connect_timeout_seconds=self._seconds,
                read_timeout_seconds=self._seconds,
                total_timeout_seconds=self._seconds,
            )
        except CallFailed as error:
            return Pushed.LATER, str(error)
        except OutgoingError as error:
            return Pushed.LATER, f"the push address cannot be called: {error}"
        return verdict(answer.status)


def verdict(status: int) -> tuple[Pushed, str]:
    """What an answer of the push service means. A refused password is ours to mend, not the message's fault."""
    words = f"the push service answered {status}"
    if 200 <= status < 300:
        return Pushed.DONE, words
    return (Pushed.IMPOSSIBLE if status in (400, 404, 410) else Pushed.LATER), words


def _body(token: str, message_id: UUID, ttl_seconds: int) -> bytes:
    android = {"priority": "normal", "ttl": f"{ttl_seconds}s"}
    return json.dumps({"message": {"token": token, "data": {MESSAGE: str(message_id)}, "android": android}}).encode()


def _address(value: object) -> str:
    url = str(text(500)(value))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return url


KIND = Kind(
    title="A telephone with the httpSMS program",
    settings=(
        Setting("push_url", "Where pushes go: the whole address, as of FCM's messages:send or of a relay to it.", _address, REQUIRED),
        Setting("push_token", "Sent with each push as Authorization: Bearer.", text(4000), None, secret=True),
        Setting("push_timeout_seconds", "Most seconds for one push.", whole(1, 60), 5),
    ),
    make=None,
    takes_encrypted=True,
)
