"""What carriers and telephones call: the HTTP endpoints of those who carry messages for us, not of our customers.

A folder or file for each protocol. An inlet reads a call, hands it to one service function, and answers in its caller's way; its errors
are its own. It may ask :mod:`gateway.connectors` how a carrier's call reads; it knows no table and no dialect.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from gateway.inlets import android, carrier, cht

#: Every inlet's routes. A line each.
INLETS: tuple[Blueprint, ...] = (android.blueprint, cht.blueprint, carrier.blueprint)


def install(app: Flask) -> None:
    """Registers every inlet."""
    for blueprint in INLETS:
        app.register_blueprint(blueprint)
