"""The operator as it is started: its arguments, what it serves, its log and its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from scaler.__main__ import arguments

from tests.operator import operating
from tests.operator.operating import SOON_S
from tests.polling import until


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def asked(port: int, path: str) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=SOON_S) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@contextmanager
def started(url: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    named = {"name": "it"}
    content = {
        "current-context": "it",
        "contexts": [{**named, "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{**named, "cluster": {"server": url}}],
        "users": [{**named, "user": {}}],
    }
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(content))
    command = [sys.executable, "-m", "scaler", "--standalone", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_the_program_works_until_it_is_told_to_end(tmp_path: Path) -> None:
    port = free_port()
    with operating.shop() as shop, started(shop.url, tmp_path, port) as process:
        shop.add_autoscaler()
        until(lambda: asked(port, "/healthz"), SOON_S, "it says that it is well")
        until(lambda: shop.status(), SOON_S, "a status")
        assert "lab_autoscaler_desired_replicas" in asked(port, "/metrics")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0

    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    decision = next(line for line in lines if "desired" in line)
    assert decision["object"]["name"] == "catalog"
    assert {"message", "reason", "current", "desired", "recommendations"} <= decision.keys()


def test_without_a_cluster_it_ends_and_says_so(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"} | {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "scaler", "--port", str(free_port())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr == "no cluster: neither a service account nor a kubeconfig; give one by KUBECONFIG\n"


def test_namespaces_are_named_one_by_one() -> None:
    given = arguments(["--namespace", "shop", "--namespace=other"])

    assert given.namespace == ["shop", "other"]
    assert not given.standalone
    assert arguments([]).namespace == []
