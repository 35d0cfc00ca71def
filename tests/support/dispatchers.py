"""A dispatcher in a thread, and waiting for what it brings about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask

from gateway.dispatcher.main import run

PATIENCE_SECONDS = 60.0


@contextmanager
def running(app: Flask) -> Iterator[None]:
    """A dispatcher in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(app, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_until(true: Callable[[], bool]) -> None:
    """Waits until it is true; fails after a long while, so that a slow machine does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
