"""`promtool` plays what happens against the rules: each alert is there when it must be, and no other."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dashboards.rules.files import FOLDER
from dashboards.rules.scale import LAB, SCALES, Scale
from tests.rules.cases import CLAIMS, FIRES, QUIET
from tests.rules.worlds import Samples, promtool, step_s

DEADLINE_S = 120
EVER = "10d"

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
of_each_scale = pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
# Those of production differ in their windows alone, and a play takes seconds of CPU.
played = pytest.mark.parametrize(
    "scale", [pytest.param(one, marks=[] if one is LAB else [pytest.mark.long], id=one.name) for one in SCALES]
)


@needs_promtool
@of_each_scale
def test_prometheus_takes_the_rules(scale: Scale) -> None:
    _run("promtool", "check", "rules", str(FOLDER / f"{scale.name}.yaml"))


@needs_promtool
@played
@pytest.mark.parametrize("case", FIRES)
def test_it_fires_in_time_and_no_other_does(case: str, scale: Scale, tmp_path: Path) -> None:
    fires = FIRES[case]
    every_s = step_s(scale, fires.coarse)
    calm_s = (fires.calm - 1) * every_s
    within_s = fires.within_steps * every_s or max(CLAIMS[name][SCALES[::-1].index(scale)] for name, _ in fires.alerts)
    expects = [_fired(calm_s, frozenset()), _fired(calm_s + within_s, fires.alerts)]
    _play(tmp_path, scale, fires.worlds, expects, fires.coarse)


@needs_promtool
@played
@pytest.mark.parametrize("case", QUIET)
def test_nothing_fires(case: str, scale: Scale, tmp_path: Path) -> None:
    steps = max(len(values) for samples in QUIET[case] for values in samples.values())
    _play(tmp_path, scale, QUIET[case], [_fired(steps * step_s(scale), frozenset())], 1)


def _fired(at_s: int, alerts: frozenset[tuple[str, str]]) -> dict[str, Any]:
    """That these, and no others, have fired until then."""
    return {
        "expr": f'group by (alertname, severity) (count_over_time(ALERTS{{alertstate="firing"}}[{EVER}]))',
        "eval_time": f"{at_s}s",
        "exp_samples": [
            {"labels": f'{{alertname="{name}", severity="{severity}"}}', "value": 1}
            for name, severity in sorted(alerts)
        ],
    }


def _play(
    folder: Path, scale: Scale, worlds: Sequence[Samples], expects: Sequence[dict[str, Any]], coarse: int
) -> None:
    path = folder / "test.yaml"
    document = promtool(scale, str(FOLDER / f"{scale.name}.yaml"), worlds, expects, coarse)
    path.write_text(json.dumps(document))
    _run("promtool", "test", "rules", str(path))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stdout + done.stderr
