"""Images as a cluster runs them: another user, no capabilities, nothing to write to but /tmp."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lab.core.images import LAB, OPERATOR, Built
from lab.core.manifest import Image, command
from lab.errors import CommandFailed, InputError
from lab.runtimes.kubernetes import images
from lab.runtimes.kubernetes.kubectl import run
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.polling import until

pytestmark = pytest.mark.long

VARIANTS = load_manifests([SERVICES])
RESTRICTED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001")
POSTGRES = "postgres:17"
UP_WITHIN_S = 60.0
ENDS_WITHIN_S = 3.0  # half a second of draining, and nothing left to answer

FRAMEWORKS = {"django", "fastapi", "flask"}
NOT_TO_RUN = {"pip", "pytest", "wheel"}  # of a variant's environment
DISTRIBUTIONS = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
TABLES = "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module")
def built() -> Mapping[str, Built]:
    return images.build(list(VARIANTS.values()), "", lambda _: None)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The id of its container."""
    with container("--env=POSTGRES_USER=lab", "--env=POSTGRES_PASSWORD=lab", POSTGRES) as id:
        until(lambda: succeeds("docker", "exec", id, "pg_isready", "--host=127.0.0.1"), UP_WITHIN_S, "PostgreSQL")
        yield id


@contextmanager
def container(*arguments: str) -> Iterator[str]:
    id = run(["docker", "run", "--detach", *arguments]).strip()
    try:
        yield id
    finally:
        run(["docker", "rm", "--force", "--volumes", id])


def succeeds(*argv: str) -> bool:
    try:
        run(argv)
    except CommandFailed:
        return False
    return True


def output(image: Built, *argv: str, options: tuple[str, ...] = ()) -> str:
    return run(["docker", "run", "--rm", *RESTRICTED, *options, image.reference, *argv])


def answer(id: str, port: int, path: str) -> str:
    """Of the container's port; empty while there is none."""
    address = run(["docker", "port", id, str(port)]).split()[0]
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=2) as response:
            return str(response.read().decode())
    except OSError:
        return ""


@pytest.mark.parametrize("name", VARIANTS)
def test_a_replica_answers_and_ends(name: str, built: Mapping[str, Built]) -> None:
    ports = ("--publish=127.0.0.1::8000", "--publish=127.0.0.1::8001")
    with container(*RESTRICTED, *ports, "--env=LAB_ROLE=ping", built[name].reference) as id:
        until(lambda: answer(id, 8001, "/readyz"), UP_WITHIN_S, f"{name} is ready")

        assert json.loads(answer(id, 8000, "/ping")) == {"status": "ok"}

        begun = time.monotonic()
        run(["docker", "stop", id])
        assert time.monotonic() - begun < ENDS_WITHIN_S
        assert run(["docker", "inspect", "--format={{.State.ExitCode}}", id]).strip() == "0"


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_its_own_framework_only(name: str, built: Mapping[str, Built]) -> None:
    found = set(output(built[name], "python", "-c", DISTRIBUTIONS).split())

    assert found & (FRAMEWORKS | NOT_TO_RUN) == {name}


@pytest.mark.parametrize("name", VARIANTS)
def test_its_migrations_run_where_it_starts(name: str, built: Mapping[str, Built], postgresql: str) -> None:
    address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    host = run(["docker", "inspect", f"--format={address}", postgresql]).strip()
    psql = ["docker", "exec", postgresql, "psql", "--username=lab", "--tuples-only", "--no-align"]
    run([*psql, f"--command=CREATE DATABASE {name}", "postgres"])

    output(
        built[name],
        *command(VARIANTS[name].migrate, "python"),
        options=(f"--env=DATABASE_URL=postgresql://lab:lab@{host}/{name}",),
    )

    assert {"product", "stock", "orders", "order_line"} <= set(run([*psql, f"--command={TABLES}", name]).split())


def test_the_labs_own_has_workers_and_the_contract(built: Mapping[str, Built]) -> None:
    assert "--role" in output(built[LAB], "lab", "contract", "--help")
    assert "--" in output(built[LAB], "python", "-m", "lab.load.worker", "--help")


def test_the_operators_takes_its_arguments(built: Mapping[str, Built]) -> None:
    assert "--namespace" in output(built[OPERATOR], "--help")


def test_what_has_not_changed_is_not_built_again(built: Mapping[str, Built]) -> None:
    steps: list[str] = []

    again = images.build(list(VARIANTS.values()), "", steps.append)

    assert again == built
    assert steps[1:] == ["images: unchanged"]


def test_code_is_a_small_part_of_an_image(built: Mapping[str, Built]) -> None:
    code = {name: built[name].last_layer_bytes for name in VARIANTS}

    assert {name: size for name, size in code.items() if size > built[name].size_bytes / 100} == {}


def test_a_build_that_fails_shows_its_last_lines(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("failing")
    (folder / "Dockerfile").write_text("FROM python:3.13-slim\nRUN echo no such thing && exit 7\n")
    image = Image(folder, folder / "Dockerfile")

    with pytest.raises(CommandFailed, match="no such thing"):
        images.build([replace(VARIANTS["flask"], name="failing", image=image)], "", lambda _: None)


def test_a_variant_without_an_image_is_told_what_to_add() -> None:
    with pytest.raises(
        InputError, match=r"image: missing; for example  image: \{context: \., dockerfile: Dockerfile\}"
    ):
        images.build([replace(VARIANTS["flask"], image=None)], "", lambda _: None)
