"""Prints the versions of the Python distributions named as arguments, as a JSON object."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version

if __name__ == "__main__":
    found = {"python": platform.python_version(), **{name: version(name) for name in sys.argv[1:]}}
    sys.stdout.write(json.dumps(found) + "\n")
