"""Answers that last, of a server with a thread for each request: how many it holds, what wakes them, what ends them.

The server puts its `Streams` into the environment of every request as `serving.streams`. The application opens one for
an answer, tells it what it waits for, and wakes whoever waits for something that happened.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Hashable
from enum import Enum
from typing import Self

ENVIRON_KEY = "serving.streams"
THREADS_KEPT = 2  # for requests that do not last


class Full(Exception):
    """As many streams are open as there may be; `most` says how many."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} streams are open")
        self.most = most


class Woken(Enum):
    CHANGED = "changed"  # what it waits for happened
    QUIET = "quiet"  # nothing did, for the time given
    OVER = "over"  # the client has gone, or the streams were ended


class Streams:
    """The streams of one worker with so many threads. Safe to use from any of them, and from a signal handler."""

    def __init__(self, threads: int) -> None:
        self.most = max(0, threads - THREADS_KEPT)
        self._open: set[Stream] = set()
        self._lock = threading.RLock()
        self._ended = False

    def open(self, topic: Hashable, client: socket.socket) -> Stream:
        """A stream that waits for `topic`, to be used in a `with` block. Raises Full."""
        with self._lock:
            if len(self._open) >= self.most:
                raise Full(self.most)
            stream = Stream(self, topic, client)
            self._open.add(stream)
            if self._ended:
                stream.end()
            return stream

    def wake(self, topic: Hashable) -> None:
        """Something happened to `topic`."""
        with self._lock:
            for stream in self._open:
                if stream.topic == topic:
                    stream.wake()

    def end_open(self) -> None:
        """Ends those that are open now, for example because nobody will hear any more of what happens."""
        with self._lock:
            for stream in self._open:
                stream.end()

    def end(self) -> None:
        """Ends those that are open, and whichever is opened from now on, as soon as they wait."""
        self._ended = True
        self.end_open()

    def closed(self, stream: Stream) -> None:
        with self._lock:
            self._open.discard(stream)


class Stream:
    def __init__(self, streams: Streams, topic: Hashable, client: socket.socket) -> None:
        self.topic = topic
        self._streams = streams
        self._client = client
        self._ended = False
        self._bell, self._rope = socket.socketpair()
        self._rope.setblocking(False)

    def wait(self, timeout_s: float) -> Woken:
        """Blocks until something happened, or for so long; a time in the past is none."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        poll.register(self._client, select.POLLIN)  # a client that waits for an answer sends nothing but its end
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, timeout_s) * 1000)}
        if self._ended or self._client.fileno() in ready:
            return Woken.OVER
        if not ready:
            return Woken.QUIET
        self._bell.recv(4096)
        return Woken.CHANGED

    def wake(self) -> None:
        try:
            self._rope.send(b"\0")
        except BlockingIOError:
            """It has not yet noticed thousands of wakings, and will."""

    def end(self) -> None:
        self._ended = True
        self.wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Makes room for another one. Closing twice does nothing."""
        self._streams.closed(self)
        self._bell.close()
        self._rope.close()
