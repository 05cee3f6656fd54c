"""Answers requests on the control socket; a request ends, half done, when its client hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from lab.errors import LabError
from lab.runtimes.supervision.protocol import LINE_MAX_BYTES, Document, error_document, line


class Control:
    """`answer` gets a request and returns its result; a LabError that it raises is told to the client."""

    def __init__(self, answer: Callable[[Document], Awaitable[Document]]) -> None:
        self._answer = answer
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._connected, path, limit=LINE_MAX_BYTES)
        os.chmod(path, 0o600)  # noqa: PTH101 - a system call that does not wait

    async def close(self) -> None:
        """Ends requests that are being answered, too."""
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                if request := await reader.readline():
                    writer.write(line(await self._unless_hung_up(json.loads(request), reader)))
                    await writer.drain()
            finally:
                writer.close()

    async def _unless_hung_up(self, request: Document, reader: asyncio.StreamReader) -> Document:
        answer = asyncio.create_task(self._result(request))
        hung_up = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({answer, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionResetError
            return answer.result()
        finally:
            hung_up.cancel()
            answer.cancel()
            await asyncio.wait({answer})

    async def _result(self, request: Document) -> Document:
        try:
            return {"result": await self._answer(request)}
        except LabError as error:
            return {"error": error_document(error)}
        except Exception as error:  # told to the client as well as to the log; the lab goes on
            traceback.print_exc(file=sys.stderr)
            return {"error": {"text": f"the supervisor failed at {request.get('verb')}: {error!r}; see supervisor.log"}}
