"""`python -m lab.runtimes.supervision DIRECTORY`: the supervisor of the lab in that directory.

It says on standard output, in one line, that it can be asked, or why not. It ends everything and itself when its
standard input ends, unless a request has detached it: so it does not outlive the command that started it by accident.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lab.core.pinning import divide
from lab.errors import LabError
from lab.runtimes.supervision.affinity import running_on, usable_cores
from lab.runtimes.supervision.place import choose, make_directory, servant
from lab.runtimes.supervision.protocol import Document, error_document, line
from lab.runtimes.supervision.supervisor import Supervisor, locked


def main() -> int:
    directory = Path(sys.argv[1])
    pinning = divide(usable_cores())
    try:
        user = servant()
        make_directory(directory, user)
        with locked(directory), running_on(pinning.lab):
            asyncio.run(Supervisor(choose(directory, user), user, pinning).run(_report))
    except LabError as error:
        _report({"error": error_document(error)})
        return 1
    return 0


def _report(document: Document) -> None:
    sys.stdout.buffer.write(line(document))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
