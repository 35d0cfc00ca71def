"""``python -m gateway.cli``: the same as ``dragoman`` where the console script is not installed."""

from __future__ import annotations

from gateway.cli import main

if __name__ == "__main__":
    main()
