"""Ports that nobody else has, and that nobody joins while a service has them.

Replicas share their service's port by SO_REUSEPORT, which would let any process of this user join. So a port is bound
without it first, which fails when anyone has it, and is then held: by a lock that labs respect, and by a socket that
never listens, which turns away all who would bind the port for themselves.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterable

from lab.errors import RuntimeFailure

HOST = "127.0.0.1"
SHARED_PORTS = sys.platform == "linux"  # elsewhere SO_REUSEPORT does not spread connections


class Port:
    """A port that is held until `release`."""

    def __init__(self, number: int, held: Iterable[socket.socket]) -> None:
        self.number = number
        self._held = list(held)

    def release(self) -> None:
        while self._held:
            self._held.pop().close()


def hold(number: int, *, shared: bool) -> Port:
    """Raises OSError (EADDRINUSE) when the port is in use, or another lab's."""
    held = []
    if SHARED_PORTS:
        lock = socket.socket(socket.AF_UNIX)
        held.append(lock)
        lock.bind(f"\0framework-lab-port-{number}")  # a name without a file, which ends with the process
    try:
        _require_free(number)
        if shared and SHARED_PORTS:
            held.append(_placeholder(number))
    except OSError:
        Port(number, held).release()
        raise
    return Port(number, held)


def hold_one(numbers: Iterable[int], *, shared: bool) -> Port:
    """The first port of `numbers` that is free; RuntimeFailure when none is."""
    tried = []
    for number in numbers:
        try:
            return hold(number, shared=shared)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise RuntimeFailure(f"cannot bind port {number}: {error.strerror}") from error
            tried.append(number)
    if len(tried) == 1:
        raise RuntimeFailure(
            f"port {tried[0]} of {HOST} is in use; end what listens there (ss -ltnp 'sport = :{tried[0]}'), "
            "or choose another port"
        )
    raise RuntimeFailure(f"no port from {tried[0]} to {tried[-1]} is free; set LAB_PORTS, for example 30000-30999")


def _require_free(number: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended a moment ago don't count
        probe.bind((HOST, number))
        probe.listen(1)


def _placeholder(number: int) -> socket.socket:
    placeholder = socket.socket()
    placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    placeholder.bind((HOST, number))
    return placeholder
