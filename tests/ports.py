"""Addresses of this machine for servers that a test starts."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
PORTS = range(22_000, 32_000)  # above those of a lab, below those that systems give to outgoing connections


def free_port() -> int:
    """One that nobody listens on now."""
    while True:
        port = random.choice(PORTS)
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            continue
        return port


def free_url() -> str:
    return f"http://{HOST}:{free_port()}"
