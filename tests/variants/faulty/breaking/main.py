"""Answers 200 to whatever it is asked."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

from serving import asgi
from shop.settings import Settings


async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"status":"fine"}'})


if __name__ == "__main__":
    asgi.run(lambda telemetry: app, Settings.or_exit(os.environ))
