"""An SMSC for benches: takes binds, answers every submit_sm with 0 at once, and reports each as delivered where that is asked for.

It looks at nothing it does not need, so that it is not what is measured. A chunk of PDUs that came together is answered together.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from tests.support.smsc import codec
from tests.support.smsc.codec import pdu

_UNPACK = codec.HEADER.unpack_from
_PACK = codec.HEADER.pack
_ANSWER = codec.SUBMIT_SM | codec.RESPONSE
_DATE = f"{time.strftime('%y%m%d%H%M', time.gmtime())}".encode()
_MIDDLE = b" sub:001 dlvrd:001 submit date:" + _DATE + b" done date:" + _DATE + b" stat:DELIVRD err:000 text:"


class Counts:
    """What the fast SMSC has seen. ``names`` numbers the messages over all connections."""

    def __init__(self) -> None:
        self.names = itertools.count(0xA0000000)
        self.submits = 0
        self.receipts_answered = 0


class FastSession(asyncio.Protocol):
    """One connection. ``delay_seconds``: from message to answer, as a round trip over a network would add."""

    def __init__(self, counts: Counts, delay_seconds: float = 0.0) -> None:
        self._counts = counts
        self._delay = delay_seconds
        self._buffer = b""
        self._transport: Any = None
        self._sequence = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        at, end = 0, len(buffer)
        out: list[bytes] = []
        while end - at >= 16:
            length, command, _status, sequence = _UNPACK(buffer, at)
            if end - at < length:
                break
            if command == codec.SUBMIT_SM:
                self._submitted(buffer, at + 16, sequence, out)
            elif command == codec.DELIVER_SM | codec.RESPONSE:
                self._counts.receipts_answered += 1
            elif not command & codec.RESPONSE:
                out.append(pdu(command | codec.RESPONSE, 0, sequence, codec.words("fast") if command in codec.BINDS else b""))
            at += length
        self._buffer = buffer[at:]
        if out:
            self._write(b"".join(out))

    def _write(self, octets: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, octets)
        else:
            self._transport.write(octets)

    def _submitted(self, buffer: bytes, at: int, sequence: int, out: list[bytes]) -> None:
        self._counts.submits += 1
        name = b"%d" % next(self._counts.names)
        out.append(_PACK(17 + len(name), _ANSWER, 0, sequence) + name + b"\0")
        source = buffer.index(b"\0", at) + 3
        source_end = buffer.index(b"\0", source)
        destination_end = buffer.index(b"\0", source_end + 3)
        schedule = buffer.index(b"\0", destination_end + 4)
        registered = buffer.index(b"\0", schedule + 1) + 1
        if buffer[registered] & 3:
            source_octets, destination = buffer[source - 2 : source_end + 1], buffer[source_end + 1 : destination_end + 1]
            text = b"id:" + name + _MIDDLE
            self._sequence += 1
            body = b"\0" + destination + source_octets + b"\4\0\0\0\0\0\0\0\0" + bytes((len(text),)) + text
            out.append(_PACK(16 + len(body), codec.DELIVER_SM, 0, self._sequence) + body)
