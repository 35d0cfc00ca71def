"""The application for gunicorn: ``gunicorn -c gunicorn.conf.py wsgi:app``. Settings come from the environment."""

from __future__ import annotations

from gateway import create_app

app = create_app()
