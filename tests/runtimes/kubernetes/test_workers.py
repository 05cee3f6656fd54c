"""Load by a Job's workers, which are processes of this machine here."""

from __future__ import annotations

import sys
from collections.abc import Callable

import psutil
import pytest

from lab.runtimes.kubernetes.workers import JobGenerator
from lab.workers import loads
from tests.load.server import Answer, Server, make_load, reply
from tests.runtimes.kubernetes.direct import DirectKubectl, running

RUN = "20261121T215212Z-browse-0632"
NAME = "load-0632"


def test_two_workers_send_one_load(serve: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "START_IN_S", 0.3)
    before = psutil.Process().children()
    kubectl = DirectKubectl([sys.executable, "-m", "lab.load.worker"], running(NAME, 2))
    server = serve(lambda seen: reply())

    with JobGenerator(kubectl, "an/image:1", RUN, workers=2) as generator:
        measured = generator.run(make_load(server.url, rate_per_s=50, duration_s=0.4), lambda: None)

    assert (measured.scheduled, measured.answered, len(server.seen)) == (20, 20, 20)
    assert kubectl.applied[0]["spec"]["completions"] == 2
    assert [command[:2] for command in kubectl.runs] == [("delete", f"job/{NAME}")]
    assert psutil.Process().children() == before
