"""``make bench``: measures accepting. ``make bench ARGS='dispatch'`` runs another script of this folder, with its own arguments."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HELPERS = {"__init__", "__main__", "customer", "dying", "floor", "load", "trial"}


def main() -> None:
    """Runs the named script, ``accept`` by default."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS)
    wanted = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "accept"
    if wanted not in names:
        sys.exit(f"There is no {wanted}; there are {', '.join(names)}.")
    sys.argv = [f"bench.{wanted}", *[argument for argument in sys.argv[1:] if argument != wanted]]
    runpy.run_module(f"bench.{wanted}", run_name="__main__")


if __name__ == "__main__":
    main()
