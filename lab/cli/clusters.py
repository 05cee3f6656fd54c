"""What the commands of a lab that stays do where it is on a cluster."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lab.core.objects import Object, is_ending, name_of
from lab.core.starting import is_ready
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.kubernetes import opening, operator
from lab.runtimes.kubernetes.kind import KindCluster
from lab.runtimes.kubernetes.place import FILE, Place
from lab.runtimes.kubernetes.pods import CONTAINER, selector
from lab.runtimes.kubernetes.runtime import READY_WITHIN_S, release_name
from lab.runtimes.kubernetes.values import PORT
from lab.runtimes.kubernetes.waiting import Waiting

ROLE = "frameworklab.dev/role"
OF_LAB = "--selector=app.kubernetes.io/part-of=framework-lab"
OF_SERVICES = f"{OF_LAB},{ROLE}"
PODS_FOLLOWED_MAX = 20


def show_status(place: Place) -> None:
    """A row for each replica, narrow enough for 80 columns."""
    table = Table("replica", "state", "restarts", "url in the cluster", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    deployments = place.kubectl.items("get", "deployments", OF_SERVICES)
    pods = place.kubectl.items("get", "pods", OF_SERVICES)
    for deployment in deployments:
        name = name_of(deployment)
        url = f"http://{name}:{PORT}"
        of_service = [pod for pod in pods if pod["metadata"]["labels"]["app.kubernetes.io/instance"] == name]
        if not of_service:
            table.add_row(f"{name}: none", "", "", url)
        for pod in of_service:
            table.add_row(name_of(pod), _state(pod), str(_restarts(pod)), url)
    console = Console()
    console.print(table)
    where = f"context {place.context}, namespace {place.namespace}"
    console.print(f"On {where}.", highlight=False, soft_wrap=True)
    for line in opening.addresses(place):
        console.print(line, highlight=False, soft_wrap=True)


def scale(place: Place, service: str, replicas: int) -> None:
    """Returns when all are ready."""
    release = _release(place, service)
    place.kubectl.run("scale", f"deployment/{release}", f"--replicas={replicas}")
    Waiting(place.kubectl, lambda step: click.echo(step, err=True)).ready([f"deployment/{release}"], READY_WITHIN_S)


def autoscaler_status(place: Place, name: str) -> Object:
    """Of the HTTPAutoscaler of that name, or of that service; empty before the operator has looked at it."""
    if not operator.is_defined(place.kubectl):
        raise RuntimeFailure(f"{place.context} knows no HTTPAutoscaler; install the operator: see docs/autoscaling.md")
    autoscalers = place.kubectl.items("get", operator.DEFINITION)
    found: Object = autoscaler_of(release_name(name), autoscalers).get("status", {})
    return found


def autoscaler_of(name: str, autoscalers: Sequence[Object]) -> Object:
    """The one of that name, else the one whose target has it; raises InputError where neither is there."""
    by_target = {str(one["spec"]["scaleTargetRef"]["name"]): one for one in autoscalers}
    by_name = {name_of(one): one for one in autoscalers}
    found = by_name.get(name) or by_target.get(name)
    if found is None:
        there = f"there are {', '.join(by_name)}" if by_name else "none is there; docs/autoscaling.md shows one"
        raise InputError("the autoscaler's name", [f"no HTTPAutoscaler {name}; {there}"])
    return found


def show_logs(place: Place, name: str, following: bool) -> int:
    """Of a service, a pod, or a part of the platform: kubectl's own output and exit code."""
    argv = place.kubectl.argv(
        "logs",
        *_logged(place, name),
        "--prefix",
        "--tail=-1",
        f"--max-log-requests={PODS_FOLLOWED_MAX}",
        *(["--follow"] if following else []),
    )
    return subprocess.run(argv, check=False).returncode


def end(place: Place, directory: Path) -> str:
    """Removes all of it, and says what that was. Of a cluster that is not the lab's own: what it made there."""
    if place.cluster:
        assert place.kubeconfig
        KindCluster(place.cluster, place.config, place.kubeconfig).delete()
        said = f"Removed the kind cluster {place.cluster}."
    else:
        try:
            opening.remove_all(place, lambda step: click.echo(step, err=True))
        except RuntimeFailure as failure:
            forget = shlex.join(["rm", str(directory / FILE)])
            raise RuntimeFailure(f"{failure}\nIf that cluster is gone for good, forget it: {forget}") from failure
        said = f"Removed the lab from namespace {place.namespace} of {place.context}."
    Place.forget(directory)
    (directory / opening.LOCK).unlink(missing_ok=True)
    return said


def _release(place: Place, service: str) -> str:
    """The release that `lab status` calls so."""
    known = [name_of(one) for one in place.kubectl.items("get", "deployments", OF_SERVICES)]
    release = release_name(service)
    if release not in known:
        there = f"there are {', '.join(known)}" if known else "none is up"
        raise InputError("the service's name", [f"no service {service}; {there}"])
    return release


def _logged(place: Place, name: str) -> tuple[str, str]:
    """Whose logs kubectl shall show, and of which of its containers."""
    objects = place.kubectl.items("get", "deployments,pods", OF_LAB)
    services = [name_of(one) for one in objects if one["kind"] == "Deployment" and ROLE in one["metadata"]["labels"]]
    others = {name_of(one): one for one in objects if name_of(one) not in services}
    if release_name(name) in services:
        return selector(release_name(name)), f"--container={CONTAINER}"
    if name in others:
        return f"{others[name]['kind'].lower()}/{name}", "--all-containers"
    there = f"there are {', '.join(services)}" if services else "none is up"
    parts = [one for one in others if others[one]["kind"] == "Deployment"]
    beside = f"; beside services, {', '.join(parts)} and each replica of lab status" if parts else ""
    raise InputError("the service's name", [f"no service {name}; {there}{beside}"])


def _state(pod: Object) -> str:
    if is_ending(pod):
        return "ending"
    return "ready" if is_ready(pod) else str(pod["status"]["phase"]).lower()


def _restarts(pod: Object) -> int:
    statuses: Sequence[Object] = pod["status"].get("containerStatuses", ())
    return sum(status["restartCount"] for status in statuses)
