"""Connecting, in a thread that may wait, and errors in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any


def dial(
    settings: Mapping[str, Any], context: ssl.SSLContext | None, attempt: int, tell: Callable[[int, socket.socket | str], None]
) -> None:
    """Connects, with TLS where that is set, and tells the socket or why there is none."""
    try:
        connected = socket.create_connection((settings["host"], settings["port"]), settings["connect_timeout_seconds"])
    except (OSError, UnicodeError) as error:
        tell(attempt, words(error))
        return
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            connected = context.wrap_socket(connected, server_hostname=settings["tls_server_name"] or settings["host"])
        connected.setblocking(False)
    except (OSError, ValueError) as error:
        connected.close()
        tell(attempt, f"TLS: {words(error)}" if context is not None else words(error))
        return
    tell(attempt, connected)


def where(error: Exception) -> str:
    """File and line of an error, for the log: its words might hold a text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""


def words(error: Exception) -> str:
    """An error for the operator."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__).lower()
