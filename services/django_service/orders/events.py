"""The events of one order, as bytes of its stream."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import monotonic

from django.conf import settings
from django.db import Error
from django.http import Http404
from serving.streams import Stream, Woken
from shop.orders import OrderStatus, is_final
from shop.streams import HEARTBEAT, HEARTBEAT_S, event
from telemetry.errors import message

from django_service.orders.models import OrderEvent

logger = logging.getLogger(__name__)


class Events:
    """The events after `last_id`; whoever iterates waits for those to come.

    Raises Http404. `known` are those that there are already, `over` says that no others will come. It closes `stream`
    when it is closed, iterated or not: closing a generator that never began would do nothing.
    """

    def __init__(self, order_id: int, last_id: int, stream: Stream) -> None:
        self._order_id = order_id
        self._last_id = last_id
        self._stream = stream
        self.known = self._read()

    def __iter__(self) -> Iterator[bytes]:
        yield self.known  # also if there is none: it sends the headers
        ends = monotonic() + settings.SHOP_STREAM_MAX_S
        beats = monotonic() + HEARTBEAT_S
        while not self.over:
            woken = self._stream.wait(max(0.0, min(ends, beats) - monotonic()))
            if woken is Woken.OVER or monotonic() >= ends:
                return
            try:
                news = self._read() if woken is Woken.CHANGED else HEARTBEAT
            except Error as error:
                logger.warning("A stream ends: %s", message(error))
                return
            if news:
                yield news
                beats = monotonic() + HEARTBEAT_S

    def close(self) -> None:
        self._stream.close()

    def _read(self) -> bytes:
        of_order = OrderEvent.objects.filter(order_id=self._order_id).order_by("id")
        events = list(of_order.values_list("id", "status", "created_at"))
        if not events:
            raise Http404("No Order matches the given query.")
        news = [event(*known) for known in events if known[0] > self._last_id]
        last_id, status, _ = events[-1]
        self._last_id = max(self._last_id, last_id)
        self.over = is_final(OrderStatus(status))
        return b"".join(news)
