"""How telemetry is named on the command line and in results."""

from __future__ import annotations

import pytest

from lab.core.telemetry import Mode, Telemetry

NAMES = [
    # text, mode, traced, name
    ("off", Mode.OFF, 1.0, "off"),
    ("metrics", Mode.METRICS, 1.0, "metrics"),
    ("official", Mode.OFFICIAL, 1.0, "official-100"),
    ("official-5", Mode.OFFICIAL, 0.05, "official-5"),
    ("official-0.5", Mode.OFFICIAL, 0.005, "official-0.5"),
]
WRONG = ["", "on", "official-", "official-101", "official--5", "metrics-5", "OFF"]


@pytest.mark.parametrize(("text", "mode", "traced", "name"), NAMES)
def test_a_name_is_read_and_written(text: str, mode: Mode, traced: float, name: str) -> None:
    telemetry = Telemetry.parse(text)
    assert (telemetry, telemetry.name) == (Telemetry(mode, traced), name)


@pytest.mark.parametrize("text", WRONG)
def test_any_other_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"none of off|more than all|\(empty\)"):
        Telemetry.parse(text)
