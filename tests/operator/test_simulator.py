"""The simulated service behaves as queues, clients and pods do, and who scales it is judged by it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scaler.spec import Objective

from benchmarks.scaling.contest import HpaArm, KedaArm, OursArm
from benchmarks.scaling.rivals import Signal
from benchmarks.scaling.score import run
from benchmarks.scaling.service import DRAIN_S, SERVICES, START_S, STEPS_PER_S, Cluster, Service, amounts
from benchmarks.scaling.traces import PEAK_PER_S, SHAPES, Trace, generated, read

OBJECTIVE = Objective()
LOOP = Service("loop")
PINNED = Service("pinned", renewed_s=60.0)


def loaded(cluster: Cluster, rate_per_s: float, seconds: float) -> None:
    for _, amount in amounts([rate_per_s] * round(seconds), seed="load"):
        cluster.step(amount)


def share_late(rate_per_s: float) -> float:
    """Of one replica's requests within two hours."""
    cluster = Cluster(LOOP, 1, OBJECTIVE, "late")
    loaded(cluster, rate_per_s, 7200)
    return cluster.bad / cluster.arrived


class Still:
    """Scales nothing."""

    def second(self, cluster: Cluster) -> None:
        pass


@pytest.mark.parametrize("used", [0.8, 0.85, 0.9])
def test_one_replica_is_late_as_often_as_an_m_m_1_queue(used: float) -> None:
    # P(wait > t) = u·exp(-(1-u)·c·t); a fifth either way is what steps of 0.2 s and two hours of chance come to.
    wait_s = OBJECTIVE.latency_s - LOOP.service_s
    late = used * math.exp(-(1 - used) * LOOP.capacity * wait_s)
    assert share_late(used * LOOP.capacity) == pytest.approx(late, rel=0.2)


def test_what_a_replica_carries_keeps_the_objective() -> None:
    assert share_late(0.95 * LOOP.carries(OBJECTIVE)) < 1 - OBJECTIVE.share < share_late(1.05 * LOOP.carries(OBJECTIVE))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_nothing_is_lost(service: Service) -> None:
    cluster = Cluster(service, 2, OBJECTIVE, "lost")
    loaded(cluster, 150, 60)
    there = sum(one.completed + one.waiting for one in cluster.replicas)
    assert there == pytest.approx(cluster.arrived)
    assert sum(one.share for one in cluster.replicas) == pytest.approx(1)


def test_more_than_a_replica_can_is_refused_or_late() -> None:
    cluster = Cluster(LOOP, 1, OBJECTIVE, "full")
    loaded(cluster, 2 * LOOP.capacity, 120)
    assert cluster.replicas[0].completed == pytest.approx(120 * LOOP.capacity, rel=0.01)
    assert cluster.bad / cluster.arrived > 0.99


def test_a_new_replica_takes_its_time_and_what_is_removed_drains() -> None:
    cluster = Cluster(LOOP, 1, OBJECTIVE, "pods")
    loaded(cluster, 50, 1)
    cluster.scale(3)
    loaded(cluster, 50, START_S[0] - 1)
    assert (len(cluster.ready), len(cluster.replicas)) == (1, 3)
    loaded(cluster, 50, START_S[1] - START_S[0] + 2)
    assert len(cluster.ready) == 3
    cluster.scale(1)
    assert [one.name for one in cluster.ready] == ["r1"]
    loaded(cluster, 50, DRAIN_S - 1)
    assert len(cluster.replicas) == 3
    loaded(cluster, 50, 2)
    assert [one.name for one in cluster.replicas] == ["r1"]


def test_what_is_not_ready_goes_first_and_at_once() -> None:
    cluster = Cluster(LOOP, 2, OBJECTIVE, "pods")
    cluster.scale(4)
    cluster.scale(1)
    assert [one.name for one in cluster.replicas if one.ready_at > cluster.now] == []
    assert len(cluster.ready) == 1


@pytest.mark.parametrize(("service", "within_s", "least", "most"), [(LOOP, 10, 0.4, 0.5), (PINNED, 10, 0.05, 0.1)])
def test_a_new_replica_gets_load_as_connections_are_renewed(
    service: Service, within_s: float, least: float, most: float
) -> None:
    cluster = Cluster(service, 1, OBJECTIVE, "connections")
    cluster.scale(2)
    while len(cluster.ready) < 2:
        cluster.step(0.0)
    loaded(cluster, 50, within_s)
    assert least < cluster.replicas[1].share < most


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_full_replica_tells_so(service: Service) -> None:
    cluster = Cluster(service, 1, OBJECTIVE, "told")
    loaded(cluster, 2 * service.capacity, 30)
    one = cluster.replicas[0]
    assert one.cpu_s == pytest.approx(30 * service.cores, rel=0.05)
    assert one.busy_s == pytest.approx(30 * (service.threads or 1), rel=0.05)
    assert one.in_flight == (service.threads or pytest.approx(one.waiting, rel=0.05))


