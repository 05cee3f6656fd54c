"""A command that needs a lab, as `lab compare` does: opens the one in the directory given, starts a service, waits."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from lab.runtimes.local import local_lab
from tests.runtimes.made import deployment, variant

if __name__ == "__main__":
    with local_lab(lambda _: None, Path(sys.argv[1])) as runtime:
        if "database" in sys.argv:
            runtime.database(variant(), "one")
        runtime.deploy(deployment("one", replicas=2))
        sys.stdout.write("all up\n")
        sys.stdout.flush()
        signal.pause()
