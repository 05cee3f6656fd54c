"""Addresses of this machine for servers that a test starts."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def free_url() -> str:
    return f"http://{HOST}:{free_port()}"
