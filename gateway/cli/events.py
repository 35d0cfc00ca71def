"""``dragoman events``: the web process that holds telephones' event streams."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import click
from flask import Flask

from gateway import create_app
from gateway.cli.common import gateway_of, with_app
from gateway.config import Settings
from gateway.services.schema import require_current

CONFIGURATION = Path(__file__).resolve().parents[2] / "gunicorn.conf.py"
STREAMS = "dragoman.handset-streams"
OTHER_THREADS = 16
"""Threads beside those that hold streams: a telephone that is sent away needs one, too."""
DATABASE_THREADS = 8
"""A stream needs no connection to the database; those that are just being opened share so many."""


@click.command()
@with_app
def events(app: Flask) -> None:
    """Runs the process that holds telephones' event streams until it is told to stop (TERM or Ctrl-C).

    It is a web server of one worker with many threads, at DRAGOMAN_EVENTS_BIND; the proxy in front sends it the streams and nothing else.

    \b
    Example: dragoman events
    """
    held = gateway_of(app)
    require_current(held)
    held.close()
    sys.stdout.flush()
    os.execv(sys.executable, command(held.settings))


def command(settings: Settings) -> list[str]:
    """The command line of the process. What stands here goes over the settings in gunicorn.conf.py."""
    threads = settings.events_streams + OTHER_THREADS
    places = ["--workers", "1", "--worker-class", "gthread", "--threads", str(threads), "--worker-connections", str(2 * threads)]
    program = [sys.executable, "-m", "gunicorn", "-c", str(CONFIGURATION), "--bind", settings.events_bind]
    return [*program, *places, "gateway.cli.events:application()"]


def application() -> Flask:
    """The gateway's application, with room for as many streams as the settings say."""
    settings = Settings.from_environment()
    app = create_app(replace(settings, web_threads=DATABASE_THREADS))
    app.extensions[STREAMS].most = settings.events_streams
    return app
