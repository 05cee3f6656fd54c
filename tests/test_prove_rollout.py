"""What the page about rolling updates tells of a run, and whether that is a proof."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from lab.core.deployment import Facts
from lab.core.experiment import Kind
from lab.core.summary import Tried, summarise
from lab.core.trial import Trial
from tests.core.made import ROLLOUT, arms_of, repeat_trial
from tools.prove_rollout import held, page

FACTS = Facts("kind", "nothing is pinned", "A replica may use 250m CPU and 256 MiB.", {"kubernetes": "v1.34.0"})
PROVENANCE: dict[str, Any] = {
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "clean": True},
    "seed": 7,
    "machine": {"cores": 2},
    "runtime": {"components": dict(FACTS.components)},
}
VERSIONS = {"kind": "0.31.0", "helm": "v4.0.0"}


def rollouts(variant: str, repeats: int = 10, failed: int = 0, void: int = 0) -> list[Trial]:
    """Of which the first `void` ones are."""
    figures = {"requests": 1800, "failed": failed, "retried": 1, "slow": 4}
    return [
        repeat_trial(
            variant,
            repeat,
            Kind.ROLLOUT,
            {**figures, "duration_s": 30.0 + repeat},
            void=("steal 5 %",) if repeat < void else (),
        )
        for repeat in range(repeats)
    ]


def recorded(*trials: Trial) -> dict[str, Any]:
    """`summary.json` of two variants."""
    by_arm = {name: [trial for trial in trials if trial.variant == name] for name in ("a", "b")}
    tried = Tried({}, {}, {}, {} if by_arm["b"] else {"b": "no room"}, {}, by_arm)
    document: dict[str, Any] = json.loads(
        json.dumps(summarise("run", ROLLOUT, False, arms_of("a", "b"), tried, FACTS).document())
    )
    return document


RUNS = [
    # case                 trials of b                   -> held  row of b, and what is told below the table
    ("held", rollouts("b"), True, ["| b | 10 | 18000 | 0 | 10 | 40 | 34.0 s (30.0–39.0) | held |"]),
    (
        "one failed each",
        rollouts("b", failed=1),
        False,
        ["| b | 10 | 18000 | 10 | 10 | 40 | 34.0 s (30.0–39.0) | missed |"],
    ),
    ("too few", rollouts("b", 3), False, ["| b | 3 | 5400 | 0 | 3 | 12 | 31.0 s (30.0–32.0) | too few |"]),
    (
        "one void",
        rollouts("b", void=1),
        False,
        ["| b | 9 of 10 | 16200 | 0 | 9 | 36 | 35.0 s (31.0–39.0) | too few |", "Void: b: steal 5 %."],
    ),
    ("dropped out", [], False, ["| b | 0 | – | – | – | – | – | not known |", "Void: b: no room."]),
]


@pytest.mark.parametrize(("trials", "proof", "lines"), [case[1:] for case in RUNS], ids=[case[0] for case in RUNS])
def test_a_page_has_a_row_for_each_variant(trials: Sequence[Trial], proof: bool, lines: list[str]) -> None:
    summary = recorded(*rollouts("a"), *trials)
    told = page(summary, PROVENANCE, VERSIONS, "2026-11-21").splitlines()
    assert held(summary) is proof
    assert [line for line in lines if line not in told] == []
    assert "| a | 10 | 18000 | 0 | 10 | 40 | 34.0 s (30.0–39.0) | held |" in told


def test_a_page_says_of_what_and_by_what_goal() -> None:
    told = page(recorded(*rollouts("a"), *rollouts("b")), PROVENANCE, VERSIONS, "2026-11-21")
    assert told.startswith(
        "# What clients notice of rolling updates\n\n"
        "2026-11-21, `make prove-rollout`: kind 0.31.0, Kubernetes v1.34.0, helm v4.0.0, 2 CPUs; commit 0123456789ab.\n"
    )
    assert "replaces 2 replicas of a variant, as an update does, under 30 requests a second" in told
    assert "no request failed and at most 0.1% were sent again, of at least 10000 requests over 10 repeats" in told
    assert "A replica may use 250m CPU and 256 MiB." in told


@pytest.mark.parametrize(
    ("git", "told"), [({**PROVENANCE["git"], "clean": False}, "0123456789ab with changes."), (None, "not known.")]
)
def test_a_page_says_what_is_in_no_commit(git: dict[str, Any] | None, told: str) -> None:
    summary = recorded(*rollouts("a"), *rollouts("b"))
    assert f"commit {told}" in page(summary, {**PROVENANCE, "git": git}, VERSIONS, "2026-11-21")
