"""What there is to scale, and who else scales it, read from the API's JSON."""

from __future__ import annotations

from typing import Any

import pytest
from scaler.demand import Observed
from scaler.resource import Source
from scaler.targets import (
    ANY,
    Claim,
    Pod,
    Scale,
    Selector,
    UnknownSelectorError,
    horizontal,
    observed,
    own_claim,
    parsed,
    pod,
    pod_keys,
    rival,
    scale,
    selected,
    target_key,
    workload,
)


def made(name: str = "catalog-1", **other: Any) -> dict[str, Any]:
    """A pod that runs, is ready and has the metrics port."""
    body: dict[str, Any] = {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": {"app": "catalog", "pod-template-hash": "a"}},
        "spec": {
            "containers": [
                {"name": "proxy", "resources": {"limits": {"cpu": "2"}}},
                {
                    "name": "service",
                    "ports": [{"name": "http", "containerPort": 8000}, {"name": "metrics", "containerPort": 8001}],
                    "resources": {"limits": {"cpu": "500m"}},
                },
            ]
        },
        "status": {
            "phase": "Running",
            "podIP": "198.19.0.7",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
        },
    }
    for part, fields in other.items():
        body[part] = {**body[part], **fields}
    return body


def found(name: str = "catalog-1", **other: Any) -> Pod:
    one = pod(made(name, **other))
    assert one
    return one


def waiting(reason: str) -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason}}}], "conditions": []}


NOT_PLACED = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
}

PODS = [
    # case                    of the pod                                    ready  leaving unschedulable stuck
    ("serves", {}, (True, False, False, "")),
    ("just made", {"status": {"phase": "Pending", "conditions": None}}, (False, False, False, "")),
    ("no room", {"status": NOT_PLACED}, (False, False, True, "")),
    ("starts", {"status": waiting("ContainerCreating")}, (False, False, False, "")),
    ("crashes", {"status": waiting("CrashLoopBackOff")}, (False, False, False, "CrashLoopBackOff")),
    ("no image", {"status": waiting("ImagePullBackOff")}, (False, False, False, "ImagePullBackOff")),
    ("ends", {"metadata": {"deletionTimestamp": "2026-11-30T02:00:00Z"}}, (True, True, False, "")),
]


@pytest.mark.parametrize(("other", "state"), [case[1:] for case in PODS], ids=[case[0] for case in PODS])
def test_a_pod_is_in_one_state(other: dict[str, Any], state: tuple[bool, bool, bool, str]) -> None:
    one = found(**other)

    assert (one.ready, one.leaving, one.unschedulable, one.stuck) == state


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_none(phase: str) -> None:
    assert pod(made(status={"phase": phase})) is None


def test_an_init_container_that_crashes_counts_too() -> None:
    status = {"initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}

    assert found(status=status).stuck == "CrashLoopBackOff"


def test_a_port_is_found_by_its_name_or_is_a_number() -> None:
    assert found().port("metrics") == 8001
    assert found().port(9000) == 9000
    assert found().port("other") is None


def test_the_cpu_limit_is_that_of_the_container_with_the_port() -> None:
    assert found().cpu("metrics") == 0.5
    assert found().cpu(8001) == 0.5
    assert found().cpu("other") == 2.0
    assert found(spec={"containers": [{"name": "service"}]}).cpu("metrics") is None


SELECTORS = [
    # selector as the API writes it       labels                                      matches
    ("app=catalog", {"app": "catalog", "x": "y"}, True),
    ("app=catalog", {"app": "orders"}, False),
    ("app==catalog,tier!=test", {"app": "catalog"}, True),
    ("app=catalog,tier!=test", {"app": "catalog", "tier": "test"}, False),
    ("app in (catalog, orders)", {"app": "orders"}, True),
    ("app in (catalog,orders),tier", {"app": "orders"}, False),
    ("app notin (catalog)", {"app": "orders"}, True),
    ("app notin (catalog)", {}, True),
    ("!canary", {"app": "catalog"}, True),
    ("!canary", {"canary": "yes"}, False),
    ("app.kubernetes.io/name=catalog", {"app.kubernetes.io/name": "catalog"}, True),
]


@pytest.mark.parametrize(("text", "labels", "matches"), SELECTORS)
def test_a_selector_chooses_by_labels(text: str, labels: dict[str, str], matches: bool) -> None:
    assert parsed(text).matches(labels) is matches
    assert parsed(str(parsed(text))) == parsed(text)


@pytest.mark.parametrize("text", ["", "app in catalog", "app=a b"])
def test_a_selector_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UnknownSelectorError):
        parsed(text)


