"""Runs a command with LAB_PORT, bound so that replicas can share it, as file descriptor 3.

Node.js can bind it so itself from version 22.12 on; then `start` in service.yaml is `[node, main.js]`.
"""

import contextlib
import os
import socket
import sys

with contextlib.suppress(KeyError, ValueError):  # the service itself says what is wrong with its settings
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((os.environ.get("LAB_HOST", "127.0.0.1"), int(os.environ["LAB_PORT"])))
    os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ["LISTEN_FDS"] = "1"
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
