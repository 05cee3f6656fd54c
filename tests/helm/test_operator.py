"""The chart `operator`: what it makes of its values, what it may do, and what it says of wrong values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.runtimes.kubernetes import values
from lab.runtimes.kubernetes.attached import Work
from tests.helm import charts, documentation

pytestmark = charts.needs_helm

CHART = "operator"
DIGEST = "sha256:" + "0123456789abcdef" * 4

Values = dict[str, Any]

TAGGED: Values = {"image": {"tag": "0123456789ab"}}
CASES: dict[str, Values] = {
    "default": TAGGED,
    "namespaced": {**TAGGED, "namespaces": ["shop", "training"], "crd": {"install": False}},
    "everything": {
        "image": {"repository": "registry.example.com/team/operator", "digest": DIGEST, "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "namespaces": ["shop"],
        "crd": {"install": False},
        "scaleTargets": [{"apiGroup": "argoproj.io", "resource": "rollouts"}],
        "resources": {"limits": {"memory": "512Mi"}},
        "nodeSelector": {"example.com/pool": "system"},
    },
}
EACH = pytest.mark.parametrize("case", CASES)


@EACH
def test_it_renders_as_reviewed(case: str) -> None:
    charts.golden(f"operator/{case}.yaml", charts.manifest(CHART, CASES[case]))


@EACH
@charts.needs_kubeconform
def test_kubernetes_knows_every_field(case: str) -> None:
    charts.conform(charts.manifest(CHART, CASES[case]))


@EACH
def test_its_pod_keeps_the_restricted_standard(case: str) -> None:
    assert charts.unrestricted(charts.render(CHART, CASES[case])) == []


@EACH
def test_lint_has_no_complaint(case: str) -> None:
    charts.lint(CHART, CASES[case])


def test_the_readme_tells_every_value() -> None:
    documentation.documented(CHART)


def test_the_schema_has_every_value() -> None:
    documentation.in_schema(CHART)


def test_oldest_kubernetes() -> None:
    assert charts.render(CHART, TAGGED, kubernetes="1.30.0")
    assert "1.29.0" in charts.refusal(CHART, TAGGED, kubernetes="1.29.0")


REFUSED: list[tuple[str, Values, str]] = [
    # case                 what is wrong                                    what is said of it
    ("no tag", {}, "image.tag: missing; the tag of one build"),
    ("no image", {"image": {"repository": "", "tag": "v1"}}, "image.repository: missing"),
    ("number as tag", {"image": {"tag": 1}}, "/image/tag'"),
    ("unknown value", {**TAGGED, "replicas": 2}, "additional properties 'replicas' not allowed"),
    ("no list of namespaces", {**TAGGED, "namespaces": "shop"}, "/namespaces'"),
    ("no name of a namespace", {**TAGGED, "namespaces": ["*"]}, "/namespaces/0'"),
    ("everything to scale", {**TAGGED, "scaleTargets": [{"apiGroup": "*", "resource": "*"}]}, "/scaleTargets/0/"),
    ("a kind to scale", {**TAGGED, "scaleTargets": [{"apiGroup": "x.dev", "kind": "X"}]}, "/scaleTargets/0'"),
]


@pytest.mark.parametrize(("values", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_wrong_values_are_refused_with_a_sentence_that_helps(values: Values, said: str) -> None:
    assert said in charts.refusal(CHART, values).replace("scaleTargets.0", "scaleTargets/0")


def test_every_problem_is_told_at_once() -> None:
    assert "2 problems in the values of release demo" in charts.refusal(CHART, {"image": {"repository": ""}})


def test_one_replica_at_a_time() -> None:
    spec = _only("Deployment", TAGGED)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_it_is_told_its_namespaces() -> None:
    assert "args" not in _container(TAGGED)
    assert _container(CASES["namespaced"])["args"] == ["--namespace=shop", "--namespace=training"]


def test_its_rights_end_with_the_namespaces_that_are_named() -> None:
    made = charts.render(CHART, CASES["namespaced"])
    outside = {
        (of["kind"], of["metadata"].get("namespace"))
        for of in made
        if of["metadata"].get("namespace") != charts.NAMESPACE
    }
    assert outside == {(kind, namespace) for kind in ("Role", "RoleBinding") for namespace in ("shop", "training")}


@EACH
def test_it_changes_scales_and_its_own_resources_alone(case: str) -> None:
    changes = {
        resource
        for rule in _rules(CASES[case])
        if not {"get", "list", "watch"}.issuperset(rule["verbs"])
        for resource in rule["resources"]
        if not resource.endswith("/scale")
    }
    peerings = {"clusterkopfpeerings", "kopfpeerings"}
    assert changes <= {"httpautoscalers", "httpautoscalers/status", "events"} | peerings


@EACH
def test_it_has_no_right_by_a_wildcard_and_reads_no_secret(case: str) -> None:
    named = {name for rule in _rules(CASES[case]) for names in rule.values() for name in names}
    assert named.isdisjoint({"*", "secrets"})


def test_another_kind_to_scale_is_a_right_more() -> None:
    assert {"apiGroups": ["argoproj.io"], "resources": ["rollouts/scale"], "verbs": ["get", "patch"]} in _rules(
        CASES["everything"]
    )


def test_what_is_left_is_freed_when_the_operator_is_gone() -> None:
    made = charts.render(CHART, CASES["namespaced"])
    hooks = [of for of in made if of["metadata"].get("annotations", {}).get("helm.sh/hook") == "post-delete"]
    assert [of["kind"] for of in hooks] == ["ServiceAccount", "Role", "Role", "RoleBinding", "RoleBinding", "Job"]
    (pod,) = charts.pods(hooks)
    (container,) = pod["spec"]["containers"]
    assert container["args"] == _container(CASES["namespaced"])["args"]


def test_the_platforms_prometheus_finds_it() -> None:
    pod = _only("Deployment", TAGGED)["spec"]["template"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "framework-lab"
    assert [port["name"] for port in pod["spec"]["containers"][0]["ports"]] == ["metrics"]


def test_in_a_lab_it_fits_beside_four_replicas() -> None:
    """The control plane takes 950m of 2,000m, four replicas 1,000m: 50m are for everything else."""
    jobs = [Work(name, name, "an/image:1", (), memory="128Mi").manifest() for name in ("load", "checker")]
    lab = values.operator("framework-lab/operator:v1", charts.NAMESPACE, defines=True)
    requests = [
        container["resources"]["requests"]["cpu"]
        for pod in charts.pods([*charts.render("platform", {}), _only("Deployment", lab), *jobs])
        for container in pod["spec"]["containers"]
    ]
    assert sum(int(cpu.removesuffix("m")) for cpu in requests) <= 50


@pytest.mark.parametrize("defines", [False, True])
def test_a_lab_makes_nothing_but_the_definition_outside_its_namespace(defines: bool) -> None:
    made = charts.render(CHART, values.operator("framework-lab/operator:v1", charts.NAMESPACE, defines=defines))
    outside = {of["kind"] for of in made if of["metadata"].get("namespace") != charts.NAMESPACE}
    assert outside == ({"CustomResourceDefinition"} if defines else set())


def test_who_works_in_one_namespace_may_give_it_its_rights() -> None:
    """Kubernetes lets nobody make a Role of more than they may themselves."""
    role = yaml.safe_load((charts.ROOT / "k8s" / "role.yaml").read_text())
    lab = values.operator("framework-lab/operator:v1", charts.NAMESPACE, defines=False)
    assert _rights(_rules(lab)) - _rights(role["rules"]) == set()


# case, values, what the notes say
SAID: list[tuple[str, Values, str]] = [
    ("everywhere", TAGGED, "looks after the HTTPAutoscalers of all namespaces"),
    ("somewhere", CASES["namespaced"], "looks after the HTTPAutoscalers of shop, training"),
    ("without the definition", CASES["namespaced"], "whoever installed it keeps it up to date"),
]


@pytest.mark.parametrize(("values", "said"), [case[1:] for case in SAID], ids=[case[0] for case in SAID])
def test_notes_say_what_it_looks_after(values: Values, said: str, tmp_path: Path) -> None:
    assert said in charts.notes(CHART, values, tmp_path)


def _rules(values: Values) -> Iterator[charts.Document]:
    for document in charts.render(CHART, values):
        if document["kind"] in {"ClusterRole", "Role"}:
            yield from document["rules"]


def _rights(rules: Iterable[charts.Document]) -> set[tuple[str, str, str]]:
    """Group, resource, verb."""
    return {right for rule in rules for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])}


def _only(kind: str, values: Values) -> charts.Document:
    (found,) = [document for document in charts.render(CHART, values) if document["kind"] == kind]
    return found


def _container(values: Values) -> charts.Document:
    (container,) = _only("Deployment", values)["spec"]["template"]["spec"]["containers"]
    document: charts.Document = container
    return document
