"""What a resource asks for, and all that is wrong with it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from scaler.resource import Autoscaler, InvalidResourceError, Reference, Source, autoscaler, quantity
from scaler.spec import Behavior, Mode, Objective, Spec, Target

ROOT = Path(__file__).parents[2]
SMALLEST: dict[str, Any] = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "catalog"},
    "maxReplicas": 8,
}


def resource(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "catalog", "generation": 3}, "spec": {**SMALLEST, **spec}}


def test_what_is_not_said_has_the_default() -> None:
    assert autoscaler(resource()) == Autoscaler(
        namespace="shop",
        name="catalog",
        generation=3,
        target=Reference("apps/v1", "Deployment", "catalog"),
        spec=Spec(max_replicas=8),
        source=Source(port="metrics", path="/metrics", prometheus=None),
    )


def test_everything_can_be_said() -> None:
    found = autoscaler(
        resource(
            minReplicas=2,
            mode="DryRun",
            target={"utilizationPercent": 50, "concurrency": 12, "cpu": "500m"},
            slo={"latencyMilliseconds": 100, "objectivePercent": 75},
            metrics={
                "source": "Prometheus",
                "port": 9000,
                "path": "/stats",
                "prometheus": {"address": "http://prometheus:9090/"},
            },
            behavior={
                "shortWindowSeconds": 20,
                "longWindowSeconds": 90,
                "drainSeconds": 5,
                "tolerancePercent": 0,
                "staleSeconds": 30,
                "scaleUp": {"maxPercent": 100},
                "scaleDown": {"maxPercent": 25, "holdSeconds": 300},
            },
        )
    )

    assert found.spec == Spec(
        max_replicas=8,
        min_replicas=2,
        mode=Mode.DRY_RUN,
        target=Target(utilization=0.5, concurrency=12, cpu=0.5),
        objective=Objective(latency_s=0.1, share=0.75),
        behavior=Behavior(20, 90, 5, 0, 1, 0.25, 300, 30),
    )
    assert found.source == Source(9000, "/stats", "http://prometheus:9090")


PROBLEMS = [
    # case                   spec                                         what the message says of it
    ("no target", {"scaleTargetRef": None}, "spec.scaleTargetRef.name: missing"),
    ("no maximum", {"maxReplicas": None}, "spec.maxReplicas: missing"),
    ("maximum below minimum", {"minReplicas": 9}, "spec.maxReplicas: 8 is below 9"),
    ("half a replica", {"minReplicas": 1.5}, "spec.minReplicas: 1.5 is not a whole number"),
    ("unknown mode", {"mode": "Off"}, "spec.mode: 'Off' is none of Active, DryRun, Paused"),
    ("no number", {"target": {"concurrency": "many"}}, "spec.target.concurrency: 'many' is not a number"),
    ("truth for a number", {"slo": {"latencyMilliseconds": True}}, "spec.slo.latencyMilliseconds: True is not a"),
    ("all of it", {"target": {"utilizationPercent": 101}}, "spec.target.utilizationPercent: 101 is above 100"),
    ("none of it", {"target": {"utilizationPercent": 0}}, "spec.target.utilizationPercent: 0 is not above 0"),
    ("no quantity", {"target": {"cpu": "half"}}, "spec.target.cpu: 'half' is not a quantity; for example 500m"),
    ("no CPU", {"target": {"cpu": "0m"}}, "spec.target.cpu: '0m' is not above 0"),
    ("no address", {"metrics": {"source": "Prometheus"}}, "spec.metrics.prometheus.address: missing"),
    ("windows", {"behavior": {"longWindowSeconds": 4}}, "spec.behavior.longWindowSeconds: 4 is below 5"),
]


@pytest.mark.parametrize(("spec", "said"), [case[1:] for case in PROBLEMS], ids=[case[0] for case in PROBLEMS])
def test_a_problem_is_named_by_its_field(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidResourceError, match="spec") as raised:
        autoscaler(resource(**spec))

    assert said in str(raised.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidResourceError) as raised:
        autoscaler(resource(minReplicas=0, mode="Off", target={"cpu": "half"}))

    assert str(raised.value).count("spec.") == 3


def test_a_resource_without_a_spec_is_told_like_any_other() -> None:
    with pytest.raises(InvalidResourceError, match=r"spec\.maxReplicas: missing"):
        autoscaler({"metadata": {"namespace": "shop", "name": "catalog"}})


QUANTITIES = [
    ("250m", 0.25),
    ("1", 1.0),
    (2, 2.0),
    ("0.5", 0.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("2Ki", 2048.0),
    ("1E", 1e18),
]


@pytest.mark.parametrize(("text", "value"), QUANTITIES)
def test_a_quantity_is_a_number(text: str | int, value: float) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "m", "1x", "-1", "1 m"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity(text)


def test_the_schema_of_the_resource_has_the_same_defaults() -> None:
    text = (ROOT / "helm/operator/templates/crd.yaml").read_text()
    plain = "\n".join(line for line in text.splitlines() if "{{" not in line)
    schema = yaml.safe_load(plain)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert autoscaler(resource(**_defaults(schema["properties"]["spec"]))) == autoscaler(resource())


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    inner = {name: one for name, one in schema["properties"].items() if "default" in one}
    return {
        name: _defaults(one) if one["type"] == "object" else one["default"]
        for name, one in inner.items()
        if "type" in one
    }
