"""The operator as a whole, by its requests to an API that may fail, and by what it makes of replicas over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.operator import operating
from tests.operator.operating import (
    AUTOSCALERS,
    DEPLOYMENTS,
    HORIZONTALS,
    INTERVAL_S,
    NAMESPACE,
    PODS,
    SCALE,
    SOON_S,
    Shop,
    decided,
    scaled,
)
from tests.polling import until


def test_a_load_is_answered_with_replicas_and_a_reason(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 200

    with shop.operated():
        scaled(shop, 3)
        decided(shop, "WithinTarget")

    [first, *_] = shop.requests(SCALE)
    assert first.data == {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 3}}
    assert ("Normal", "TooMuchLoad") in [(kind, reason) for kind, reason, _ in shop.events()]
    assert any(message.startswith("1 → 3: ") for _, _, message in shop.events())
    assert shop.condition("Ready") == ("True", "Scaling")


def test_where_nothing_changes_the_api_is_asked_for_nothing(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 30

    with shop.operated() as operator:
        decided(shop, "WithinTarget")
        operator.works(2)
        before = len(shop.requests(""))
        operator.works(10)
        assert shop.requests("")[before:] == []


def test_a_dry_run_tells_and_changes_nothing(shop: Shop) -> None:
    shop.add_autoscaler(mode="DryRun")
    shop.load.rate_per_s = 200

    with shop.operated() as operator:
        until(lambda: shop.status().get("desiredReplicas") == 3, SOON_S, "three replicas are wanted")
        operator.works()

    assert shop.replicas == 1
    assert shop.requests(SCALE) == []
    assert shop.condition("Ready") == ("False", "DryRun")
    assert len([message for _, _, message in shop.events() if message.startswith("Dry run: 1 → 3")]) == 1


def test_a_paused_one_does_nothing_until_it_is_active_again(shop: Shop) -> None:
    shop.add_autoscaler(mode="Paused")
    shop.load.rate_per_s = 200

    with shop.operated() as operator:
        decided(shop, "Paused")
        operator.works()
        assert shop.requests(SCALE) == []
        shop.send("PATCH", AUTOSCALERS, "catalog", {"spec": {"mode": "Active"}})
        scaled(shop, 3)


def test_of_two_autoscalers_the_older_goes_on_and_the_younger_says_so(shop: Shop) -> None:
    shop.add_autoscaler("catalog", since="2026-11-30T02:00:00Z")
    shop.add_autoscaler("later", since="2026-11-30T03:00:00Z", maxReplicas=2)
    shop.load.rate_per_s = 200

    with shop.operated():
        scaled(shop, 3)
        decided(shop, "Conflicted", "later")

    assert shop.condition("Conflicted", "later") == ("True", "OtherAutoscaler")
    assert "HTTPAutoscaler catalog scales the same target" in shop.status("later")["message"]
    assert len(shop.requests(SCALE)) == 1


def test_beside_an_hpa_it_leaves_the_target_alone_until_the_hpa_is_gone(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.add_hpa()
    shop.load.rate_per_s = 200

    with shop.operated():
        decided(shop, "Conflicted")
        assert shop.requests(SCALE) == []
        shop.send("DELETE", HORIZONTALS, "catalog")
        scaled(shop, 3)


def test_an_hpa_whose_end_no_watch_told_does_not_hold_it(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.add_hpa()
    shop.fail("^GET .*/horizontalpodautoscalers/catalog", operating.answers(404))
    shop.load.rate_per_s = 200

    with shop.operated():
        scaled(shop, 3)


def test_a_replica_that_tells_nothing_leaves_all_as_it_is_and_is_named(shop: Shop) -> None:
    shop.add_autoscaler(minReplicas=1)
    shop.api.objects[DEPLOYMENTS, NAMESPACE, "catalog"].patch({"spec": {"replicas": 5}})
    shop.load.silent = True

    with shop.operated() as operator:
        decided(shop, "NoData")
        operator.works()

    assert shop.replicas == 5
    assert shop.status()["message"] == "5 stay: no replica tells what it does (catalog-1: 503 Service Unavailable)"
    assert shop.condition("MetricsAvailable") == ("False", "NoData")


def test_a_pod_whose_end_no_watch_told_is_not_waited_for(shop: Shop) -> None:
    """Kopf's indexes keep it, as its watch begins anew with a list of what there is."""
    shop.add_autoscaler()
    shop.add_pod("catalog-gone", port=1)
    shop.fail("^GET .*labelSelector=app%3Dcatalog", operating.lists("catalog-1"))
    shop.load.rate_per_s = 30

    with shop.operated():
        decided(shop, "WithinTarget")

    assert shop.condition("MetricsAvailable") == ("True", "AllReplicas")


def test_a_target_that_is_not_there_is_named_and_looked_after_once_it_is(shop: Shop) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
    shop.add_autoscaler(scaleTargetRef=target)
    shop.load.rate_per_s = 30

    with shop.operated():
        decided(shop, "TargetNotFound")
        assert shop.status()["message"] == "there is no Deployment orders in the namespace"
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "catalog"}}}
        shop.send("POST", DEPLOYMENTS, body={"metadata": {"name": "orders", "namespace": NAMESPACE}, "spec": spec})
        until(lambda: shop.status().get("currentReplicas") == 2, SOON_S, "two replicas are seen")


