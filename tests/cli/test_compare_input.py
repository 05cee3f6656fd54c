"""What `lab compare` says of wrong input, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli.main import run

BAD_SCENARIO = """
title: Three mistakes
workload:
  rate_per_s: 0
  timeout_s: 5
  requests: [{operation: getProducts, weight: 1}]
slo: {error_share: 2}
"""

CASES = [
    # case                       arguments                                              what is said
    (
        "unknown variant",
        ["--variants", "fastapi,rails", "--scenario", "ping"],
        ["there is no variant rails; there are django, fastapi, flask"],
    ),
    ("named twice", ["--variants", "flask,flask", "--scenario", "ping"], ["flask is named more than once"]),
    ("unknown scenario", ["--scenario", "brows"], ["none of browse, checkout, coldstart, drain,"]),
    (
        "three mistakes in a scenario, and a variant",
        ["--variants", "rails", "--scenario", "bad.yaml"],
        ["rate_per_s: 0 is not above 0", "slo.p99_ms: missing", "slo.error_share: 2", "there is no variant rails"],
    ),
    (
        "a stack that lacks a role",
        ["--stack", "catalog=flask,orders=django", "--scenario", "recommend"],
        ["catalog=flask,orders=django does not play recommend, which recommend needs"],
    ),
    (
        "a stack of one role",
        ["--stack", "catalog=flask", "--scenario", "checkout"],
        ["catalog=flask does not play orders, which checkout needs"],
    ),
    (
        "three mistakes in a factor, and a variant",
        ["--variants", "rails", "--scenario", "ping", "--factor", "telemetry=on,off,off", "--telemetry", "all"],
        ["exclude each other", "--factor: on is none of", "off is named more than once", "no variant rails"],
    ),
    ("a factor of one level", ["--scenario", "ping", "--factor", "telemetry=off"], ["off alone has nothing"]),
    (
        "autoscalers without a load that changes",
        ["--scenario", "ping", "--autoscaler", "hpa"],
        ["--autoscaler: the load of ping is constant; for example  --scenario scaleout"],
    ),
    (
        "unknown autoscalers, and no metrics for ours",
        ["--scenario", "scaleout", "--autoscaler", "hpa,keda", "--telemetry", "off"],
        ["--autoscaler: keda is none of", "--telemetry: httpautoscaler decides by metrics"],
    ),
    (
        "an autoscaler without what it learns from",
        ["--scenario", "scaleout", "--runtime", "kind", "--without", "metrics-server"],
        ["--without: metrics-server is what hpa learns of CPU from"],
    ),
    ("no such folder", ["--services", "nowhere", "--scenario", "ping"], ["nowhere: not a folder"]),
    ("results where none can be", ["--scenario", "ping", "--results", "bad.yaml/results"], ["bad.yaml/results"]),
]


@pytest.mark.parametrize(("arguments", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_problem_is_told_at_once(
    arguments: list[str],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BAD_SCENARIO)
    assert run(["compare", *arguments, "--quick"]) == 2
    told = capsys.readouterr().err
    assert [text for text in said if text not in told] == []
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]
