"""Dragoman: a self-hosted SMS gateway that speaks the HTTP APIs old programs were written for.

:func:`create_app` wires the rooms together and decides nothing.
"""

from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate

from gateway import console, inlets
from gateway.config import Settings
from gateway.dialects import DIALECTS
from gateway.services.clock import Clock, SystemClock
from gateway.services.core import Gateway
from gateway.services.limits import GuessLimits
from gateway.services.schema import MIGRATIONS
from gateway.storage.db import db, engine_options, prepare_engine
from gateway.web import log
from gateway.web.application import install


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Flask:
    """The WSGI application, also used by the dispatcher and the command line for its database.

    Args:
        settings: None reads the environment.
        clock: None is the machine's clock.

    Raises:
        BadSetting: the environment holds a value that cannot be used.
    """
    settings = settings or Settings.from_environment()
    log.configure(settings)
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url, settings.web_threads),
        SECRET_KEY=settings.secret_key[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_key[1:]),
    )
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))
    with app.app_context():
        prepare_engine(db.engine)
        app.extensions["dragoman"] = Gateway(settings, db.engine, GuessLimits(settings), clock or SystemClock())
    install(app, settings, DIALECTS)
    inlets.install(app)
    console.install(app)
    return app
