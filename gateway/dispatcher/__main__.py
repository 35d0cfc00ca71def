"""``python -m gateway.dispatcher``."""

from __future__ import annotations

import sys

from gateway import create_app
from gateway.dispatcher.main import run

if __name__ == "__main__":
    sys.exit(run(create_app()))
