"""A worker that is no web server: esg-reload restarts it when this file or a settings file (.toml) beside it changes.

Run it with:  python examples/reload_worker.py
"""

import logging
import sys
import time
from pathlib import Path

from esg_reload import Files, Reloader

GREETING = "working"


def work() -> None:
    """Runs in a fresh process, from this file in its current state; SIGTERM raises SystemExit in it."""
    try:
        while True:
            print(GREETING, flush=True)
            time.sleep(1)
    finally:
        print("cleaning up unfinished work", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    files = Files(Path(__file__).parent, includes=["*.toml"])
    sys.exit(Reloader("reload_worker:work", files).run())
