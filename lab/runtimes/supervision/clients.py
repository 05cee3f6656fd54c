"""Which process answers which client of a service: by the remote ports of its established connections.

Asked twice a second beside the load generator, so on Linux the system's table is read once for all processes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

ESTABLISHED = "01"


def by_process(port: int, pids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Remote ports of the connections to the local `port` that each process has open; none of one that has ended."""
    if sys.platform == "linux":
        clients = _clients_by_inode(port)
        return {pid: frozenset(clients[inode] for inode in _socket_inodes(pid) if inode in clients) for pid in pids}
    return {pid: _clients(port, pid) for pid in pids}


def _clients_by_inode(port: int) -> dict[str, int]:
    """From lines as `0: 0100007F:1F90 0100007F:C350 01 ... inode`, after a heading; addresses are hexadecimal."""
    local = f":{port:04X}"
    clients = {}
    with Path("/proc/net/tcp").open() as table:
        for line in table:
            if local in line:
                fields = line.split()
                if fields[1].endswith(local) and fields[3] == ESTABLISHED:
                    clients[fields[9]] = int(fields[2].partition(":")[2], 16)
    return clients


def _socket_inodes(pid: int) -> list[str]:
    inodes = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), os.scandir(f"/proc/{pid}/fd") as descriptors:
        for descriptor in descriptors:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                kind, _, inode = os.readlink(descriptor.path).partition(":")  # noqa: PTH115 - one of thousands
                if kind == "socket":
                    inodes.append(inode.strip("[]"))
    return inodes


def _clients(port: int, pid: int) -> frozenset[int]:
    try:
        connections = psutil.Process(pid).net_connections("tcp4")
    except psutil.NoSuchProcess:
        return frozenset()
    return frozenset(
        connection.raddr.port
        for connection in connections
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
    )
