"""Fake variants and what tests ask of the system about the processes of a lab."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.runtimes.supervision.place import choose, servant

HERE = Path(__file__).parent


def variant(name: str = "fake", *arguments: str, migrate: tuple[str, ...] = ()) -> Manifest:
    """Played by `fake_service.py`, which gets the arguments."""
    return Manifest(
        name=name,
        title="Fake",
        folder=HERE,
        roles=("catalog",),
        start=("{python}", "fake_service.py", *arguments),
        migrate=("{python}", "fake_migrations.py", *migrate),
        versions=(),
        baselines={},
        middleware=(),
        differences=(),
        outside_contract=(),
    )


def deployment(name: str, *arguments: str, replicas: int = 1, port: int = 0, database_url: str = "") -> Deployment:
    return Deployment(
        name, variant("fake", *arguments), "ping", replicas=replicas, port=port, database_url=database_url
    )


def get(url: str) -> bytes:
    """The body of a 200."""
    address, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(address, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        assert answer.status == 200, url
        return answer.read()


def connect(url: str) -> socket.socket:
    """A connection that has been answered, so that a replica has accepted it."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=5)
    connection.sendall(b"GET /ping HTTP/1.1\r\nHost: fake\r\n\r\n")
    assert connection.recv(1024).startswith(b"HTTP/1.1 200")
    return connection


def processes_of(directory: Path) -> list[psutil.Process]:
    """Living processes that mention the lab's directory or its servers' place in how they were started."""
    marks = {str(directory)}
    if directory.exists():
        marks.add(str(choose(directory, servant()).server))
    return [
        process for process in psutil.process_iter() if any(mark in text for mark in marks for text in _texts(process))
    ]


def _texts(process: psutil.Process) -> Iterator[str]:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            yield from process.cmdline()
            yield process.cwd()
            yield from process.environ().values()
