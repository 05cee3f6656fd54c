"""Which failures to connect are worth another try."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from lab.core.connecting import passes

CASES = [
    # case                          errno                 passes
    ("a Service without endpoints", errno.ECONNREFUSED, True),
    ("a Service that is not routed yet", errno.EHOSTUNREACH, True),
    ("a network that is not there", errno.ENETUNREACH, False),
    ("a connection that was cut", errno.ECONNRESET, False),
]


@pytest.mark.parametrize(("number", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_passes(number: int, expected: bool) -> None:
    assert passes(OSError(number, os.strerror(number))) is expected


def test_a_name_that_nobody_knows_does_not_pass() -> None:
    assert not passes(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
