"""What is removed at the end, whatever of it fails to go. The supervisor is one that only says what it was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.errors import RuntimeFailure
from lab.runtimes.local import LocalRuntime
from lab.runtimes.local.client import Client
from lab.runtimes.supervision.protocol import Document
from tests.runtimes.made import deployment, variant

NAMES = ("one", "two")


class Asked(Client):
    """Deploys all, and fails at the verbs in `failing`. There is no PostgreSQL, so that no database can be dropped."""

    def __init__(self, nowhere: Path, failing: str) -> None:
        super().__init__(nowhere)
        self.verbs: list[str] = []
        self._failing = failing
        self._nowhere = str(nowhere)

    def ask(self, verb: str, **arguments: Any) -> Document:
        self.verbs.append(verb)
        if verb == self._failing:
            raise RuntimeFailure(f"cannot {verb}")
        match verb:
            case "ready":
                pinning = {"replicas": [], "lab": [], "text": ""}
                paths = dict.fromkeys(("sockets", "token_key", "model"), self._nowhere)
                return {"components": {}, "pinning": pinning, **paths}
            case "status":
                return {"services": [{"name": name} for name in NAMES]}
            case "deploy":
                return {"name": arguments["plan"]["name"], "url": "", "replicas": []}
        return {"url": ""}


FAILING = [
    # case                        verb          -> what is asked all the same
    ("only databases", "none", ["status", "remove", "remove", "stop receiving"]),
    ("services too", "remove", ["status", "remove", "remove", "stop receiving"]),
    ("the supervisor's status", "status", ["status", "stop receiving"]),
]


@pytest.mark.parametrize(("failing", "asked"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING])
def test_what_fails_to_go_keeps_nothing_else(tmp_path: Path, failing: str, asked: list[str]) -> None:
    client = Asked(tmp_path / "nowhere", failing)
    runtime = LocalRuntime(client, lambda _: None)
    for name in NAMES:
        runtime.deploy(deployment(name))
    with pytest.raises(RuntimeFailure, match="cannot make the database"):
        runtime.database(variant(), "data")
    runtime.receive(tmp_path / "spans.db")
    client.verbs.clear()

    with pytest.raises(RuntimeFailure):
        runtime.remove_all()
    assert client.verbs == asked
