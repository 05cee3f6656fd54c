"""The least that can be compared: GET /ping as a plain ASGI application, without a framework."""

from __future__ import annotations

import os
from typing import Any

from serving import asgi
from shop.settings import Settings
from telemetry.asgi import Application, Measured, Scope
from telemetry.setup import Telemetry

JSON = [(b"content-type", b"application/json")]
PROBLEM = [(b"content-type", b"application/problem+json")]
NOT_FOUND = b'{"type":"urn:framework-lab:problem:not-found","title":"Not found","status":404,"detail":"No such path"}'
NOT_ALLOWED = (
    b'{"type":"urn:framework-lab:problem:method-not-allowed","title":"Method not allowed","status":405,'
    b'"detail":"Use GET or HEAD"}'
)


async def app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"] != "/ping":
        await answer(send, 404, PROBLEM, NOT_FOUND)
    elif scope["method"] not in {"GET", "HEAD"}:
        await answer(send, 405, [*PROBLEM, (b"allow", b"GET, HEAD")], NOT_ALLOWED)
    else:
        await answer(send, 200, JSON, b'{"status":"ok"}')


async def answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def measured(telemetry: Telemetry) -> Application:
    """It has metrics; for traces it would need instrumentation."""
    if telemetry.metrics is None:
        return app
    return Measured(app, telemetry.metrics, lambda scope: "/ping" if scope["path"] == "/ping" else "")


if __name__ == "__main__":
    asgi.run(measured, Settings.or_exit(os.environ))