@pytest.mark.parametrize(
    "arm",
    [OursArm(), HpaArm(70), KedaArm(Signal.COMPLETED, 0.7, 20, 8, 15, 120, True)],
    ids=lambda arm: type(arm).__name__,
)
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_everyone_follows_a_load_that_stays(arm: OursArm | HpaArm | KedaArm, service: Service) -> None:
    """To as many replicas as 70 % of their capacity needs, give or take a tenth and one."""
    cluster = Cluster(service, 1, OBJECTIVE, "follow")
    scales = arm.make(service, "follow")
    for number, (_, amount) in enumerate(amounts([350.0] * 900, "follow")):
        cluster.step(amount)
        if (number + 1) % STEPS_PER_S == 0:
            scales.second(cluster)
    assert 350 / 70 * 0.9 - 1 <= cluster.asked_for <= 350 / 70 * 1.1 + 2


@pytest.mark.parametrize(
    ("arm", "average_s", "worst_s"),  # the average between two bounds
    [
        # A tick every 5 s, of which it takes one or two to tell a step from chance.
        (OursArm(), (2.5, 6), 10),
        # Half a window of 15 s, and on average half of 10 s (kubelet), of 15 s (metrics-server) and of 15 s (HPA).
        (HpaArm(50), (22, 32), 55),
    ],
    ids=["ours", "HPA"],
)
def test_how_long_it_takes_until_a_step_is_answered(
    arm: OursArm | HpaArm, average_s: tuple[float, float], worst_s: float
) -> None:
    waits = [answered(arm, seed) for seed in range(100)]
    assert average_s[0] <= sum(waits) / len(waits) <= average_s[1]
    assert max(waits) <= worst_s


def answered(arm: OursArm | HpaArm, seed: int) -> float:
    """Seconds from a step, after which one replica is full, until more replicas are asked for."""
    cluster = Cluster(LOOP, 1, OBJECTIVE, "answered")
    scales = arm.make(LOOP, str(seed))
    for number, (_, amount) in enumerate(amounts([10.0] * 120 + [250.0] * 120, "answered")):
        cluster.step(amount)
        if (number + 1) % STEPS_PER_S == 0:
            scales.second(cluster)
            if cluster.asked_for > 1:
                return cluster.now - 120
    raise AssertionError("never")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_replicas_that_start_are_not_chased(service: Service) -> None:
    """A step from one replica to four, which take 8 to 14 s to start: what waits meanwhile is no load of its own."""
    cluster = Cluster(service, 1, OBJECTIVE, "chased")
    scales = OursArm().make(service, "chased")
    most = 1
    for number, (_, amount) in enumerate(amounts([50.0] * 120 + [250.0] * 240, "chased")):
        cluster.step(amount)
        if (number + 1) % STEPS_PER_S == 0:
            scales.second(cluster)
            most = max(most, cluster.asked_for)
    assert 4 <= most <= 8


def test_a_run_is_the_same_again() -> None:
    trace = Trace("short", tuple([80.0] * 60 + [400.0] * 120))
    scores = [run(LOOP, trace, OursArm().make(LOOP, "s"), OBJECTIVE, "s") for _ in range(2)]
    assert scores[0] == scores[1]


def test_elasticity_is_relative_to_what_the_load_needs() -> None:
    # Of four minutes, one needs one replica and three need two (one carries 80.9); two are there at first, and stay.
    trace = Trace("two", tuple([120.0] * 60 + [50.0] * 60 + [120.0] * 120))
    found = run(LOOP, trace, Still(), OBJECTIVE, "two")
    assert (found.under, found.over, found.under_time, found.over_time) == (0, 0.25, 0, 0.25)
    lacking = run(LOOP, Trace("up", tuple([50.0] * 60 + [300.0] * 60)), Still(), OBJECTIVE, "up")
    assert (lacking.under, lacking.under_time) == (0.75 / 2, 0.5)
    assert found.replicas == pytest.approx(2)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_seed_gives_one_trace(shape: object) -> None:
    assert generated(3) == generated(3)
    assert generated(3) != generated(4)


def test_a_real_trace_is_scaled_in_height_and_time(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("minute,requests\n00:00,100\n00:01,200\n00:02,50\n")
    trace = read(file)
    assert trace.name == "day"
    assert len(trace.rates_per_s) == 30
    assert trace.rates_per_s[0] == PEAK_PER_S / 2
    assert trace.rates_per_s[15] == PEAK_PER_S


@pytest.mark.parametrize("text", ["", "minute,requests\n00:00,1\n", "minute,hits\n00:00,1\n00:01,2\n"])
def test_a_file_that_is_no_trace_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "day.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match="requests"):
        read(file)