def test_anything_with_a_scale_can_be_a_target(shop: Shop) -> None:
    shop.serve("argoproj.io/v1alpha1/rollouts", "Rollout")
    body = {"metadata": {"name": "catalog"}, "spec": {"replicas": 1}, "status": {"selector": "app=catalog"}}
    shop.put("argoproj.io/v1alpha1/rollouts", body)
    shop.add_autoscaler(scaleTargetRef={"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "catalog"})
    shop.load.rate_per_s = 200

    with shop.operated():
        until(lambda: shop.requests("^PATCH .*/rollouts/catalog/scale"), SOON_S, "the rollout is scaled")

    assert len(shop.requests("^GET /apis/argoproj.io/v1alpha1$")) <= 2  # Kopf's, and the one that is remembered


def test_a_kind_without_a_scale_is_named(shop: Shop) -> None:
    shop.add_autoscaler(scaleTargetRef={"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "catalog"})

    with shop.operated():
        decided(shop, "TargetNotFound")

    assert "the API has no kind DaemonSet in apps/v1" in shop.status()["message"]


def test_a_resource_that_asks_for_what_cannot_be_says_so(shop: Shop) -> None:
    shop.add_autoscaler(minReplicas=9)

    with shop.operated():
        decided(shop, "TickFailed")

    assert shop.status()["message"] == "0 stay: spec.maxReplicas: 8 is below 9"


def test_a_storm_of_events_decides_no_more_often(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 30

    with shop.operated() as operator:
        decided(shop, "WithinTarget")
        began, before = time.monotonic(), operator.ticks()
        for number in range(20):
            for plural, name in ((PODS, "catalog-1"), (DEPLOYMENTS, "catalog"), (AUTOSCALERS, "catalog")):
                shop.send("PATCH", plural, name, {"metadata": {"annotations": {"n": str(number)}}})
        operator.works()
        # One that was due before it began, and one that came later than the next.
        assert operator.ticks() - before <= (time.monotonic() - began) / INTERVAL_S + 2


def test_of_two_operators_one_works_and_the_other_takes_over(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 30

    with shop.operated(peering=True, priority=1) as second:
        second.works()
        with shop.operated(peering=True, priority=2) as first:
            first.works()
            until(lambda: second.metrics.age_s() == 0, SOON_S, "the other one has stopped")
            before = second.ticks()
            first.works(10)
            assert second.ticks() == before
            assert second.metrics.healthy
        second.works()


def test_in_namespaces_that_are_named_nothing_beyond_them_is_asked_for(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 200

    with shop.operated(namespaces=[NAMESPACE], peering=True) as operator:
        scaled(shop, 3)
        operator.works()

    discovery = r"GET /apis?(/[^/]+){0,2}$"
    within = rf"[A-Z]+ /apis?/.*/namespaces/{NAMESPACE}/"
    assert [f"{one.method.value} {one.url.path}" for one in shop.requests(f"^(?!{discovery})(?!{within})")] == []
    assert shop.requests(rf"^PATCH .*/namespaces/{NAMESPACE}/kopfpeerings/framework-lab")


def test_a_start_anew_changes_nothing_that_was_said(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 30

    with shop.operated():
        decided(shop, "WithinTarget")
    events, reasons = shop.events(), shop.reasons()
    with shop.operated() as operator:
        operator.works(5)

    assert shop.events() == events
    assert shop.reasons() == reasons


def test_a_scale_right_after_a_start_anew_is_told(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.load.rate_per_s = 30

    with shop.operated():
        decided(shop, "WithinTarget")
    shop.send("PATCH", AUTOSCALERS, "catalog", {"spec": {"minReplicas": 3}})
    with shop.operated():
        scaled(shop, 3)
        until(lambda: any(message.startswith("1 → 3: ") for _, _, message in shop.events()), SOON_S, "an event")
        until(lambda: shop.status().get("lastScaleTime"), SOON_S, "the time in the status")


def minutes_ago(count: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=count)).strftime("%Y-%m-%dT%H:%M:%SZ")


TOLD = [
    # case                                   what the timeline has, and since how many minutes   events
    ("for the first time", [("WithinTarget", 4)], 1),
    ("again within ten minutes", [("RequestsFail", 5), ("WithinTarget", 4)], 0),
    ("again after longer", [("RequestsFail", 30), ("WithinTarget", 11)], 1),
]


@pytest.mark.parametrize(("timeline", "events"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
def test_a_trouble_that_replicas_do_not_mend_is_told_once(
    shop: Shop, timeline: list[tuple[str, float]], events: int
) -> None:
    shop.add_autoscaler()
    since = {"lastTransitionTime": minutes_ago(30)}
    conditions = [
        {"type": "Ready", "status": "True", "reason": "Scaling", **since},
        {"type": "Limited", "status": "False", "reason": "WithinBounds", **since},
    ]
    entries = [
        {"time": minutes_ago(minutes), "replicas": 1, "desired": 1, "reason": reason, "message": ""}
        for reason, minutes in timeline
    ]
    stored = {"currentReplicas": 1, "conditions": conditions, "timeline": entries}
    shop.api.objects[AUTOSCALERS, NAMESPACE, "catalog"].patch({"status": stored})
    shop.load.rate_per_s, shop.load.status_code = 30, 500

    with shop.operated() as operator:
        decided(shop, "RequestsFail")
        operator.works()

    assert [(kind, reason) for kind, reason, _ in shop.events()] == [("Warning", "RequestsFail")] * events


def test_a_stored_status_that_can_not_be_read_is_counted_and_written_anew(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.api.objects[AUTOSCALERS, NAMESPACE, "catalog"].patch({"status": {"conditions": [{}], "timeline": [{}]}})
    shop.load.rate_per_s = 30

    with shop.operated() as operator:
        decided(shop, "WithinTarget")
        assert operator.decisions("TickFailed") == 1
