"""Tells a client what becomes of an order, as it happens. A stream holds a thread, and while it waits nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import TypeAlias

from flask import Response, current_app, request, stream_with_context
from serving.streams import ENVIRON_KEY, Full, Stream, Streams, Woken
from shop.orders import OrderStatus, is_final
from shop.problems import too_many_streams
from shop.streams import CACHE_CONTROL, HEARTBEAT, HEARTBEAT_S, MEDIA_TYPE, event
from sqlalchemy import Row, bindparam, select
from sqlalchemy.exc import SQLAlchemyError
from telemetry.errors import message

from flask_service.extensions import database, listener
from flask_service.orders.models import OrderEvent
from flask_service.orders.placement import not_found
from flask_service.responses import no_content

Event: TypeAlias = Row[tuple[int, OrderStatus, datetime]]

EVENTS = (
    select(OrderEvent.id, OrderEvent.status, OrderEvent.created_at)
    .where(OrderEvent.order_id == bindparam("order_id"))
    .order_by(OrderEvent.id)
)

_log = logging.getLogger(__name__)


def answer(order_id: int, seen: int) -> Response:
    """The events after `seen`, those to come included. Raises Problem: 503 without room or database, 404."""
    streams: Streams = request.environ[ENVIRON_KEY]
    with ExitStack() as until_answered:
        try:
            stream = until_answered.enter_context(streams.open(str(order_id), request.environ["gunicorn.socket"]))
        except Full as full:
            raise too_many_streams(full.most) from None
        listener.wakes(streams)  # before the events are read, so that none falls in between
        events = _events(order_id)
        if not events:
            raise not_found(order_id)
        if events[-1].id <= seen and is_final(events[-1].status):
            return no_content()
        response = Response(
            stream_with_context(_follow(stream, order_id, events, seen)),
            mimetype=MEDIA_TYPE,
            headers={"Cache-Control": CACHE_CONTROL},
        )
        response.call_on_close(until_answered.pop_all().close)  # a generator that never began would not close it
    return response


def _follow(stream: Stream, order_id: int, events: Sequence[Event], seen: int) -> Iterator[bytes]:
    """Runs inside the request's context, after the view has answered."""
    ends_at = time.monotonic() + current_app.config["STREAM_MAX_S"]
    yield _text(events, seen)  # even if empty: the head of the answer is sent
    heartbeat_at = time.monotonic() + HEARTBEAT_S
    while not is_final(events[-1].status):
        match stream.wait(min(heartbeat_at, ends_at) - time.monotonic()):
            case Woken.OVER:
                return
            case Woken.QUIET if time.monotonic() >= ends_at:
                return
            case Woken.QUIET:
                yield HEARTBEAT
            case Woken.CHANGED:
                seen = max(seen, events[-1].id)
                try:
                    events = _events(order_id)
                except SQLAlchemyError as error:
                    _log.warning("stream: %s", message(error))
                    return
                if events[-1].id <= seen:
                    continue
                yield _text(events, seen)
        heartbeat_at = time.monotonic() + HEARTBEAT_S


def _events(order_id: int) -> Sequence[Event]:
    """All of the order, oldest first."""
    with database.autocommit() as session:
        return session.execute(EVENTS, {"order_id": order_id}).all()


def _text(events: Sequence[Event], seen: int) -> bytes:
    return b"".join(event(*known) for known in events if known.id > seen)
