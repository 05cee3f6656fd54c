"""How the CPUs of a machine are divided between replicas and everything else."""

from __future__ import annotations

import pytest

from lab.core.pinning import divide

CASES = [
    # case                                     cores                                    -> replicas      lab
    ("two CPUs: one each", [[0], [1]], (1,), (0,)),
    ("three: the odd one is the lab's", [[0], [1], [2]], (2,), (0, 1)),
    ("four: half each", [[0], [1], [2], [3]], (2, 3), (0, 1)),
    ("numbers need not start at 0", [[4], [9]], (9,), (4,)),
    ("threads of a core stay together", [[0, 4], [1, 5], [2, 6], [3, 7]], (2, 3, 6, 7), (0, 1, 4, 5)),
    ("one core of two threads is divided", [[0, 1]], (1,), (0,)),
    ("one CPU: nothing is pinned", [[3]], (), ()),
    ("a system that cannot pin", [], (), ()),
]


@pytest.mark.parametrize(("cores", "replicas", "lab"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_divide(cores: list[list[int]], replicas: tuple[int, ...], lab: tuple[int, ...]) -> None:
    pinning = divide(cores)

    assert (pinning.replicas, pinning.lab) == (replicas, lab)


TEXTS = [
    ([[0], [1]], "replicas on CPU 1; load generator, PostgreSQL, Valkey and the lab on CPU 0"),
    ([[0], [1], [2]], "replicas on CPU 2; load generator, PostgreSQL, Valkey and the lab on CPUs 0, 1"),
    ([[0]], "not pinned: there is one CPU only"),
    ([], "not pinned: this system does not let a process choose its CPUs"),
]


@pytest.mark.parametrize(("cores", "text"), TEXTS)
def test_the_results_say_how(cores: list[list[int]], text: str) -> None:
    assert divide(cores).text == text
