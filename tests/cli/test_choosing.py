"""Which runtime a command uses is what was named, else what this machine can do; every problem is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.cli.choosing import Choice, RuntimeName, choose
from lab.errors import InputError

NOTHING: dict[str, Any] = {
    "runtime": None,
    "context": "",
    "namespace": "",
    "image_prefix": "",
    "namespaced": False,
    "without": None,
}


def chosen(environ: Mapping[str, str] | None = None, unsuitable: tuple[str, ...] = (), **given: Any) -> Choice:
    return choose(**{**NOTHING, **given}, environ=environ or {}, unsuitable=lambda: unsuitable)


@pytest.mark.parametrize(
    ("environ", "unsuitable", "given", "runtime"),
    [
        ({}, (), {}, RuntimeName.KIND),
        ({}, ("kubectl is not on PATH",), {}, RuntimeName.LOCAL),
        ({"LAB_RUNTIME": "local"}, (), {}, RuntimeName.LOCAL),
        ({"LAB_RUNTIME": "local"}, (), {"runtime": "kind"}, RuntimeName.KIND),
        ({}, (), {"runtime": "kubernetes", "context": "kind-mine"}, RuntimeName.KUBERNETES),
    ],
    ids=["all is there", "something is missing", "the environment says", "the option says more", "a context"],
)
def test_the_runtime(
    environ: Mapping[str, str], unsuitable: tuple[str, ...], given: Mapping[str, Any], runtime: RuntimeName
) -> None:
    assert chosen(environ, unsuitable, **given).runtime is runtime


def test_why_it_is_not_kind() -> None:
    why = chosen(unsuitable=("kubectl is not on PATH", "kind is not on PATH")).why

    assert why == "kind cannot be used: kubectl is not on PATH (and 1 more)"


@pytest.mark.parametrize(
    ("given", "without"),
    [
        ({}, {"tempo"}),
        ({"without": "grafana"}, {"grafana"}),
        ({"without": ""}, set()),
        ({"without": "prometheus"}, {"prometheus", "alertmanager", "grafana"}),
        ({"without": "collector"}, {"collector", "tempo"}),
        ({"without": "prometheus,tempo"}, {"prometheus", "tempo", "alertmanager", "grafana", "collector"}),
    ],
    ids=["the environment", "the option", "an empty option", "metrics", "traces", "all that takes what is collected"],
)
def test_what_is_left_out(given: Mapping[str, Any], without: set[str]) -> None:
    assert chosen({"LAB_WITHOUT": "tempo"}, **given).without == without


@pytest.mark.parametrize(
    ("environ", "given", "problems"),
    [
        ({"LAB_RUNTIME": "docker"}, {}, ["LAB_RUNTIME: docker is none of local, kind, kubernetes"]),
        (
            {},
            {"runtime": "kubernetes"},
            [
                "--context: missing; a cluster that is not kind's is only used when it is named",
                "--image-prefix: missing; where the cluster finds images, for example  ghcr.io/me",
            ],
        ),
        (
            {},
            {"runtime": "kind", "context": "staging", "namespaced": True},
            ["--context: only --runtime kubernetes has it", "--namespaced: only --runtime kubernetes has it"],
        ),
        (
            {},
            {"runtime": "kind", "without": "grafana,loki"},
            [
                "--without: loki is none of prometheus, alertmanager, collector, tempo, grafana, metrics-server",
            ],
        ),
        (
            {},
            {"runtime": "local", "without": "grafana"},
            ["--without, --platform-values: the runtime local has no platform"],
        ),
        (
            {},
            {"runtime": "kubernetes", "context": "staging", "image_prefix": "https://ghcr.io/me"},
            ["--image-prefix: https://ghcr.io/me is not REGISTRY/PATH; for example  ghcr.io/me"],
        ),
    ],
    ids=[
        "a runtime",
        "a cluster without a name",
        "options of another runtime",
        "a part",
        "a part of nothing",
        "an address",
    ],
)
def test_what_is_wrong(environ: Mapping[str, str], given: Mapping[str, Any], problems: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        chosen(environ, **given)

    assert list(refused.value.problems) == problems
