"""Where the lab's operator is installed, and where not: kubectl and helm are scripts that say what they are to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.core.objects import Object
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes import operator
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from tests.runtimes.kubernetes.programs import program

KUBECTL = Kubectl("a-context", "mine")
FORBIDDEN = None
HELM = """
case "$*" in
*version*) echo v4.0.0 ;;
*list*) echo '[]' ;;
*upgrade*) exec /bin/cat >"$0.values" ;;
esac
"""
ALL = frozenset(operator.DEFINITIONS)
OF_KOPF = frozenset({("kopf.dev", "v1", "clusterkopfpeerings")})


def deployment(namespace: str, *arguments: str) -> Object:
    container = {"name": "operator", **({"args": arguments} if arguments else {})}
    return {
        "metadata": {"name": "operator", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def definition(release: str, namespace: str) -> Object:
    annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
    return {"metadata": {"name": operator.DEFINITION, "annotations": annotations if release else {}}}


def cluster(
    folder: Path,
    operators: list[Object] | None = FORBIDDEN,
    found: Object | None = None,
    served: frozenset[tuple[str, str, str]] = ALL,
) -> None:
    """`found` is the definition of HTTPAutoscaler."""
    answers: dict[str, Any] = {
        "*deployments*--all-namespaces*": None if operators is FORBIDDEN else {"items": operators},
        "*get?crd*": found or "",
        **{
            f"*--raw?/apis/{group}/{version}*": {"resources": [{"name": one[2]} for one in served if one[0] == group]}
            for group, version, _ in served
        },
        "*--raw?/apis*": {"groups": [{"name": group} for group, _, _ in served]},
    }
    lines = [
        f"{asked}) echo 'forbidden' >&2; exit 1 ;;"
        if answer is None
        else f"{asked}) echo '{json.dumps(answer) if answer else ''}' ;;"
        for asked, answer in answers.items()
    ]
    program(folder, "kubectl", "\n".join(['case "$*" in', *lines, "esac"]))
    program(folder, "helm", HELM)


def install(*, namespaced: bool = False) -> None:
    operator.install(KUBECTL, Releases(KUBECTL, lambda step: None), "framework-lab/operator:v1", namespaced=namespaced)


def told(folder: Path) -> dict[str, Any]:
    """The chart's values."""
    values: dict[str, Any] = json.loads((folder / "helm.values").read_text())
    return values


DEFINED = [
    # case                                    the definition's                                     namespaced  makes it
    ("nobody has made it", None, False, True),
    ("it made it itself", definition("operator", "mine"), False, True),
    ("the lab of another namespace", definition("operator", "theirs"), False, False),
    ("another release here", definition("scaling", "mine"), False, False),
    ("somebody without Helm", definition("", ""), False, False),
    ("it may make nothing outside", None, True, False),
]


@pytest.mark.parametrize(("found", "namespaced", "makes"), [c[1:] for c in DEFINED], ids=[c[0] for c in DEFINED])
def test_it_makes_the_definition_that_nobody_has_made(
    programs: Path, found: Object | None, namespaced: bool, makes: bool
) -> None:
    cluster(programs, operators=[], found=found)

    install(namespaced=namespaced)

    assert told(programs)["crd"] == {"install": makes}


BESIDE: list[tuple[str, list[Object] | None]] = [
    # case                                 operators of all namespaces
    ("alone", []),
    ("another lab's", [deployment("theirs", "--namespace=theirs")]),
    ("its own, of an earlier time", [deployment("mine", "--namespace=mine")]),
    ("nobody lets it look", FORBIDDEN),
]


@pytest.mark.parametrize("operators", [c[1] for c in BESIDE], ids=[c[0] for c in BESIDE])
def test_it_stands_beside_those_of_other_namespaces(programs: Path, operators: list[Object] | None) -> None:
    cluster(programs, operators)

    install()

    assert told(programs)["namespaces"] == ["mine"]


def test_it_is_refused_beside_one_of_all_namespaces(programs: Path) -> None:
    cluster(programs, [deployment("theirs", "--namespace=theirs"), deployment("autoscaling")])

    with pytest.raises(RuntimeFailure, match="operator autoscaling/operator scales in all namespaces, "):
        install()

    assert not (programs / "helm.values").exists()


LACKING = [
    # case                               definitions  what is missed
    ("none", frozenset(), "httpautoscalers.autoscaling.frameworklab.dev and kopfpeerings.kopf.dev"),
    ("those of one that looked everywhere", ALL - {operator.DEFINITIONS[1]} | OF_KOPF, "kopfpeerings.kopf.dev"),
]


@pytest.mark.parametrize(("served", "missed"), [c[1:] for c in LACKING], ids=[c[0] for c in LACKING])
def test_what_it_would_lack_is_told(programs: Path, served: frozenset[tuple[str, str, str]], missed: str) -> None:
    cluster(programs, [], served=served)

    with pytest.raises(RuntimeFailure, match=f"^a-context has no definition of {missed}, without which"):
        install(namespaced=True)
