"""Hears of what other replicas did, on one connection beside the pool, and wakes the streams that wait for it."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from threading import Lock, Thread
from typing import cast

import psycopg
import shop.settings
from flask import Flask, current_app
from psycopg import sql
from serving.streams import Streams
from shop.problems import unavailable
from shop.settings import DATABASE_POOL_TIMEOUT_S
from shop.streams import CHANNEL
from telemetry.errors import message

from flask_service.database import connect

_log = logging.getLogger(__name__)


class Listener:
    def init_app(self, app: Flask, where: shop.settings.Database) -> None:
        """Connects when the first stream needs it."""
        app.extensions["listener"] = _Listener(where)

    def wakes(self, streams: Streams) -> None:
        """From now on a notification wakes those that wait for its payload, or all that are open are ended.

        Raises Problem: 503.
        """
        cast(_Listener, current_app.extensions["listener"]).wakes(streams)


class _Listener:
    def __init__(self, where: shop.settings.Database) -> None:
        self._where = where
        self._lock = Lock()
        self._listens = False

    def wakes(self, streams: Streams) -> None:
        if not self._lock.acquire(timeout=DATABASE_POOL_TIMEOUT_S):
            raise _unavailable()
        try:
            if not self._listens:
                connection = self._connect()
                Thread(target=self._listen, args=(connection, streams), name="listener", daemon=True).start()
                self._listens = True
        finally:
            self._lock.release()

    def _connect(self) -> psycopg.Connection:
        with ExitStack() as unless_it_listens:
            try:
                connection = unless_it_listens.enter_context(closing(connect(self._where)))
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            except psycopg.Error as error:
                _log.warning("listener: %s", message(error))
                raise _unavailable() from None
            unless_it_listens.pop_all()
        return connection

    def _listen(self, connection: psycopg.Connection, streams: Streams) -> None:
        try:
            for notification in connection.notifies():
                streams.wake(notification.payload)
        except psycopg.Error as error:
            _log.warning("listener: %s", message(error))
        finally:
            connection.close()
            with self._lock:  # who opens a stream meanwhile is ended with the others, or listens anew
                self._listens = False
                streams.end_open()


def _unavailable() -> Exception:
    return unavailable("The database does not answer")
