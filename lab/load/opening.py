"""Opens a connection so that its protocol hears of its end, also when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def open_connection(protocol: Callable[[], asyncio.Protocol], host: str, port: int) -> None:
    """Raises OSError. Cancelled, it aborts the connection once it is there.

    uvloop closes one whose opening is cancelled just when it was made, and then never calls `connection_lost`.
    """
    opening = asyncio.ensure_future(asyncio.get_running_loop().create_connection(protocol, host, port))
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_abort)
        raise


def _abort(opened: asyncio.Task[tuple[asyncio.Transport, asyncio.Protocol]]) -> None:
    if not opened.cancelled() and not opened.exception():
        opened.result()[0].abort()
