"""When a release would change, and when somebody changed what it made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.runtimes.kubernetes.releases import digest, unscaled


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("name: tiny\n")
    (tmp_path / "templates" / "web.yaml").write_text("kind: Deployment\n")
    return tmp_path


CHANGES: list[tuple[str, Callable[[Path], object]]] = [
    ("another template", lambda chart: (chart / "templates" / "web.yaml").write_text("kind: Service\n")),
    ("a new one", lambda chart: (chart / "templates" / "more.yaml").touch()),
    ("one less", lambda chart: (chart / "templates" / "web.yaml").unlink()),
    ("another name", lambda chart: (chart / "Chart.yaml").rename(chart / "chart.yaml")),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_another_chart_has_another_digest(chart: Path, change: Callable[[Path], object]) -> None:
    before = digest(chart, {})
    change(chart)

    assert digest(chart, {}) != before


def test_other_values_have_another_digest_in_any_order_the_same(chart: Path) -> None:
    assert digest(chart, {"a": 1, "b": {"c": 2, "d": 3}}) == digest(chart, {"b": {"d": 3, "c": 2}, "a": 1})
    assert digest(chart, {"a": 1}) != digest(chart, {"a": "1"})


def test_a_digest_can_be_a_label(chart: Path) -> None:
    assert len(digest(chart, {})) <= 63
    assert digest(chart, {}).isalnum()


MANIFEST = """---
# Source: tiny/templates/web.yaml
kind: Service
metadata: {name: web}
spec: {type: ClusterIP}
---
kind: Deployment
metadata: {name: web}
spec: {replicas: 2}
---
# Source: tiny/templates/nothing.yaml
---
kind: Deployment
metadata: {name: sized-by-others}
spec: {template: {}}
"""
SERVICE = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "ClusterIP"}}
SECRET = {"kind": "Secret", "metadata": {"name": "web"}}


def deployment(name: str, replicas: int) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": replicas}}


SCALED = [
    # case                      objects                                                    as the release says
    ("as it was made", [SERVICE, SECRET, deployment("web", 2)], True),
    ("more", [SERVICE, deployment("web", 3)], False),
    ("none", [SERVICE, deployment("web", 0)], False),
    ("others decide", [deployment("web", 2), deployment("sized-by-others", 7)], True),
]


@pytest.mark.parametrize(("objects", "expected"), [case[1:] for case in SCALED], ids=[case[0] for case in SCALED])
def test_what_somebody_scaled_is_not_as_the_release_says(objects: list[dict[str, Any]], expected: bool) -> None:
    assert unscaled(MANIFEST, objects) is expected
