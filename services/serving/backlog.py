"""The kernel's own queue: connections that it holds for a server which has not accepted them."""

from __future__ import annotations

import socket
import struct
import sys

# struct tcp_info in Linux' include/uapi/linux/tcp.h: of a listener, tcpi_unacked is the length of its accept queue.
UNACKED_AT = 24


def accept_queue_length(listener: socket.socket) -> float:
    """NaN where the kernel does not tell (anything but Linux), 0 once the listener is closed."""
    if sys.platform != "linux":
        return float("nan")
    try:
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED_AT + 4)
    except OSError:
        return 0.0
    return float(struct.unpack_from("=I", info, UNACKED_AT)[0])
