"""How this process hears of orders that moved: on one connection to the database, which does nothing else."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError, Future

import psycopg
from django.db import connection
from serving.streams import Streams
from shop.problems import unavailable
from shop.settings import DATABASE_POOL_TIMEOUT_S
from shop.streams import CHANNEL
from telemetry.errors import message

logger = logging.getLogger(__name__)


class Listener:
    """Its thread begins with the first stream, and ends, together with all streams, when its connection is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: Future[None] | None = None

    def listen(self, streams: Streams) -> None:
        """Once it returns, an order that moves wakes those of `streams` whose topic is its id, as text.

        Raises Problem (503) when it can't listen. Call it with a stream open: that one will be ended, too.
        """
        with self._lock:
            begun = self._begun
            if begun is None:
                begun = self._begun = Future()
                threading.Thread(target=self._run, args=(begun, streams), name="order-events", daemon=True).start()
        try:
            begun.result(DATABASE_POOL_TIMEOUT_S)
        except (CancelledError, TimeoutError):
            raise unavailable("The database does not answer") from None

    def _run(self, begun: Future[None], streams: Streams) -> None:
        try:
            # None of Django's, of which each thread that serves requests has one
            with psycopg.connect(**connection.get_connection_params(), autocommit=True) as listening:
                listening.execute(f"LISTEN {CHANNEL}")
                begun.set_result(None)
                for notification in listening.notifies():
                    streams.wake(notification.payload)
        except psycopg.Error as error:
            logger.warning("No longer listening to orders: %s", message(error))
        finally:
            with self._lock:
                self._begun = None
            begun.cancel()
            streams.end_open()


listener = Listener()  # this process's
