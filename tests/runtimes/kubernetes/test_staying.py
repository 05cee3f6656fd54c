"""What the commands of a lab that stays ask of a cluster: whose logs they show, how they end it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.cli import clusters
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.kubernetes.place import Place
from tests.runtimes.kubernetes.programs import program

PLACE = Place("", Path("kind.yaml"), "staging", "lab", None, "registry.example/lab", False)
ROLE = {"frameworklab.dev/role": "catalog"}
OBJECTS = [
    {"kind": "Deployment", "metadata": {"name": "flask-catalog", "labels": ROLE}},
    {"kind": "Deployment", "metadata": {"name": "postgresql", "labels": {}}},
    {"kind": "Deployment", "metadata": {"name": "valkey", "labels": {}}},
    {"kind": "Pod", "metadata": {"name": "flask-catalog-5d9-x2x", "labels": ROLE}},
    {"kind": "Pod", "metadata": {"name": "valkey-7c4-abc", "labels": {}}},
]


@pytest.fixture
def kubectl(programs: Path) -> None:
    """It knows those objects, and repeats what else it is asked for."""
    said = json.dumps({"items": OBJECTS})
    program(programs, "kubectl", f"""case "$*" in *" get "*) echo '{said}';; *) echo "$*";; esac""")


LOGS = [
    # case                  name                     asked of kubectl
    (
        "a service",
        "flask-catalog",
        "--selector=app.kubernetes.io/instance=flask-catalog,frameworklab.dev/role --container=service",
    ),
    ("one replica", "flask-catalog-5d9-x2x", "pod/flask-catalog-5d9-x2x --all-containers"),
    ("part of the platform", "postgresql", "deployment/postgresql --all-containers"),
]


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize(("name", "asked"), [case[1:] for case in LOGS], ids=[case[0] for case in LOGS])
def test_whose_logs_are_shown(name: str, asked: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert clusters.show_logs(PLACE, name, following=True) == 0

    said = capfd.readouterr().out
    assert f" logs {asked} --prefix --tail=-1 " in said
    assert said.endswith(" --follow\n")


@pytest.mark.usefixtures("kubectl")
def test_logs_of_nobody_are_told_with_whose_there_are() -> None:
    there = "there are flask-catalog; beside services, postgresql, valkey and each replica of lab status"
    with pytest.raises(InputError, match=f"no service shop; {there}"):
        clusters.show_logs(PLACE, "shop", following=False)


def test_a_lab_whose_namespace_is_gone_is_ended(programs: Path, tmp_path: Path) -> None:
    PLACE.write(tmp_path)
    program(programs, "kubectl", 'case "$*" in *" get namespace lab --ignore-not-found "*) exit 0;; *) exit 1;; esac')

    assert clusters.end(PLACE, tmp_path) == "Removed the lab from namespace lab of staging."
    assert Place.read(tmp_path) is None


def test_a_cluster_that_does_not_answer_keeps_its_lab_unless_one_says_that_it_is_gone(
    programs: Path, tmp_path: Path
) -> None:
    PLACE.write(tmp_path)
    program(programs, "kubectl", "echo connection refused >&2; exit 1")

    with pytest.raises(RuntimeFailure, match=f"connection refused\nIf .* gone for good, forget it: rm {tmp_path}/"):
        clusters.end(PLACE, tmp_path)

    assert Place.read(tmp_path) == PLACE


def test_a_kind_cluster_is_ended_without_its_configuration(programs: Path, tmp_path: Path) -> None:
    place = Place("lab-none", tmp_path / "none.yaml", "kind-lab-none", "lab", tmp_path / "kubeconfig", "", False)
    place.write(tmp_path)
    program(programs, "docker", "exit 0")
    program(programs, "kind", "exit 0")

    assert clusters.end(place, tmp_path) == "Removed the kind cluster lab-none."
    assert Place.read(tmp_path) is None
