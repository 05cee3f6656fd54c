"""A service that keeps the contract's `runtime.md` with nothing but the standard library, and misbehaves on request.

Arguments: `crash` ends at start, `unready` never becomes ready, `forking` serves from a worker below a parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys

DRAIN_S = float(os.environ.get("LAB_DRAIN_S", "0.5"))
PONG = b'{"status":"ok"}'


class Service:
    def __init__(self) -> None:
        self.draining = False
        self.idle: set[asyncio.StreamWriter] = set()
        self.busy = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.idle.add(writer)
                head = await reader.readuntil(b"\r\n\r\n")
                self.idle.discard(writer)
                await self.answer(head.split()[1], writer)
                await writer.drain()
                if self.draining:
                    break
        self.idle.discard(writer)
        writer.close()

    async def answer(self, path: bytes, writer: asyncio.StreamWriter) -> None:
        body = {b"/ping": PONG, b"/environment": json.dumps(dict(os.environ)).encode()}.get(path, b"")
        status = b"200 OK" if body else b"404 Not Found"
        closing = b"Connection: close\r\n" if self.draining else b""
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), closing, body))

    async def health(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        body = self.metrics() if path.startswith(b"/metrics") else b""
        ready = not self.draining and "unready" not in sys.argv
        status = b"200 OK" if ready else b"503 Service Unavailable"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()

    def metrics(self) -> bytes:
        return b""

    async def run(self) -> None:
        host, port, metrics_port = "127.0.0.1", int(os.environ["LAB_PORT"]), int(os.environ["LAB_METRICS_PORT"])
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ending.set)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        server = await asyncio.start_server(self.serve, sock=listener, backlog=1024)
        await asyncio.start_server(self.health, host, metrics_port)
        sys.stderr.write(f"serving on {port}\n")
        await ending.wait()
        self.draining = True
        server.close()
        await asyncio.sleep(DRAIN_S)
        for writer in self.idle:
            writer.close()


def main() -> None:
    if "crash" in sys.argv:
        sys.exit("the fake crashes, as it was told")
    if "forking" in sys.argv and (worker := os.fork()):
        signal.signal(signal.SIGTERM, lambda *_: os.kill(worker, signal.SIGTERM))
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
    asyncio.run(Service().run())


if __name__ == "__main__":
    main()