def test_pods_are_found_by_their_labels_within_their_namespace() -> None:
    index: dict[tuple[str, str, str], list[Pod]] = {}
    for namespace, one in (("shop", found("a")), ("shop", found("b", metadata={"labels": {"app": "orders"}}))):
        for key in pod_keys(namespace, one):
            index.setdefault(key, []).append(one)

    assert [one.name for one in selected(index, "shop", parsed("app=catalog"))] == ["a"]
    assert [one.name for one in selected(index, "shop", parsed("app in (orders)"))] == ["b"]
    assert selected(index, "other", parsed("app=catalog")) == []
    assert len(index["shop", *ANY]) == 2


def test_the_scale_of_a_deployment_is_its_own() -> None:
    body = {
        "metadata": {"resourceVersion": "7"},
        "spec": {
            "replicas": 3,
            "selector": {
                "matchLabels": {"app": "catalog"},
                "matchExpressions": [{"key": "canary", "operator": "DoesNotExist"}],
            },
        },
    }

    assert workload(body) == Scale(3, "7", Selector({"app": "catalog"}, (("canary", "DoesNotExist", frozenset()),)))


def test_the_scale_of_anything_else_is_its_subresource() -> None:
    body = {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 3}, "status": {"selector": "app=catalog"}}

    assert scale(body) == Scale(3, "7", Selector({"app": "catalog"}))


def test_a_target_is_the_same_in_all_its_versions() -> None:
    first, second = (
        target_key("shop", {"apiVersion": f"apps/{version}", "kind": "Deployment", "name": "catalog"})
        for version in ("v1", "v1beta2")
    )

    assert first == second


def autoscaler(name: str, since: str, mode: str = "Active") -> Claim:
    return own_claim(
        {"metadata": {"namespace": "shop", "name": name, "creationTimestamp": since}, "spec": {"mode": mode}}
    )


def hpa(name: str = "catalog", **labels: str) -> Claim:
    return horizontal({"metadata": {"namespace": "shop", "name": name, "creationTimestamp": "3", "labels": labels}})


OWN = autoscaler("catalog", since="2")
CLAIMS = [
    # case                                    own   others                              rival
    ("nobody else", OWN, [OWN], None),
    ("an HPA", OWN, [OWN, hpa()], "HorizontalPodAutoscaler catalog"),
    (
        "KEDA, which makes HPAs",
        OWN,
        [hpa("keda-hpa-x", **{"scaledobject.keda.sh/name": "x"})],
        "KEDA's ScaledObject x (HorizontalPodAutoscaler keda-hpa-x)",
    ),
    ("an older one goes on", OWN, [OWN, autoscaler("other", since="1")], "HTTPAutoscaler other"),
    ("a younger one waits", OWN, [OWN, autoscaler("other", since="3")], None),
    ("of the same second, by name", OWN, [OWN, autoscaler("alpha", since="2")], "HTTPAutoscaler alpha"),
    ("one that only tries", OWN, [OWN, autoscaler("other", "1", mode="DryRun")], None),
    ("one that is paused", OWN, [OWN, autoscaler("other", "1", mode="Paused")], None),
    ("who only tries stands beside an HPA", autoscaler("catalog", "2", mode="DryRun"), [hpa()], None),
]


@pytest.mark.parametrize(("own", "others", "name"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS])
def test_another_autoscaler_of_the_target_is_named(own: Claim, others: list[Claim], name: str | None) -> None:
    other = rival(own, others)

    assert (other.title if other else None) == name


def test_what_is_observed_are_the_pods_that_stay() -> None:
    pods = [
        found("a"),
        found("b", status=waiting("CrashLoopBackOff")),
        found("c", status=NOT_PLACED),
        found("d", metadata={"deletionTimestamp": "2026-11-30T02:00:00Z"}),
    ]

    assert observed(Scale(3, "7", Selector()), pods, (), Source(), hpa()) == Observed(
        replicas=3,
        ready=frozenset({"uid-a"}),
        samples=(),
        cpu_limit=0.5,
        unschedulable=1,
        crashing=1,
        rolling_out=False,
        conflict="HorizontalPodAutoscaler catalog",
    )


def test_pods_of_two_templates_are_a_rollout() -> None:
    next_one = found("b", metadata={"labels": {"app": "catalog", "pod-template-hash": "b"}})

    assert observed(Scale(2, "7", Selector()), [found("a"), next_one], (), Source(), None).rolling_out
