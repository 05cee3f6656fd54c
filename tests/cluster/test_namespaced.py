"""The runtime `kubernetes`, as somebody uses it who may work in one namespace only, by the Role of `k8s/role.yaml`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.tree import ROOT
from tests.cluster.labs import Lab, said
from tests.stolen import was_measured

pytestmark = pytest.mark.long

PERSON = "person"
THERE_BEFORE = {"configmap/kube-root-ca.crt", "serviceaccount/default", f"serviceaccount/{PERSON}"}
KINDS = "deployments,services,configmaps,secrets,serviceaccounts,jobs,roles"


@dataclass(frozen=True, slots=True)
class Person:
    """`kubectl` is of the namespace, with every right; the commands have the person's."""

    lab: Lab
    kubectl: Kubectl
    directory: Path
    kubeconfig: Path

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        environ = {**os.environ, "LAB_DIR": str(self.directory), "KUBECONFIG": str(self.kubeconfig)}
        return said(self.lab.argv(*arguments), environ, exit_code)

    def on_cluster(self, command: str, *arguments: str, namespace: str = "") -> tuple[str, ...]:
        where = ("--context", self.kubectl.context, "--namespace", namespace or self.kubectl.namespace, "--namespaced")
        return (command, "--runtime", "kubernetes", *where, "--without", self.lab.without, *arguments)


@pytest.fixture(scope="module")
def person(lab: Lab, namespace: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Person:
    folder = tmp_path_factory.mktemp("person")
    namespace.run("create", "serviceaccount", PERSON)
    namespace.run("apply", f"--filename={ROOT / 'k8s' / 'role.yaml'}")
    account = f"--serviceaccount={namespace.namespace}:{PERSON}"
    namespace.run("create", "rolebinding", PERSON, "--role=framework-lab", account)
    config = json.loads(namespace.run("config", "view", "--raw", "--output=json"))
    for user in config["users"]:
        user["user"] = {"token": namespace.run("create", "token", PERSON).strip()}
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    return Person(lab, namespace, folder / "lab", kubeconfig)


@pytest.fixture(scope="module")
def compared(person: Person) -> Iterator[str]:
    results = ("--results", str(person.directory / "results"))
    given = ("--variants", "flask", "--scenario", "coldstart", "--quick", *results)
    yield person.run(*person.on_cluster("compare", *given))
    person.run("down")


def test_a_namespace_that_is_not_theirs_says_so(person: Person) -> None:
    refused = person.run(*person.on_cluster("up", "--variants", "flask", namespace="kube-system"), exit_code=1)
    assert "forbidden" in refused


def test_a_comparison_ends_with_its_results(person: Person, compared: str) -> None:
    found = json.loads((person.directory / "results" / "latest" / "summary.json").read_text(encoding="utf-8"))
    assert found["runtime"]["name"] == "kubernetes"
    assert was_measured(found["variants"]["flask"]), found


def test_a_lab_that_stays_is_known_scaled_and_told_of(person: Person, compared: str) -> None:
    person.run(*person.on_cluster("up", "--variants", "flask"))

    assert "flask-catalog: 2\n" in person.run("scale", "flask-catalog", "2")
    assert "http://flask-catalog:8000" in person.run("status")
    assert "ready to accept" in person.run("logs", "postgresql")


def test_the_end_of_a_lab_leaves_the_namespace_as_it_was(person: Person, compared: str) -> None:
    person.run("down")

    left = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in person.kubectl.items("get", KINDS)}
    assert left == THERE_BEFORE | {"role/framework-lab"}
