"""``python -m tests.support.smsc``: the fake SMSC as a process of its own. It prints its port, then serves until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading

from tests.support.smsc import FAULTS, Smsc
from tests.support.smsc.fast import Counts, FastSession


def main() -> None:
    """Serves, and prints at the end what was seen, as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--fast", action="store_true", help="answer at once and look at nothing; only --port and --delay count then")
    arguments.add_argument("--delay", type=float, default=0.0, help="milliseconds from message to answer (--fast)")
    arguments.add_argument("--system-id", default="gateway")
    arguments.add_argument("--password", default="pa55word")
    arguments.add_argument("--most-binds", type=int, default=10)
    arguments.add_argument("--fault", choices=sorted(FAULTS))
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--journal", help="a file with a line for each bind, submit_sm and fault")
    chosen = arguments.parse_args()
    if chosen.fast:
        asyncio.run(serve_fast(chosen.port, chosen.delay / 1000))
    else:
        serve(chosen)


def serve(chosen: argparse.Namespace) -> None:
    """The whole SMSC."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Smsc(
        system_id=chosen.system_id,
        password=chosen.password,
        most_binds=chosen.most_binds,
        fault=chosen.fault,
        seed=chosen.seed,
        port=chosen.port,
        journal=chosen.journal,
    ) as smsc:
        tell(smsc.port)
        while not stop.wait(0.2):
            pass
        tell({"bound_at_once": smsc.bound_at_once, "violations": [each.words for each in smsc.violations], **smsc.counts})


async def serve_fast(port: int, delay_seconds: float) -> None:
    """The quick one."""
    counts, stop = Counts(), asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FastSession(counts, delay_seconds), "127.0.0.1", port)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tell(server.sockets[0].getsockname()[1])
    await stop.wait()
    server.close()
    tell({"submit_sm": counts.submits, "receipts answered": counts.receipts_answered})


def tell(thing: object) -> None:
    """A line for whoever started us."""
    sys.stdout.write(json.dumps(thing) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
