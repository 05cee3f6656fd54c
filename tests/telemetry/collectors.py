"""Collectors that are of no use, each in its way."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.ports import HOST, free_url

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def absent() -> Iterator[str]:
    """Nobody listens."""
    yield free_url()


@contextmanager
def refusing() -> Iterator[str]:
    """It resets each connection, or answers 503, which a sender may try again: by turns."""
    turns = itertools.cycle((True, False))

    def refuse(connection: socket.socket, ending: ExitStack) -> None:
        with connection:
            if next(turns):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            else:
                connection.recv(65_536)
                connection.sendall(UNAVAILABLE)

    with _listening(refuse) as url:
        yield url


@contextmanager
def silent() -> Iterator[str]:
    """It accepts, and never answers."""

    def keep(connection: socket.socket, ending: ExitStack) -> None:
        ending.enter_context(connection)

    with _listening(keep) as url:
        yield url


@contextmanager
def _listening(serve: Callable[[socket.socket, ExitStack], None]) -> Iterator[str]:
    with ExitStack() as ending:
        listener = ending.enter_context(socket.create_server((HOST, 0)))

        def accept() -> None:
            while True:
                try:
                    serve(listener.accept()[0], ending)
                except ConnectionError:
                    continue
                except OSError:  # it is closed
                    return

        threading.Thread(target=accept, daemon=True).start()
        ending.callback(listener.shutdown, socket.SHUT_RDWR)
        yield f"http://{HOST}:{listener.getsockname()[1]}"
