"""Outside commands that run beside the lab and end with it, even when it is killed.

Run as a program, this is their parent: it ends the command that its arguments are when its standard input does, a pipe
that the lab holds open. So no forwarding and no half-made cluster goes on with nobody to use it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 3.0


@contextmanager
def tied(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The command, which has ended when the block is left; it ends early when its `stdin` is closed.

    It has a session of its own, so that Ctrl-C reaches the lab alone. `stdout` has what it writes on both outputs.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__)), *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def main(argv: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: None)  # goes to the whole session, of which this is the first
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 127
    threading.Thread(target=_end_with_input, daemon=True).start()
    return child.wait()


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGTERM)
    threading.Event().wait(PATIENCE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
