"""`python -m lab.telemetry --store FILE --port N`: a receiver on 127.0.0.1, until SIGTERM or SIGINT.

It shares the CPUs of the load generator, which must be on time while spans can wait: so it yields to others.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from pathlib import Path

import uvloop

from lab.telemetry.receiver import serve

NICENESS = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.telemetry")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    os.nice(NICENESS)
    try:
        uvloop.run(serve(options.store, options.port))
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"cannot receive spans on port {options.port} for {options.store}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
