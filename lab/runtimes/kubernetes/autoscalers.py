"""Autoscalers over the services of a lab: each comes and goes with a change of its service's release.

The operator of those that are the lab's own comes with the first of them, and stays until it is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.core.autoscaling import Autoscaler, Autoscaling
from lab.runtimes.kubernetes import operator, values
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.values import Values
from lab.runtimes.kubernetes.waiting import Waiting

DECIDES_WITHIN_S = 120.0  # the metrics of a new pod take a minute to reach an HPA
DECIDES = {  # what each is in the API, and its condition that says that it knows what a service does
    Autoscaler.HTTPAUTOSCALER: (operator.DEFINITION, "Ready"),
    Autoscaler.HPA: ("horizontalpodautoscalers.autoscaling", "ScalingActive"),
}


class Autoscalers:
    """`change` makes a release what values say."""

    def __init__(
        self,
        kubectl: Kubectl,
        releases: Releases,
        waiting: Waiting,
        change: Callable[[str, Values], None],
        operator_image: str,
        *,
        namespaced: bool,
    ) -> None:
        self._kubectl = kubectl
        self._releases = releases
        self._waiting = waiting
        self._change = change
        self._image = operator_image
        self._namespaced = namespaced
        self._operated = False

    @contextmanager
    def over(self, release: str, told: Values, autoscaling: Autoscaling) -> Iterator[None]:
        """In the block one scales the release, which is as it was `told` afterwards, in its replicas too."""
        if autoscaling.by is Autoscaler.NONE:
            yield
            return
        if autoscaling.by is Autoscaler.HTTPAUTOSCALER:
            operator.install(self._kubectl, self._releases, self._image, namespaced=self._namespaced)
            self._operated = True
            operator.ready(self._waiting)
        try:
            self._change(release, values.merged(told, values.autoscaler(autoscaling)))
            kind, condition = DECIDES[autoscaling.by]
            self._waiting.holds(f"{kind}/{release}", condition, DECIDES_WITHIN_S)
            yield
        finally:
            self._change(release, told)

    def remove_operator(self) -> None:
        """If it is here for these, and scales nothing else."""
        if self._operated and not self._kubectl.items("get", operator.DEFINITION):
            operator.remove(self._releases)
