"""The operator at an API that fails: each fault of a request and a watch, and what somebody else changed meanwhile."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.operator import operating
from tests.operator.operating import AUTOSCALERS, DEPLOYMENTS, SCALE, SOON_S, Fault, Shop, decided, scaled
from tests.polling import until

READ_SCALE = "^GET .*/deployments/catalog/scale"
STATUS = "^PATCH .*/httpautoscalers/catalog/status"
LISTS = "^GET (?!.*watch=true).*/pods"
WATCHES = "^GET .*watch=true"


def test_a_target_of_which_something_else_changed_is_scaled_in_the_same_tick(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.fail(SCALE, operating.answers(409))
    shop.fail(READ_SCALE, operating.scales(replicas=1, version="8"))
    shop.load.rate_per_s = 200

    with shop.operated():
        scaled(shop, 3)
        decided(shop, "WithinTarget")

    assert [one.data["metadata"]["resourceVersion"] for one in shop.requests(SCALE)] == ["8"]
    assert "TickFailed" not in shop.reasons()


def test_replicas_that_somebody_else_changed_are_left_to_the_next_tick(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.fail(SCALE, operating.answers(409))
    shop.fail(READ_SCALE, operating.scales(replicas=5, version="8"))
    shop.load.rate_per_s = 30

    with shop.operated():
        decided(shop, "WithinTarget")
        shop.send("PATCH", AUTOSCALERS, "catalog", {"spec": {"minReplicas": 3}})
        scaled(shop, 3)
        until(lambda: shop.status().get("lastScaleTime"), SOON_S, "the scale is told")

    left = "5 stay: somebody asked for them while it was decided on 1"
    assert [one.data["metadata"]["resourceVersion"] for one in shop.requests(SCALE)] == ["7"]
    assert left in [one["message"] for one in shop.status()["timeline"]]
    assert left not in [message for _, _, message in shop.events()]
    assert "TickFailed" not in shop.reasons()


def test_a_scale_that_is_refused_again_is_told(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.fail(SCALE, operating.answers(409), times=2)
    shop.load.rate_per_s = 200

    with shop.operated():
        scaled(shop, 3)
        decided(shop, "WithinTarget")

    failed = next(message for _, reason, message in shop.events() if reason == "TickFailed")
    assert failed.startswith("1 stay instead of 3: PATCH ")
    assert "409 made to fail" in failed


FAULTS = [
    # case                 of a request
    ("a conflict", operating.answers(409)),
    ("too many requests", operating.answers(429, **{"Retry-After": "1"})),
    ("an error", operating.answers(500)),
    ("not available", operating.answers(503)),
    ("not allowed", operating.answers(403)),
    ("no longer known", operating.answers(401)),
    ("no answer in time", operating.too_slow),
    ("the line is cut", operating.hangs_up),
    ("half of an answer", operating.breaks_off),
]
CASES = pytest.mark.parametrize("fault", [case[1] for case in FAULTS], ids=[case[0] for case in FAULTS])


@CASES
def test_a_status_that_can_not_be_written_is_written_by_a_later_tick(shop: Shop, fault: Fault) -> None:
    shop.add_autoscaler()
    shop.fail(STATUS, fault, times=2)
    shop.load.rate_per_s = 30

    with shop.operated() as operator:
        decided(shop, "WithinTarget")
        operator.works()
        assert operator.metrics.healthy


@CASES
def test_a_scale_that_can_not_be_written_is_written_by_a_later_tick(shop: Shop, fault: Fault) -> None:
    shop.add_autoscaler()
    shop.fail(SCALE, fault, times=2)
    shop.load.rate_per_s = 200

    with shop.operated():
        until(lambda: shop.replicas == 3, SOON_S, "three replicas")


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
LOST = [
    # case                           of each watch
    ("its version is too old", operating.streams(GONE)),
    ("it ends", operating.streams({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}})),
    ("the line is cut", operating.hangs_up),
    ("an error", operating.answers(500)),
    ("too many requests", operating.answers(429)),
]


@pytest.mark.parametrize("fault", [case[1] for case in LOST], ids=[case[0] for case in LOST])
def test_a_watch_that_is_lost_is_begun_anew(shop: Shop, fault: Fault) -> None:
    shop.add_autoscaler()
    shop.fail(WATCHES, fault, times=10)  # two of each of the five
    shop.load.rate_per_s = 30

    with shop.operated():
        decided(shop, "WithinTarget")
        shop.send("PATCH", DEPLOYMENTS, "catalog", {"spec": {"replicas": 2}})
        until(lambda: shop.status().get("currentReplicas") == 2, SOON_S, "what somebody asked for is seen")
        until(lambda: not shop.unused(), SOON_S, "each watch is begun anew")


def test_a_target_that_was_made_anew_while_nobody_watched_is_scaled(shop: Shop) -> None:
    async def made_anew(request: web.BaseRequest) -> web.StreamResponse:
        shop.add_deployment(replicas=2, uid="uid-another")
        return await operating.streams(GONE)(request)

    shop.add_autoscaler()
    shop.fail("^GET .*/deployments.*watch=true", made_anew)
    shop.load.rate_per_s = 30

    with shop.operated():
        until(lambda: shop.status().get("currentReplicas") == 2, SOON_S, "the replicas of the new one")


def test_an_api_that_fails_at_the_start_is_waited_for(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.fail("^GET /apis", operating.answers(503), times=3)
    shop.fail(LISTS, operating.answers(500))

    with shop.operated():
        until(lambda: shop.status(), SOON_S, "a status")


def test_a_definition_that_is_not_there_yet_is_waited_for(shop: Shop) -> None:
    shop.add_autoscaler()
    shop.fail("^GET .*/httpautoscalers", operating.answers(404), times=3)

    with shop.operated() as operator:
        assert operator.metrics.healthy
        until(lambda: shop.status(), SOON_S, "a status")
