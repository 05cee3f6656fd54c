"""What kubeconform checks documents by, offline: a reduction of what a cluster's API server says of itself.

    kubectl get --raw /openapi/v2 | python -m tests.helm.schemas

keeps the kinds that the charts use, without prose, and refuses fields that Kubernetes does not know.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "kubernetes-1.34"
DEFINITIONS = "definitions.json"
LOCATION = f"{FOLDER}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
KINDS = {
    "apiextensions.k8s.io/v1": ["CustomResourceDefinition"],
    "apiregistration.k8s.io/v1": ["APIService"],
    "apps/v1": ["DaemonSet", "Deployment", "StatefulSet"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "batch/v1": ["CronJob", "Job"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
    "rbac.authorization.k8s.io/v1": ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    "v1": ["ConfigMap", "Namespace", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"],
}
INT_OR_STRING = {"type": ["integer", "string"]}
NUMBER_OR_STRING = {"type": ["number", "string"]}
PREFIX = "#/definitions/"


def reduced(definitions: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The definition of each of `KINDS`, by the file name kubeconform asks for; and all that these refer to."""
    roots = {
        _file_name(api_version, kind): name
        for name, definition in definitions.items()
        for api_version, kind in _kinds(definition)
        if kind in KINDS.get(api_version, ())
    }
    kept: dict[str, Any] = {}
    waiting = list(roots.values())
    while waiting:
        if (name := waiting.pop()) not in kept:
            kept[name] = _strict(definitions[name]) if not name.endswith(".Quantity") else NUMBER_OR_STRING
            waiting.extend(_references(kept[name]))
    return roots, kept


def _kinds(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind in definition.get("x-kubernetes-group-version-kind", ()):
        yield "/".join(part for part in (kind["group"], kind["version"]) if part), kind["kind"]


def _file_name(api_version: str, kind: str) -> str:
    """As the `KindSuffix` of kubeconform has it: the first word of the group, then the version."""
    group, _, version = api_version.rpartition("/")
    return "-".join(part for part in (kind.lower(), group.split(".")[0], version) if part) + ".json"


def _strict(definition: Mapping[str, Any]) -> dict[str, Any]:
    if definition.get("format") == "int-or-string":
        return dict(INT_OR_STRING)
    kept = {key: definition[key] for key in ("$ref", "type", "required") if key in definition}
    if "properties" in definition:
        kept["properties"] = {name: _strict(value) for name, value in definition["properties"].items()}
        kept["additionalProperties"] = False
    elif isinstance(other := definition.get("additionalProperties"), Mapping):
        kept["additionalProperties"] = _strict(other)
    if "items" in definition:
        kept["items"] = _strict(definition["items"])
    return kept


def _references(definition: Any) -> Iterator[str]:
    if isinstance(definition, Mapping):
        for key, value in definition.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(PREFIX)
            else:
                yield from _references(value)


def main() -> None:
    roots, definitions = reduced(json.load(sys.stdin)["definitions"])
    FOLDER.mkdir(exist_ok=True)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(definitions[name])}" for name in sorted(definitions))
    (FOLDER / DEFINITIONS).write_text(f'{{"definitions": {{\n{lines}\n}}}}\n')
    for file_name, name in roots.items():
        (FOLDER / file_name).write_text(json.dumps({"$ref": f"{DEFINITIONS}{PREFIX}{name}"}) + "\n")


if __name__ == "__main__":
    main()
