"""How the proof of the simulator reads what it saw, when it says that both agree, and what its page tells."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.scaling.replay import replayed
from benchmarks.scaling.service import Cluster, Service
from lab.core.autoscaling import Autoscaler, Size
from lab.core.schedule import Step
from tools.prove_scaling import SLO, Seen, agrees, flash_crowd, middle, page, seen, starts_s

OURS, HPA = Autoscaler.HTTPAUTOSCALER, Autoscaler.HPA
SERVICE = Service("a service", cpu_s=0.01, service_s=0.03, cores=0.25, threads=4, start_s=(9.0, 9.0))


def sizes(*rows: tuple[float, int, int, int]) -> list[Size]:
    return [Size(*row) for row in rows]


STARTS = [
    # case                  (second, asked for, there, ready) ...                                        started within
    ("one stays", [(0, 1, 1, 1)], []),
    ("one more", [(0, 1, 1, 1), (5, 2, 1, 1), (6, 2, 2, 1), (15, 2, 2, 2)], [9]),
    ("two, one by one", [(0, 1, 1, 1), (5, 3, 3, 1), (14, 3, 3, 2), (16, 3, 3, 3)], [9, 11]),
    ("two at different times", [(0, 1, 1, 1), (5, 2, 2, 1), (8, 3, 3, 1), (14, 3, 3, 2), (18, 3, 3, 3)], [9, 10]),
    ("one that is taken back before it is ready", [(0, 1, 1, 1), (5, 2, 2, 1), (9, 1, 1, 1), (40, 1, 1, 1)], []),
    ("one that is not ready for a while", [(0, 2, 2, 2), (5, 2, 2, 1), (9, 2, 2, 2)], []),
]


@pytest.mark.parametrize(("rows", "expected"), [case[1:] for case in STARTS], ids=[case[0] for case in STARTS])
def test_how_long_replicas_took_to_start(rows: Sequence[tuple[float, int, int, int]], expected: list[float]) -> None:
    assert starts_s(sizes(*rows)) == expected


def test_what_is_seen_of_an_arm() -> None:
    found = seen(sizes((0, 1, 1, 1), (10, 3, 1, 1), (11, 3, 3, 1), (40, 1, 1, 1)), 60)
    assert found == Seen(pod_s=11 + 29 * 3 + 20, first_up_s=10, most=3)


AGREES = [
    # case                           kind                    simulated               under ours, under the HPA
    ("the same", Seen(600, 12, 3), Seen(600, 12, 3), True, True),
    ("a tenth more", Seen(660, 12, 3), Seen(600, 12, 3), True, True),
    ("a fifth more", Seen(720, 12, 3), Seen(600, 12, 3), False, False),
    ("a fifth less", Seen(480, 12, 3), Seen(600, 12, 3), False, False),
    ("ten seconds later", Seen(600, 22, 3), Seen(600, 12, 3), False, True),
    ("a minute later", Seen(600, 72, 3), Seen(600, 12, 3), False, False),
    ("neither ever", Seen(600, None, 1), Seen(600, None, 1), True, True),
    ("one never", Seen(600, None, 1), Seen(600, 12, 3), False, False),
]


@pytest.mark.parametrize(
    ("real", "model", "ours", "hpa"), [case[1:] for case in AGREES], ids=[case[0] for case in AGREES]
)
def test_when_kind_and_simulation_agree(real: Seen, model: Seen, ours: bool, hpa: bool) -> None:
    assert (agrees(OURS, real, model), agrees(HPA, real, model)) == (ours, hpa)


def test_the_middle_of_simulations_counts_those_that_never_rose_as_latest() -> None:
    assert middle([Seen(3, None, 1), Seen(1, 5, 2), Seen(2, 7, 3)]) == Seen(2, 7, 2)


def test_the_load_is_a_flash_crowd_of_ten_minutes() -> None:
    trace = flash_crowd(50)
    rates = [step.rate_per_s for step in trace]
    assert sum(step.duration_s for step in trace) == 600
    assert max(rates) == pytest.approx(50)
    assert rates[0] < 15


class AtOnce:
    """Scales to three at the tenth second."""

    def second(self, cluster: Cluster) -> None:
        if round(cluster.now) == 10:
            cluster.scale(3)


def test_a_replay_tells_sizes_as_a_cluster_does() -> None:
    found = replayed(SERVICE, AtOnce(), [Step(5, 20), Step(1, 20)], SLO, "a seed")
    assert found == (Size(0, 1, 1, 1), Size(10, 3, 3, 1), Size(19, 3, 3, 3))


def test_the_page_names_what_agrees_and_what_does_not() -> None:
    found = {
        OURS: (Seen(660, 12.5, 3), [Seen(600, 10, 3), Seen(610, 11, 3), Seen(590, 12, 3)]),
        HPA: (Seen(900, None, 1), [Seen(600, 30, 3)]),
    }
    told = page(SERVICE, found, 0.03, flash_crowd(50), "2026-11-30")

    assert "| HTTPAutoscaler | replica-seconds | 660 | 600 | 590–610 | +10.0% |" in told
    assert "| | first replicas asked for at | 12.5 s | 11.0 s | 10–12 s | +1.5 s |" in told
    assert "| | first replicas asked for at | – | 30.0 s | 30–30 s | – |" in told
    assert "(5 s and 15 s): HTTPAutoscaler held, HPA missed." in told
    assert "Other work took up to 3.0% of the machine meanwhile." in told
