"""What the embedded runtime does with replicas: one process tree each, one port for all of a service's."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab.core.deployment import Usage
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision import ports, processes
from lab.runtimes.supervision.place import choose, servant
from lab.runtimes.supervision.protocol import line
from tests.polling import until
from tests.runtimes.made import connect, deployment, get, variant

pytestmark = pytest.mark.slow


@pytest.fixture
def name(runtime: LocalRuntime, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a service that is gone after the test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    yield name
    if name in (service["name"] for service in runtime.status()["services"]):
        runtime.remove(name)


def test_a_service_is_ready_when_deploy_returns(runtime: LocalRuntime, name: str) -> None:
    service = runtime.deploy(deployment(name))

    replica = service.replicas[0]
    assert json.loads(get(f"{service.url}/ping")) == {"status": "ok"}
    assert get(f"{replica.metrics_url}/readyz") == b""
    assert 0 < replica.ready_s < (replica.first_answer_s or 0) < 10


def test_replicas_share_the_port_and_their_clients_are_told_apart(runtime: LocalRuntime, name: str) -> None:
    service = runtime.deploy(deployment(name, replicas=2))

    connections = [connect(service.url) for _ in range(32)]
    first, second = (usage.clients for usage in runtime.usage(name))
    assert first | second == {connection.getsockname()[1] for connection in connections}
    assert first
    assert second
    assert not first & second
    for connection in connections:
        connection.close()


def test_scale_keeps_the_oldest_replicas(runtime: LocalRuntime, name: str) -> None:
    runtime.deploy(deployment(name))

    grown = [replica.id for replica in runtime.scale(name, 3).replicas]
    shrunk = [replica.id for replica in runtime.scale(name, 2).replicas]

    assert grown == [f"{name}-1", f"{name}-2", f"{name}-3"]
    assert shrunk == grown[:2]
    assert runtime.scale(name, 0).replicas == ()


def test_an_interrupted_scale_is_mended_by_the_next(runtime: LocalRuntime, lab_directory: Path, name: str) -> None:
    runtime.deploy(deployment(name, replicas=3))
    control = choose(lab_directory, servant()).control

    with socket.socket(socket.AF_UNIX) as interrupted:
        interrupted.connect(str(control))
        interrupted.sendall(line({"verb": "scale", "name": name, "replicas": 1}))
        until(lambda: [usage.alive for usage in runtime.usage(name)] != [True] * 3, 10, "the scaling has begun")

    assert len(runtime.scale(name, 3).replicas) == 3
    assert [usage.alive for usage in runtime.usage(name)] == [True] * 3


def test_a_crash_is_noticed_and_mended(runtime: LocalRuntime, name: str) -> None:
    before = runtime.deploy(deployment(name)).replicas[0]

    runtime.kill(before.id)

    usage = until(lambda: restarted(runtime, name, before.pids), 10, "another process of the replica is up")
    assert usage.replica == before.id
    assert [replica.restarts for replica in runtime.scale(name, 1).replicas] == [1]


def restarted(runtime: LocalRuntime, name: str, before: tuple[int, ...]) -> Usage | None:
    usage = runtime.usage(name)[0]
    return usage if usage.alive and usage.pids != before else None


def test_a_parent_and_its_worker_are_one_replica(runtime: LocalRuntime, name: str) -> None:
    runtime.deploy(deployment(name, "forking"))
    usage = runtime.usage(name)[0]
    parent, worker = map(psutil.Process, usage.pids)

    assert parent.pid == worker.ppid()
    assert usage.memory_bytes > 2 << 20
    parent.kill()
    assert not processes.wait([worker], patience_s=5)


def test_usage_counts_the_cpu_of_the_whole_tree(runtime: LocalRuntime, name: str) -> None:
    service = runtime.deploy(deployment(name, "forking"))
    before = runtime.usage(name)[0].cpu_s

    for _ in range(200):
        connect(service.url).close()

    assert runtime.usage(name)[0].cpu_s > before


def test_one_that_crashes_at_start_says_how(runtime: LocalRuntime, name: str) -> None:
    with pytest.raises(RuntimeFailure) as failure:
        runtime.deploy(deployment(name, "crash", replicas=2))

    lines = str(failure.value).splitlines()
    assert lines[0].startswith("exit code 1 from: env -C ")
    assert " LAB_ROLE=ping " in lines[0]
    assert lines[0].endswith(" fake_service.py crash")
    assert lines[1:] == ["  the fake crashes, as it was told"]
    assert name not in [service["name"] for service in runtime.status()["services"]]


def test_a_program_that_is_missing_is_named(runtime: LocalRuntime, name: str) -> None:
    missing = replace(variant(), start=("no-such-program",))

    with pytest.raises(RuntimeFailure, match=r"cannot run env .* no-such-program: "):
        runtime.deploy(replace(deployment(name), variant=missing))


def test_a_port_in_use_is_refused(runtime: LocalRuntime, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(RuntimeFailure, match=f"^port {port} of 127.0.0.1 is in use; end what listens there"):
            runtime.deploy(deployment(name, port=port))


@pytest.mark.skipif(not ports.SHARED_PORTS, reason="ports are shared on Linux only")
def test_a_service_keeps_its_port_for_itself(runtime: LocalRuntime, name: str) -> None:
    service = runtime.deploy(deployment(name))
    runtime.scale(name, 0)
    port = int(service.url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        socket.create_server(("127.0.0.1", port))
    with pytest.raises(OSError, match="in use"):
        ports.hold(port, shared=True)


def test_more_connections_than_there_are_is_refused_before_a_replica_starts(runtime: LocalRuntime, name: str) -> None:
    url = runtime.database_url("postgres")
    runtime.deploy(deployment(name, database_url=url))

    with pytest.raises(RuntimeFailure, match=r"connections to PostgreSQL are asked for; 180 are there") as refused:
        runtime.scale(name, 46)
    assert f"{name}: 46 x 4 = 184" in str(refused.value)  # beside what other services have

    assert len(runtime.usage(name)) == 1


def test_a_name_is_used_once(runtime: LocalRuntime, name: str) -> None:
    runtime.deploy(deployment(name))

    with pytest.raises(RuntimeFailure, match=f"there is a service {name} already"):
        runtime.deploy(deployment(name))


def test_an_unknown_replica_is_answered_with_those_there_are(runtime: LocalRuntime, name: str) -> None:
    there = runtime.deploy(deployment(name)).replicas[0].id
    with pytest.raises(InputError, match=rf"there is no nobody; there are .*{there}"):
        runtime.kill("nobody")


def test_an_unknown_name_is_answered_with_those_there_are(runtime: LocalRuntime, name: str) -> None:
    runtime.deploy(deployment(name))

    with pytest.raises(InputError, match=f"there is no other; there are .*{name}"):
        runtime.scale("other", 2)


def test_a_replica_sees_nothing_of_the_callers_environment(
    runtime: LocalRuntime, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PYTHONPATH", "PYTHONHASHSEED", "HTTP_PROXY", "DATABASE_URL", "LAB_DIR"):
        monkeypatch.setenv(variable, "/from-the-caller")

    service = runtime.deploy(deployment(name))

    seen = json.loads(get(f"{service.url}/environment"))
    assert "/from-the-caller" not in seen.values()
    assert seen["LAB_ROLE"] == "ping"


def test_replicas_and_the_rest_run_on_different_cpus(runtime: LocalRuntime, name: str) -> None:
    if not runtime.generator_cpus():
        pytest.skip(runtime.facts().pinning)
    replica = runtime.deploy(deployment(name)).replicas[0]

    replicas = psutil.Process(replica.pids[0]).cpu_affinity()
    servers = [psutil.Process(server["pid"]).cpu_affinity() for server in runtime.status()["servers"]]

    assert servers == [list(runtime.generator_cpus())] * 2
    assert not set(replicas) & set(runtime.generator_cpus())
