"""Which runtime a command uses: the one that is named, else kind where it can be used, else the embedded one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from lab.core.images import is_prefix
from lab.errors import InputError
from lab.runtimes.kubernetes.place import NAMESPACE
from lab.runtimes.kubernetes.preflight import suitable
from lab.runtimes.kubernetes.values import PARTS, without_useless

KIND_CONTEXT = "kind-"
Command = TypeVar("Command", bound=Callable[..., object])


class RuntimeName(StrEnum):
    LOCAL = "local"
    KIND = "kind"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a lab is to run, and why there. `without` and `platform`, values of the chart, are of any cluster.

    What follows them is of the runtime kubernetes.
    """

    runtime: RuntimeName
    why: str
    without: frozenset[str] = frozenset()
    platform: Mapping[str, Any] = field(default_factory=dict)
    context: str = ""
    namespace: str = NAMESPACE
    image_prefix: str = ""
    namespaced: bool = False

    @property
    def on_cluster(self) -> bool:
        return self.runtime is not RuntimeName.LOCAL


def runtime_options(command: Command) -> Command:
    """The options from which `choose` reads."""
    for option in reversed(
        (
            click.option(
                "--runtime",
                type=click.Choice([name.value for name in RuntimeName]),
                help="Where replicas live.  [default: LAB_RUNTIME, or kind where it can be used, or local]",
            ),
            click.option("--context", default="", help="Of kubectl, for --runtime kubernetes."),
            click.option("--namespace", default="", help=f"Of --runtime kubernetes.  [default: {NAMESPACE}]"),
            click.option("--image-prefix", default="", help="Where --runtime kubernetes finds images: REGISTRY/PATH."),
            click.option("--namespaced", is_flag=True, help="Make nothing outside the namespace, which must be there."),
            click.option(
                "--without",
                default=None,
                help=f"Parts of the platform to leave out: {', '.join(PARTS)}.  [default: LAB_WITHOUT]",
            ),
            click.option(
                "--platform-values",
                type=click.Path(path_type=Path),
                help="Values of helm/platform, a YAML file: other images, addresses of what exists already.",
            ),
        )
    ):
        command = option(command)
    return command


def choose(
    runtime: str | None,
    context: str,
    namespace: str,
    image_prefix: str,
    namespaced: bool,
    without: str | None,
    platform_values: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    unsuitable: Callable[[], Sequence[str]] = suitable,
) -> Choice:
    """`unsuitable` tells why kind cannot be used here. Raises InputError with every problem."""
    problems: list[str] = []
    name, why = _named(runtime, environ, unsuitable, problems)
    parts = [part for part in (environ.get("LAB_WITHOUT", "") if without is None else without).split(",") if part]
    problems += [f"--without: {part} is none of {', '.join(PARTS)}" for part in parts if part not in PARTS]
    platform = _values(platform_values, problems) if platform_values else {}
    if name is RuntimeName.KUBERNETES:
        problems += _kubernetes_problems(context, image_prefix)
    else:
        given = {
            "--context": context,
            "--namespace": namespace,
            "--image-prefix": image_prefix,
            "--namespaced": namespaced,
        }
        problems += [f"{option}: only --runtime kubernetes has it" for option, value in given.items() if value]
    if name is RuntimeName.LOCAL and (without or platform_values):
        problems.append("--without, --platform-values: the runtime local has no platform")
    if image_prefix and not is_prefix(image_prefix):
        problems.append(f"--image-prefix: {image_prefix} is not REGISTRY/PATH; for example  ghcr.io/me")
    if problems:
        raise InputError("where it is to run", problems)
    return Choice(
        runtime=name,
        why=why,
        without=without_useless(parts),
        platform=platform,
        context=context,
        namespace=namespace or NAMESPACE,
        image_prefix=image_prefix,
        namespaced=namespaced,
    )


def _named(
    runtime: str | None, environ: Mapping[str, str], unsuitable: Callable[[], Sequence[str]], problems: list[str]
) -> tuple[RuntimeName, str]:
    if runtime:
        return RuntimeName(runtime), "as --runtime says"
    if named := environ.get("LAB_RUNTIME", ""):
        if named in tuple(RuntimeName):
            return RuntimeName(named), "as LAB_RUNTIME says"
        problems.append(f"LAB_RUNTIME: {named} is none of {', '.join(RuntimeName)}")
        return RuntimeName.LOCAL, ""
    if reasons := unsuitable():
        return RuntimeName.LOCAL, f"kind cannot be used: {_listed(reasons)}"
    return RuntimeName.KIND, "Docker, kind, helm and kubectl are here; --runtime local needs none of them"


def _values(file: Path, problems: list[str]) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"--platform-values: {file} cannot be read: {error}")
        return {}
    if not isinstance(values, dict):
        problems.append(f"--platform-values: {file} is not a mapping")
        return {}
    return values


def _kubernetes_problems(context: str, image_prefix: str) -> list[str]:
    problems = []
    if not context:
        problems.append("--context: missing; a cluster that is not kind's is only used when it is named")
    if not image_prefix and not context.startswith(KIND_CONTEXT):
        problems.append("--image-prefix: missing; where the cluster finds images, for example  ghcr.io/me")
    return problems


def _listed(reasons: Sequence[str]) -> str:
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"
