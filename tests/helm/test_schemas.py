"""What kubeconform checks by, offline: it refuses what Kubernetes does not know."""

from __future__ import annotations

import pytest

from lab.tree import ROOT
from tests.helm import charts

pytestmark = charts.needs_kubeconform

GOOD = "apiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {ports: [{port: 80, targetPort: http}]}\n"
WRONG = [
    ("an unknown field", "targetPort", "targetPorts"),
    ("a wrong type", "port: 80", "port: http"),
    ("an unknown kind", "Service", "Servant"),
    ("a key twice", "port: 80", "port: 80, port: 81"),
]


def test_it_takes_what_is_right() -> None:
    charts.conform(GOOD)


def test_what_is_applied_without_helm_is_right() -> None:
    charts.conform((ROOT / "k8s" / "role.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_it_refuses(old: str, new: str) -> None:
    with pytest.raises(AssertionError):
        charts.conform(GOOD.replace(old, new))
