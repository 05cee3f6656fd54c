"""The lab's own receivers: on demand, for each store one, there as long as anyone has spans to send."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.core.deployment import Deployment
from lab.core.telemetry import Telemetry
from lab.errors import RuntimeFailure
from lab.runtimes.local import LocalRuntime, client, lasting_lab
from lab.runtimes.supervision.place import Place
from lab.telemetry.store import reading
from tests.polling import until
from tests.runtimes.made import get, variant

pytestmark = pytest.mark.slow


def described(runtime: LocalRuntime, store: Path) -> Mapping[str, Any]:
    [found] = [receiver for receiver in runtime.status()["receivers"] if receiver["store"] == str(store)]
    return dict(found)


def test_each_store_has_one_receiver(runtime: LocalRuntime, tmp_path: Path) -> None:
    url = runtime.receive(tmp_path / "one.db")

    assert get(f"{url}/readyz") == b""
    assert runtime.receive(tmp_path / "one.db") == url
    assert runtime.receive(tmp_path / "other.db") != url


def test_one_that_dies_is_told_and_started_again_when_it_is_asked_for(runtime: LocalRuntime, tmp_path: Path) -> None:
    store = tmp_path / "spans.db"
    url = runtime.receive(store)
    psutil.Process(described(runtime, store)["pid"]).kill()
    until(lambda: not described(runtime, store)["alive"], 5, "status says that the receiver has ended")

    assert runtime.receive(store) == url
    assert described(runtime, store)["alive"]


def test_a_store_that_cannot_be_made_is_said_and_leaves_nothing(runtime: LocalRuntime, tmp_path: Path) -> None:
    store = tmp_path / "none" / "spans.db"

    with pytest.raises(RuntimeFailure, match=f"cannot receive spans on port .* for {store}: unable to open"):
        runtime.receive(store)

    assert str(store) not in {receiver["store"] for receiver in runtime.status()["receivers"]}


def test_it_ends_after_the_replicas_and_its_spans_stay_until_the_next_lab() -> None:
    manifest = replace(variant("late"), folder=Path(__file__).parent, start=("{python}", "last_words.py"))
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        directory = Path(folder) / "lab"
        store = Place(directory, Path()).spans
        with lasting_lab(lambda _: None, directory) as runtime:
            url = runtime.receive(store)
            pid = described(runtime, store)["pid"]
            runtime.deploy(Deployment("late", manifest, "ping", telemetry=Telemetry.parse("official"), otlp_url=url))

        client.down(directory)

        assert not psutil.pid_exists(pid)
        with reading(store) as reader:
            assert [span.name for span in reader.spans(b"l".hex())] == ["last words"]
        with lasting_lab(lambda _: None, directory):
            assert not store.exists()
        client.down(directory)
