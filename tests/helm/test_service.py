"""The chart `service`: what it makes of its values, and what it says of wrong ones."""

from __future__ import annotations

import base64
import re
from typing import Any

import jsonschema
import pytest
import yaml

from lab.core.autoscaling import Autoscaler, Autoscaling
from lab.core.telemetry import Telemetry
from lab.report.experiments import HPA_PERCENT, PERCENT
from lab.runtimes.kubernetes import operator, values
from tests.helm import charts, documentation

pytestmark = charts.needs_helm

CHART = "service"
DATABASE = "postgresql://lab:pa55word@postgresql:5432/mine"
DIGEST = "sha256:" + "0123456789abcdef" * 4

Values = dict[str, Any]

MINE: Values = {"variant": "mine", "role": "catalog", "image": {"repository": "example/mine", "tag": "0123456789ab"}}
CATALOG: Values = {**MINE, "database": {"url": DATABASE}}
MIGRATING: Values = {**CATALOG, "migration": {"enabled": True, "command": ["python", "migrate.py"]}}
PING: Values = {**MINE, "role": "ping"}

CASES: dict[str, Values] = {
    "ping": PING,
    "catalog": {
        **MIGRATING,
        "cache": {"url": "redis://valkey:6379/0"},
        "telemetry": {"mode": "official", "otlpEndpoint": "http://otel-collector:4318", "traced": 0.05},
    },
    "orders": {
        **MINE,
        "role": "orders",
        "image": {"repository": "example/mine", "digest": DIGEST},
        "database": {"existingSecret": "theirs", "key": "uri"},
        "catalog": {"url": "http://catalog:8000"},
        "autoscaler": {
            "kind": "hpa",
            "minReplicas": 2,
            "maxReplicas": 6,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
        "resources": {"cpu": 1, "cpuRequest": "100m"},
    },
    "recommend": {**MINE, "role": "recommend", "replicas": 3, "autoscaler": {"kind": "httpautoscaler"}},
    "asked": {
        **PING,
        "autoscaler": {
            "kind": "httpautoscaler",
            "mode": "DryRun",
            "minReplicas": 2,
            "targetUtilization": 60,
            "targetConcurrency": 8,
            "slo": {"latencyMilliseconds": 50, "objectivePercent": 99.9},
            "metrics": {"source": "Prometheus", "prometheus": {"address": "http://prometheus:9090"}},
            "behavior": {"shortWindowSeconds": 5, "scaleDown": {"holdSeconds": 30}},
        },
    },
    "schema": {**MIGRATING, "role": "schema", "serve": False},
    "everything": {
        **MIGRATING,
        "imagePullSecrets": [{"name": "registry"}],
        "shareProcessNamespace": True,
        "topologySpread": {"topologyKey": ""},
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "serviceMonitor": {"enabled": True, "labels": {"release": "kube-prometheus-stack"}},
        "termination": {"preStopSeconds": 0, "gracePeriodSeconds": 12},
        "extraEnv": [{"name": "THEIRS", "value": "1"}],
        "podAnnotations": {"example.com/owner": "them"},
        "nodeSelector": {"example.com/pool": "load"},
    },
}
EACH = pytest.mark.parametrize("case", CASES)


@EACH
def test_it_renders_as_reviewed(case: str) -> None:
    charts.golden(f"service/{case}.yaml", charts.manifest(CHART, CASES[case]))


@EACH
@charts.needs_kubeconform
def test_kubernetes_knows_every_field(case: str) -> None:
    charts.conform(charts.manifest(CHART, CASES[case]))


@EACH
def test_pods_keep_the_restricted_standard(case: str) -> None:
    assert charts.unrestricted(charts.render(CHART, CASES[case])) == []


@pytest.mark.parametrize("case", ["defaults", "everything"])
def test_lint_has_no_complaint(case: str) -> None:
    charts.lint(CHART, CASES.get(case, {}))


@pytest.mark.parametrize("level", ["off", "metrics", "official-100", "official-5", "official-7", "official-0.5"])
def test_pods_name_their_level_of_telemetry_as_the_lab_does(level: str) -> None:
    telemetry = Telemetry.parse(level)
    values = {**PING, "telemetry": {"mode": telemetry.mode.value, "traced": telemetry.traced}}
    (deployment,) = [of for of in charts.render(CHART, values) if of["kind"] == "Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels["frameworklab.dev/telemetry"] == telemetry.name


def test_the_readme_tells_every_value() -> None:
    documentation.documented(CHART)


def test_the_schema_has_every_value() -> None:
    documentation.in_schema(CHART)


def test_oldest_kubernetes() -> None:
    assert charts.render(CHART, MIGRATING, kubernetes="1.30.0")
    assert "1.29.0" in charts.refusal(CHART, MIGRATING, kubernetes="1.29.0")


REFUSED: list[tuple[str, Values, str]] = [
    # case                  what is wrong                                     what is said of it
    ("no variant", {**PING, "variant": ""}, "variant: missing"),
    ("no role", {**PING, "role": ""}, "role: missing"),
    ("role of the Job", {**MINE, "role": "migration"}, "role: migration is what the pods of the Job are called"),
    ("no image", {**PING, "image": {"tag": "1"}}, "image.repository: missing"),
    ("image without tag", {**PING, "image": {"repository": "example/mine"}}, "give a tag or a digest"),
    ("catalog without database", MINE, "role catalog keeps its data in PostgreSQL"),
    ("orders without catalog", {**CATALOG, "role": "orders"}, "catalog.url: role orders reads prices there"),
    ("two databases", {**MINE, "database": {"url": DATABASE, "existingSecret": "x"}}, "not both"),
    ("another database", {**MINE, "database": {"url": "mysql://lab:pa55word@x/y"}}, "begins with postgresql://"),
    ("no command", {**CATALOG, "migration": {"enabled": True}}, "migration.command: missing"),
    ("tag that moves", {**MIGRATING, "image": {"repository": "example/mine", "tag": "latest"}}, "latest moves"),
    ("nothing to migrate", {**MIGRATING, **PING, "database": {}}, "there is no database to migrate"),
    ("nothing at all", {**PING, "serve": False}, "leave nothing to install"),
    ("killed early", {**PING, "termination": {"preStopSeconds": 20}}, "at least preStopSeconds + 12 = 32"),
    (
        "request above limit",
        {**PING, "resources": {"cpuRequest": "0.3"}},
        "0.3 is above the limit, resources.cpu: 250m",
    ),
    ("request of a core", {**PING, "resources": {"cpuRequest": 2, "cpu": "1500m"}}, "cpuRequest: 2 is above the limit"),
    ("no CPU", {**PING, "resources": {"cpu": "0m"}}, "/resources/cpu'"),
    ("no CPU, in cores", {**PING, "resources": {"cpu": "0.0"}}, "/resources/cpu'"),
    ("no CPU requested", {**PING, "resources": {"cpuRequest": 0}}, "/resources/cpuRequest'"),
    ("no CPU requested, in words", {**PING, "resources": {"cpuRequest": "0m"}}, "/resources/cpuRequest'"),
    ("bounds crossed", {**PING, "autoscaler": {"kind": "hpa", "minReplicas": 5}}, "5 is above maxReplicas, 4"),
    (
        "autoscaler that sees nothing",
        {**PING, "autoscaler": {"kind": "httpautoscaler"}, "telemetry": {"mode": "off"}},
        "telemetry.mode: off has them tell nothing",
    ),
    ("more than it can carry", {**PING, "autoscaler": {"targetUtilization": 101}}, "/autoscaler/targetUtilization'"),
    ("variable set twice", {**PING, "extraEnv": [{"name": "LAB_ROLE", "value": "x"}]}, "LAB_ROLE is set by the chart"),
    ("unknown value", {**PING, "replica": 2}, "additional properties 'replica' not allowed"),
    ("unknown autoscaler", {**PING, "autoscaler": {"kind": "keda"}}, "/autoscaler/kind'"),
    ("long drain", {**PING, "termination": {"drainSeconds": 9}}, "/termination/drainSeconds'"),
    ("number as tag", {**PING, "image": {"repository": "example/mine", "tag": 1}}, "/image/tag'"),
]


@pytest.mark.parametrize(("values", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_wrong_values_are_refused_with_a_sentence_that_helps(values: Values, said: str) -> None:
    message = charts.refusal(CHART, values)
    assert said in message
    assert "pa55word" not in message


def test_every_problem_is_told_at_once() -> None:
    assert "3 problems in the values of release demo" in charts.refusal(CHART, {"role": "ping"})


def test_a_long_release_name_leaves_no_room_for_the_job() -> None:
    assert "release name" in charts.refusal(CHART, MIGRATING, release="r" * 36)
    assert len(_job(MIGRATING, release="r" * 35)["metadata"]["name"]) == 63


UNLIKE: list[tuple[str, Values]] = [
    ("another tag", {"image": {"repository": "example/mine", "tag": "ba9876543210"}}),
    ("a digest", {"image": {"repository": "example/mine", "digest": DIGEST}}),
    ("another database", {"database": {"url": DATABASE + "2"}}),
    ("another command", {"migration": {"enabled": True, "command": ["migrate"]}}),
    ("another image of psql", {"schema": {"image": "postgres:18"}}),
]


@pytest.mark.parametrize("change", [case[1] for case in UNLIKE], ids=[case[0] for case in UNLIKE])
def test_what_changes_the_migration_makes_another_job(change: Values) -> None:
    """A Job can't be changed: one whose name stayed would fail the upgrade, or not migrate the new database."""
    assert _job({**MIGRATING, **change})["metadata"]["name"] != _job(MIGRATING)["metadata"]["name"]


def test_what_only_serves_leaves_the_job_as_it_is() -> None:
    assert _job({**MIGRATING, "replicas": 3, "telemetry": {"mode": "off"}}) == _job(MIGRATING)


def test_the_url_of_the_database_is_in_the_secret_and_nowhere_else() -> None:
    documents = charts.render(CHART, MIGRATING)
    secret = next(document for document in documents if document["kind"] == "Secret")
    assert base64.b64decode(secret["data"]["url"]).decode() == DATABASE
    assert [document["kind"] for document in documents if "pa55word" in str(document)] == []


def test_nobody_can_try_passwords_by_what_pods_say_of_the_url() -> None:
    checksum = _deployment(CATALOG)["spec"]["template"]["metadata"]["annotations"]["checksum/database"]
    assert re.fullmatch("[0-9a-f]{8}", checksum)


def test_a_digest_does_not_move_whatever_the_tag() -> None:
    assert _job({**MIGRATING, "image": {"repository": "example/mine", "tag": "latest", "digest": DIGEST}})


def test_another_url_of_the_database_rolls_the_pods() -> None:
    one, other = (_deployment({**CATALOG, "database": {"url": url}}) for url in (DATABASE, DATABASE + "2"))
    assert one["spec"]["template"]["metadata"]["annotations"] != other["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize("kind", ["hpa", "httpautoscaler"])
def test_an_autoscaler_owns_the_number_of_replicas(kind: str) -> None:
    assert "replicas" not in _deployment({**PING, "replicas": 3, "autoscaler": {"kind": kind}})["spec"]


@pytest.mark.parametrize("case", ["recommend", "asked"])
def test_what_it_asks_of_the_operator_the_operator_knows(case: str) -> None:
    _known_to_the_operator(charts.render(CHART, CASES[case]))


@pytest.mark.parametrize("hold_s", [None, 0, 10, 45, 600])
def test_the_operator_knows_what_a_scenario_asks_of_it(hold_s: float | None) -> None:
    told = values.autoscaler(Autoscaling(Autoscaler.HTTPAUTOSCALER, 4, 0.25, hold_s))
    _known_to_the_operator(charts.render(CHART, {**CATALOG, **told}))


def test_autoscalers_aim_at_what_reports_say() -> None:
    aims = yaml.safe_load((charts.ROOT / "helm" / CHART / "values.yaml").read_text())["autoscaler"]
    assert (f"{aims['targetUtilization']} %", f"{aims['targetCPUUtilization']} %") == (PERCENT, HPA_PERCENT)


def test_what_selects_pods_that_serve_selects_no_pod_that_migrates() -> None:
    documents = charts.render(CHART, MIGRATING)
    labels = {
        document["kind"]: document["spec"]["template"]["metadata"]["labels"]
        for document in documents
        if document["kind"] in {"Deployment", "Job"}
    }
    selector = next(document for document in documents if document["kind"] == "Service")["spec"]["selector"]
    assert selector.items() <= labels["Deployment"].items()
    assert not selector.items() <= labels["Job"].items()


def _known_to_the_operator(documents: list[charts.Document]) -> None:
    (asked,) = [of for of in documents if of["kind"] == "HTTPAutoscaler"]
    definitions = [
        of
        for of in charts.render("operator", {"image": {"tag": "v1"}})
        if of["metadata"]["name"] == operator.DEFINITION
    ]
    (version,) = definitions[0]["spec"]["versions"]
    assert asked["apiVersion"] == f"{definitions[0]['spec']['group']}/{version['name']}"
    jsonschema.validate(asked["spec"], _strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"]))


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Refusing, as Kubernetes does where it is asked to, what the schema does not name."""
    if "properties" not in schema:
        return schema
    properties = {name: _strict(of) for name, of in schema["properties"].items()}
    return {**schema, "properties": properties, "additionalProperties": False}


def _deployment(values: Values) -> charts.Document:
    return next(document for document in charts.render(CHART, values) if document["kind"] == "Deployment")


def _job(values: Values, release: str = charts.RELEASE) -> charts.Document:
    rendered = charts.render(CHART, values, release=release)
    return next(document for document in rendered if document["kind"] == "Job")
